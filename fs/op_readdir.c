// SPDX-License-Identifier: Apache-2.0
// READDIR and READDIRPLUS: entries in order of arrival, from the store. The cookie is the
// position plus two (1 and 2 are "." and ".."), so the first page of a long listing is
// answered while the second one is on its way. Whoever reads near the end of what is here
// makes the next page come.
//
// The root of a mount of one repository may move while it is listed. Its cookies say of which
// turn the listing is, which then goes on to its end: no name is lost or doubled. What remains of
// it is names only, for the kernel has been told to forget what they meant.
//
// A virtual folder gives names and types only, and the kernel learns nothing else from them: what
// each name is may be a question to the Hub of its own.
#include "fs/hidden.h"
#include "fs/ops.h"

struct readdir_wait {
    struct mount *mount;
    parked_id id;
    uint64_t ino;         // as the kernel knows it
    uint64_t dir_ino;     // the stored node; 0 = it is virtual
    struct vnode *folder; // of a virtual one, referenced
    uint64_t cookie;      // entries up to it have been given
    uint64_t passed;      // and the one at this position is not shown
    uint64_t turn;        // of the root of a mount of one repository (snapshot.h), else 0
    bool is_past;         // that root is not shown any more
    size_t size;
    bool is_plus;
    struct hub_call call; // its deadline is the request's, however often it is parked
};

struct filler {
    struct mount *mount;
    fuse_req_t req;
    uint64_t ino;  // of the folder, as the kernel knows it
    uint64_t turn; // as in the wait
    bool is_past;
    bool hides; // a root that answers .hub
    bool is_plus;
    char *bytes;
    size_t size;
    size_t used;
    uint64_t last_cookie;
    uint64_t passed; // as in the wait
};

enum { DOT_COOKIES = 2, TURN_SHIFT = 42 };
_Static_assert(TURN_SHIFT + SNAPSHOT_TURN_BITS < 63, "a cookie is a positive off_t");

// False when the buffer is full.
static bool add(struct filler *filler, const char *name, uint64_t cookie,
                const struct fuse_entry_param *entry)
{
    char *at = filler->bytes + filler->used;
    size_t left = filler->size - filler->used;
    off_t next = (off_t)(filler->turn << TURN_SHIFT | cookie);
    size_t len = filler->is_plus
                     ? fuse_add_direntry_plus(filler->req, at, left, name, entry, next)
                     : fuse_add_direntry(filler->req, at, left, name, &entry->attr, next);
    if (len > left) {
        return false;
    }
    filler->used += len;
    filler->last_cookie = cookie;
    return true;
}

// A name and no more: node 0. Its number in the listing is one that means "not known".
static bool add_name(void *ctx, uint64_t position, const char *name, mode_t mode)
{
    enum { INO_UNKNOWN = 0x7fffffff };
    struct fuse_entry_param entry = {.attr = {.st_ino = INO_UNKNOWN, .st_mode = mode}};
    return add(ctx, name, position + DOT_COOKIES, &entry);
}

static bool add_node(void *ctx, uint64_t position, const char *name,
                     const struct tree_node *node)
{
    struct filler *filler = ctx;
    struct entry entry;
    if (filler->hides && hidden_is(name, strlen(name))) {
        filler->passed = position;
        return true; // .hub stands before it, and no listing names that
    }
    entry_of_node(filler->mount, filler->ino, node, &entry);
    struct fuse_entry_param param = op_entry(&entry);
    param.ino = filler->is_past ? 0 : param.ino;
    return add(filler, name, position + DOT_COOKIES, &param);
}

// "." and ".." are names only: node 0 tells the kernel to learn nothing from them.
static void add_dots(struct filler *filler, uint64_t ino, uint64_t cookie)
{
    struct fuse_entry_param entry = {.attr = {.st_ino = ino, .st_mode = S_IFDIR}};
    if (cookie < 1) {
        (void)add(filler, ".", 1, &entry);
    }
    if (cookie < 2) {
        (void)add(filler, "..", 2, &entry);
    }
}

static uint64_t position_of(uint64_t cookie)
{
    return cookie > DOT_COOKIES ? cookie - DOT_COOKIES : 0;
}

// What has to follow.
static uint64_t position_after(const struct readdir_wait *wait)
{
    uint64_t position = position_of(wait->cookie);
    return position > wait->passed ? position : wait->passed;
}

// Fills what is here of a virtual folder. ERR_PARKED: nothing, and more can be had.
static enum err fill_virtual(struct filler *filler, const struct readdir_wait *wait,
                             bool *out_goes_on)
{
    struct vnode *folder = wait->folder;
    if (folder->type->list == NULL) {
        add_dots(filler, wait->ino, wait->cookie);
        return S_ISDIR(folder->type->mode) ? ERR_NONE : ERR_NOT_DIRECTORY;
    }
    add_dots(filler, wait->ino, wait->cookie);
    size_t used_by_dots = filler->used;
    enum err err = folder->type->list(filler->mount, folder, position_of(wait->cookie),
                                      add_name, filler, out_goes_on);
    if (err == ERR_ABSENT) {
        return folder->type->list_more != NULL ? ERR_PARKED : ERR_NONE;
    }
    bool is_more_wanted = err == ERR_NONE && *out_goes_on && filler->used == used_by_dots;
    return is_more_wanted && folder->type->list_more != NULL ? ERR_PARKED : err;
}

// Fills what the store has. ERR_PARKED: that is nothing, and the directory goes on.
static enum err fill(struct filler *filler, const struct readdir_wait *wait,
                     bool *out_goes_on)
{
    struct tree_store *tree = filler->mount->tree;
    struct tree_dir dir = {0};
    // First whether it is complete, then what is in it: the other order could lose a page.
    enum err err = tree_store_dir(tree, wait->dir_ino, &dir);
    if (err != ERR_NONE && err != ERR_ABSENT) {
        return err;
    }
    add_dots(filler, wait->ino, wait->cookie);
    size_t used_by_dots = filler->used;
    err = tree_store_list(tree, wait->dir_ino, position_after(wait), add_node, filler);
    if (err != ERR_NONE) {
        return err;
    }
    *out_goes_on = !dir.complete;
    return filler->used == used_by_dots && !dir.complete ? ERR_PARKED : ERR_NONE;
}

// --------------------------------------------------------------------------- read ahead

enum { AHEAD_ENTRIES = 1000 }; // one page of the Hub's

// The reader has come to `position` (1, 2, 3 ...) of a listing that goes on.
static void read_ahead(struct mount *mount, uint64_t dir_ino, uint64_t position)
{
    struct tree_dir dir = {0};
    if (tree_store_dir(mount->tree, dir_ino, &dir) != ERR_NONE || dir.complete ||
        dir.entries >= position + AHEAD_ENTRIES) {
        return;
    }
    struct hub_call call = mount_demand(mount, "readdir ahead");
    call.class = HUB_AHEAD;
    namespace_more(mount->namespace, dir_ino, dir.entries, &call, NULL, NULL);
}

// ----------------------------------------------------------------------------- answering

static void on_page(void *ctx, enum err err, const struct why *why);

static void free_wait(struct readdir_wait *wait)
{
    if (wait->folder != NULL) {
        vnodes_put(wait->mount->vnodes, wait->folder);
    }
    free(wait);
}

// The request waits for more of the listing; `wait` goes to on_page().
static void park(struct readdir_wait *wait, fuse_req_t req)
{
    struct mount *mount = wait->mount;
    wait->id = parked_add(mount->parked, req, "readdir", wait->ino, PARKED_CAN_INTERRUPT);
    if (wait->id == 0) {
        free_wait(wait);
        return;
    }
    uint64_t after = position_after(wait);
    if (wait->folder != NULL) {
        wait->folder->type->list_more(mount, wait->folder, after, &wait->call, on_page,
                                      wait);
    } else {
        namespace_more(mount->namespace, wait->dir_ino, after, &wait->call, on_page,
                       wait);
    }
}

// Answers from the store, or parks (again). `wait` is consumed, `req` is answered or parked.
static void answer(struct readdir_wait *wait, fuse_req_t req)
{
    struct mount *mount = wait->mount;
    struct filler filler = {
        .mount = mount,
        .req = req,
        .ino = wait->ino,
        .turn = wait->turn,
        .is_past = wait->is_past,
        .hides = wait->folder == NULL && hidden_is_at(mount, wait->ino),
        .is_plus = wait->is_plus,
        .passed = wait->passed,
    };
    bool goes_on = false;
    filler.size = wait->size < REPLY_BUFFER_BYTES ? wait->size : REPLY_BUFFER_BYTES;
    filler.bytes = reply_buffers_take(mount->buffers);
    enum err err = filler.bytes == NULL   ? ERR_NO_MEMORY
                   : wait->folder != NULL ? fill_virtual(&filler, wait, &goes_on)
                                          : fill(&filler, wait, &goes_on);
    if (err == ERR_PARKED) {
        wait->passed = filler.passed;
        reply_buffers_put(mount->buffers, filler.bytes);
        park(wait, req);
        return;
    }
    if (err == ERR_NONE) {
        fuse_reply_buf(req, filler.bytes, filler.used);
    } else {
        op_reply_error(req, err);
    }
    reply_buffers_put(mount->buffers, filler.bytes);
    if (err == ERR_NONE && goes_on && wait->folder == NULL) {
        read_ahead(mount, wait->dir_ino, position_of(filler.last_cookie));
    }
    free_wait(wait);
}

static void on_page(void *ctx, enum err err, const struct why *why)
{
    struct readdir_wait *wait = ctx;
    struct mount *mount = wait->mount;
    if (err != ERR_NONE && err != ERR_CANCELLED && mount_is_news(mount, err)) {
        log_warn("fs", "a folder could not be listed: %s", why_text(why, err));
    }
    fuse_req_t req = parked_take(mount->parked, wait->id, err);
    if (req == NULL) {
        free_wait(wait);
        return;
    }
    if (err == ERR_NONE) {
        answer(wait, req);
    } else {
        // The C library takes ENOENT for the end of a folder: an error would look like an empty one.
        op_reply_error(req, err == ERR_NOT_FOUND ? ERR_BAD_ANSWER : err);
        free_wait(wait);
    }
    parked_replied(mount->parked);
}

// Of the turn that the cookie says; from the beginning, what is shown now.
static void find_root(struct readdir_wait *wait)
{
    uint64_t turn = wait->cookie >> TURN_SHIFT;
    wait->cookie &= (UINT64_C(1) << TURN_SHIFT) - 1;
    wait->turn = wait->cookie > DOT_COOKIES ? turn : SNAPSHOT_NOW;
    wait->dir_ino = snapshot_root(wait->mount->snapshot, &wait->turn, &wait->is_past);
}

static void start(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                  const struct fuse_file_info *file_info, bool is_plus)
{
    struct mount *mount = fuse_req_userdata(req);
    if (overlay_owns(mount, ino)) {
        op_readdir_local(req, ino, size, (uint64_t)offset,
                         (struct overlay_listing *)(uintptr_t)file_info->fh);
        return;
    }
    struct readdir_wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL) {
        op_reply_error(req, ERR_NO_MEMORY);
        return;
    }
    *wait = (struct readdir_wait){
        .mount = mount,
        .ino = ino,
        .cookie = (uint64_t)offset,
        .size = size,
        .is_plus = is_plus,
        .call = mount_demand(mount, "readdir"),
    };
    if (ino == INO_ROOT && !mount->is_hub) {
        find_root(wait);
    } else if (!mount_is_virtual(mount, ino)) {
        wait->dir_ino = mount_stored_ino(mount, ino);
    } else if ((wait->folder = vnodes_get(mount->vnodes, ino)) == NULL) {
        op_reply_error(req, ERR_STALE);
        free_wait(wait);
        return;
    }
    answer(wait, req);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *file_info)
{
    start(req, ino, size, offset, file_info, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *file_info)
{
    start(req, ino, size, offset, file_info, true);
}
