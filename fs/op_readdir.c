// SPDX-License-Identifier: Apache-2.0
// READDIR and READDIRPLUS: entries in order of arrival, from the store. The cookie is the
// position plus two (1 and 2 are "." and ".."), so the first page of a long listing is
// answered while the second one is on its way. Whoever reads near the end of what is here
// makes the next page come.
#include "fs/ops.h"

struct readdir_wait {
    struct mount *mount;
    parked_id id;
    uint64_t ino; // as the kernel knows it
    uint64_t dir_ino;
    uint64_t cookie; // entries up to it have been given
    size_t size;
    bool is_plus;
    struct hub_call call; // its deadline is the request's, however often it is parked
};

struct filler {
    struct mount *mount;
    fuse_req_t req;
    bool is_plus;
    char *bytes;
    size_t size;
    size_t used;
    uint64_t last_cookie;
};

enum { DOT_COOKIES = 2 };

// False when the buffer is full.
static bool add(struct filler *filler, const char *name, uint64_t cookie,
                const struct fuse_entry_param *entry)
{
    char *at = filler->bytes + filler->used;
    size_t left = filler->size - filler->used;
    size_t len =
        filler->is_plus
            ? fuse_add_direntry_plus(filler->req, at, left, name, entry, (off_t)cookie)
            : fuse_add_direntry(filler->req, at, left, name, &entry->attr, (off_t)cookie);
    if (len > left) {
        return false;
    }
    filler->used += len;
    filler->last_cookie = cookie;
    return true;
}

static bool add_node(void *ctx, uint64_t position, const char *name,
                     const struct tree_node *node)
{
    struct filler *filler = ctx;
    struct fuse_entry_param entry;
    op_fill_entry(filler->mount, node, &entry);
    return add(filler, name, position + DOT_COOKIES, &entry);
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
    err =
        tree_store_list(tree, wait->dir_ino, position_of(wait->cookie), add_node, filler);
    if (err != ERR_NONE) {
        return err;
    }
    *out_goes_on = !dir.complete;
    return filler->used == used_by_dots && !dir.complete ? ERR_PARKED : ERR_NONE;
}

// --------------------------------------------------------------------------- read ahead

enum { AHEAD_ENTRIES = 1000 }; // one page of the Hub's

struct remainder {
    uint64_t n;
    uint64_t last;
};

static bool count_remainder(void *ctx, uint64_t position, const char *name,
                            const struct tree_node *node)
{
    struct remainder *remainder = ctx;
    (void)name;
    (void)node;
    remainder->last = position;
    return ++remainder->n < AHEAD_ENTRIES;
}

// The reader has come to `position` of a listing that goes on.
static void read_ahead(struct mount *mount, uint64_t dir_ino, uint64_t position)
{
    struct remainder remainder = {.last = position};
    enum err err =
        tree_store_list(mount->tree, dir_ino, position, count_remainder, &remainder);
    if (err != ERR_NONE || remainder.n >= AHEAD_ENTRIES) {
        return;
    }
    struct hub_call call = mount_demand(mount, "readdir ahead");
    call.class = HUB_AHEAD;
    namespace_more(mount->namespace, dir_ino, remainder.last, &call, NULL, NULL);
}

// ----------------------------------------------------------------------------- answering

static void on_page(void *ctx, enum err err, const struct why *why);

// The request waits for more of the listing; `wait` goes to on_page().
static void park(struct readdir_wait *wait, fuse_req_t req)
{
    struct mount *mount = wait->mount;
    wait->id = parked_add(mount->parked, req, "readdir", wait->ino, PARKED_CAN_INTERRUPT);
    if (wait->id == 0) {
        free(wait);
        return;
    }
    namespace_more(mount->namespace, wait->dir_ino, position_of(wait->cookie),
                   &wait->call, on_page, wait);
}

// Answers from the store, or parks (again). `wait` is consumed, `req` is answered or parked.
static void answer(struct readdir_wait *wait, fuse_req_t req)
{
    struct mount *mount = wait->mount;
    struct filler filler = {.mount = mount, .req = req, .is_plus = wait->is_plus};
    bool goes_on = false;
    filler.size = wait->size < REPLY_BUFFER_BYTES ? wait->size : REPLY_BUFFER_BYTES;
    filler.bytes = reply_buffers_take(mount->buffers);
    enum err err = filler.bytes == NULL ? ERR_NO_MEMORY : fill(&filler, wait, &goes_on);
    if (err == ERR_PARKED) {
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
    if (err == ERR_NONE && goes_on) {
        read_ahead(mount, wait->dir_ino, position_of(filler.last_cookie));
    }
    free(wait);
}

static void on_page(void *ctx, enum err err, const struct why *why)
{
    struct readdir_wait *wait = ctx;
    struct mount *mount = wait->mount;
    if (err != ERR_NONE && err != ERR_CANCELLED) {
        log_warn("fs", "a folder could not be listed: %s", why_text(why, err));
    }
    fuse_req_t req = parked_take(mount->parked, wait->id, err);
    if (req == NULL) {
        free(wait);
        return;
    }
    if (err == ERR_NONE) {
        answer(wait, req);
    } else {
        op_reply_error(req, err);
        free(wait);
    }
    parked_replied(mount->parked);
}

static void start(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus)
{
    struct mount *mount = fuse_req_userdata(req);
    struct readdir_wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL) {
        op_reply_error(req, ERR_NO_MEMORY);
        return;
    }
    *wait = (struct readdir_wait){
        .mount = mount,
        .ino = ino,
        .dir_ino = mount_stored_ino(mount, ino),
        .cookie = (uint64_t)offset,
        .size = size,
        .is_plus = is_plus,
        .call = mount_demand(mount, "readdir"),
    };
    answer(wait, req);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *file_info)
{
    (void)file_info;
    start(req, ino, size, offset, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *file_info)
{
    (void)file_info;
    start(req, ino, size, offset, true);
}
