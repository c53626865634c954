// SPDX-License-Identifier: Apache-2.0
// CREATE, MKNOD, MKDIR, UNLINK, RMDIR, RENAME of a writable mount. Each is one verb of the overlay,
// which answers from this machine; where it does not know enough of a folder, the request is parked
// until the Hub has told, and the verb is asked again.
//
// The commit API knows no symlinks and no hard links: they are refused.
#include "fs/hidden.h"
#include "fs/op_handle.h"
#include "fs/ops.h"

#include <errno.h>
#include <linux/fs.h>

enum change_kind {
    CHANGE_CREATE,
    CHANGE_MAKE_NODE,
    CHANGE_MAKE_FOLDER,
    CHANGE_UNLINK,
    CHANGE_REMOVE_FOLDER,
    CHANGE_RENAME,
};

static const char *const change_names[] = {"create", "mknod", "mkdir",
                                           "unlink", "rmdir", "rename"};

struct change {
    struct mount *mount;
    enum change_kind kind;
    parked_id id;
    struct hub_call call;
    struct overlay_place from;
    struct overlay_place to;
    enum overlay_rename how;
    struct fuse_file_info file_info;
    char *names[2];
    bool has_made_room;

    struct entry entry;
    struct local_file *file;
    struct overlay_place unknown;
};

static void change_free(struct change *change)
{
    local_file_put(change->file);
    free(change->names[0]);
    free(change->names[1]);
    free(change);
}

static enum err run(struct change *change)
{
    struct overlay *overlay = change->mount->overlay;
    const struct overlay_place *from = &change->from;
    change->unknown = *from;
    switch (change->kind) {
    case CHANGE_CREATE:
    case CHANGE_MAKE_NODE:
        return overlay_create(overlay, from->dir, from->name, from->len, &change->entry,
                              &change->file);
    case CHANGE_MAKE_FOLDER:
        return overlay_make_folder(overlay, from->dir, from->name, from->len,
                                   &change->entry);
    case CHANGE_UNLINK:
        return overlay_unlink(overlay, from->dir, from->name, from->len);
    case CHANGE_REMOVE_FOLDER:
        return overlay_remove_folder(overlay, from->dir, from->name, from->len,
                                     &change->unknown);
    case CHANGE_RENAME:
        break;
    }
    return overlay_rename(overlay, from, &change->to, change->how, &change->unknown);
}

static void reply(struct change *change, fuse_req_t req, enum err err)
{
    struct mount *mount = change->mount;
    struct fuse_entry_param param = op_entry(&change->entry);
    if (err == ERR_EXISTS && change->kind == CHANGE_CREATE &&
        (change->file_info.flags & O_EXCL) == 0) {
        err = ERR_STALE; // it has come meanwhile: the kernel looks again, and opens it
    }
    if (err != ERR_NONE) {
        op_reply_error(req, err);
        return;
    }
    int given_up = 0;
    switch (change->kind) {
    case CHANGE_CREATE:
        overlay_opened(mount->overlay, change->entry.ino);
        err = op_handle_new(mount->overlay, &change->file_info, change->entry.ino,
                            change->file);
        change->file = NULL;
        if (err != ERR_NONE) {
            entry_drop(mount, &change->entry);
            op_reply_error(req, err);
            return;
        }
        given_up = fuse_reply_create(req, &param, &change->file_info);
        if (given_up != 0) {
            op_handle_free(&change->file_info);
        }
        break;
    case CHANGE_MAKE_NODE:
        (void)overlay_seal(mount->overlay, change->entry.ino, false, NULL, NULL);
        given_up = fuse_reply_entry(req, &param);
        break;
    case CHANGE_MAKE_FOLDER:
        given_up = fuse_reply_entry(req, &param);
        break;
    case CHANGE_UNLINK:
    case CHANGE_REMOVE_FOLDER:
    case CHANGE_RENAME:
        fuse_reply_err(req, 0);
        break;
    }
    if (given_up != 0) {
        entry_drop(mount, &change->entry);
    }
}

static void on_known(void *ctx, enum err err, const struct why *why);

// Files that were deleted go from the disk with the changes that are on their way there.
static void on_room(void *ctx, const struct journal_result *result)
{
    (void)result;
    on_known(ctx, ERR_NONE, NULL);
}

static void make_room(fuse_req_t req, struct change *change)
{
    struct mount *mount = change->mount;
    change->has_made_room = true;
    change->id = parked_add(mount->parked, req, change_names[change->kind],
                            change->from.dir, PARKED_CAN_INTERRUPT);
    if (change->id == 0) {
        change_free(change);
        return;
    }
    journal_flush(mount->journal, on_room, change);
}

// Answers, or parks the request and asks for what is missing. Consumes `change`.
static void start(fuse_req_t req, struct change *change)
{
    struct mount *mount = change->mount;
    enum err err = run(change);
    if (err == ERR_NO_SPACE && !change->has_made_room) {
        make_room(req, change);
        return;
    }
    if (err != ERR_ABSENT) {
        reply(change, req, err);
        change_free(change);
        return;
    }
    change->id = parked_add(mount->parked, req, change_names[change->kind],
                            change->from.dir, PARKED_CAN_INTERRUPT);
    if (change->id == 0) {
        change_free(change);
        return;
    }
    overlay_prepare(mount->overlay, change->unknown.dir, change->unknown.name,
                    change->unknown.len, &change->call, on_known, change);
}

static void on_known(void *ctx, enum err err, const struct why *why)
{
    struct change *change = ctx;
    struct mount *mount = change->mount;
    if (err != ERR_NONE && err != ERR_CANCELLED && mount_is_news(mount, err)) {
        log_warn("fs", "%s failed: %s", change_names[change->kind], why_text(why, err));
    }
    // Nothing is changed for a caller who has gone.
    fuse_req_t req = parked_take(mount->parked, change->id, err);
    if (req == NULL) {
        change_free(change);
        return;
    }
    if (err == ERR_NONE) {
        start(req, change);
    } else {
        op_reply_error(req, err);
        change_free(change);
    }
    parked_replied(mount->parked);
}

static bool set_place(struct change *change, size_t i, struct overlay_place *place,
                      uint64_t dir, const char *name)
{
    change->names[i] = strdup(name);
    *place = (struct overlay_place){dir, change->names[i], strlen(name)};
    return change->names[i] != NULL;
}

// What the Hub refuses as a name is refused here at once, so that nothing is saved in vain.
static bool is_new_name(enum change_kind kind)
{
    return kind == CHANGE_CREATE || kind == CHANGE_MAKE_NODE ||
           kind == CHANGE_MAKE_FOLDER;
}

static bool hub_takes_name(const char *name)
{
    size_t len = strlen(name);
    return utf8_is_valid(name, len) && memchr(name, '\\', len) == NULL;
}

// NULL: the request is answered.
static struct change *change_new(fuse_req_t req, enum change_kind kind, uint64_t dir,
                                 const char *name)
{
    struct mount *mount = fuse_req_userdata(req);
    if (!overlay_owns(mount, dir)) {
        fuse_reply_err(req, EROFS); // .hub, and the revisions below it
        return NULL;
    }
    if (!path_name_is_legal(name, strlen(name))) {
        fuse_reply_err(req, strlen(name) > NAME_BYTES_MAX ? ENAMETOOLONG : EINVAL);
        return NULL;
    }
    if (is_new_name(kind) && !hub_takes_name(name)) {
        fuse_reply_err(req, EINVAL);
        return NULL;
    }
    if (hidden_is(name, strlen(name)) && hidden_is_at(mount, dir)) {
        fuse_reply_err(req, EPERM);
        return NULL;
    }
    struct change *change = calloc(1, sizeof(*change));
    if (change == NULL || !set_place(change, 0, &change->from, dir, name)) {
        free(change);
        fuse_reply_err(req, ENOMEM);
        return NULL;
    }
    change->mount = mount;
    change->kind = kind;
    change->call = mount_demand(mount, change_names[kind]);
    return change;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *file_info)
{
    (void)mode;
    struct change *change = change_new(req, CHANGE_CREATE, parent, name);
    if (change != NULL) {
        change->file_info = *file_info;
        start(req, change);
    }
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
              dev_t rdev)
{
    (void)rdev;
    if (!S_ISREG(mode)) {
        fuse_reply_err(req, ENOTSUP);
        return;
    }
    struct change *change = change_new(req, CHANGE_MAKE_NODE, parent, name);
    if (change != NULL) {
        start(req, change);
    }
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)mode;
    struct change *change = change_new(req, CHANGE_MAKE_FOLDER, parent, name);
    if (change != NULL) {
        start(req, change);
    }
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct change *change = change_new(req, CHANGE_UNLINK, parent, name);
    if (change != NULL) {
        start(req, change);
    }
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct change *change = change_new(req, CHANGE_REMOVE_FOLDER, parent, name);
    if (change != NULL) {
        start(req, change);
    }
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned flags)
{
    struct mount *mount = fuse_req_userdata(req);
    bool is_known = flags == 0 || flags == RENAME_NOREPLACE || flags == RENAME_EXCHANGE;
    if (!is_known || !path_name_is_legal(new_name, strlen(new_name)) ||
        !hub_takes_name(new_name)) {
        fuse_reply_err(req, EINVAL);
        return;
    }
    if (!overlay_owns(mount, new_parent) ||
        (hidden_is(new_name, strlen(new_name)) && hidden_is_at(mount, new_parent))) {
        fuse_reply_err(req, EROFS);
        return;
    }
    struct change *change = change_new(req, CHANGE_RENAME, parent, name);
    if (change == NULL) {
        return;
    }
    if (!set_place(change, 1, &change->to, new_parent, new_name)) {
        fuse_reply_err(req, ENOMEM);
        change_free(change);
        return;
    }
    change->how = flags == RENAME_NOREPLACE  ? OVERLAY_NOREPLACE
                  : flags == RENAME_EXCHANGE ? OVERLAY_EXCHANGE
                                             : OVERLAY_REPLACE;
    start(req, change);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    (void)target;
    (void)parent;
    (void)name;
    fuse_reply_err(req, ENOTSUP);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    (void)ino;
    (void)parent;
    (void)name;
    fuse_reply_err(req, ENOTSUP);
}
