// SPDX-License-Identifier: Apache-2.0
// READLINK: a symlink's target is its content. One that leaves the repository is refused: a
// repository must not make its readers open files elsewhere on their machine.
#include "fs/ops.h"

#include <errno.h>

static void reply_target(fuse_req_t req, void *ctx, struct content *content,
                         const struct chunk_answer *answer)
{
    (void)ctx;
    char *target = (char *)answer->own;
    if (!path_symlink_is_contained(content->path, target, answer->len)) {
        if (content_may_complain(content)) {
            log_warn("fs", "the symlink \"%s\" leaves the repository and is refused",
                     content->path);
        }
        fuse_reply_err(req, EPERM);
        return;
    }
    target[answer->len] = '\0'; // the buffer is far longer than a path
    fuse_reply_readlink(req, target);
}

static void reply_virtual(struct mount *mount, fuse_req_t req, uint64_t ino)
{
    struct vnode *node = vnodes_get(mount->vnodes, ino);
    if (node == NULL) {
        op_reply_error(req, ERR_STALE);
        return;
    }
    if (S_ISLNK(node->type->mode)) {
        fuse_reply_readlink(req, node->text);
    } else {
        op_reply_error(req, ERR_RANGE); // EINVAL: not a symlink
    }
    vnodes_put(mount->vnodes, node);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct mount *mount = fuse_req_userdata(req);
    struct content *content = NULL;
    if (mount_is_virtual(mount, ino)) {
        reply_virtual(mount, req, ino);
        return;
    }
    enum err err = content_get(mount->contents, mount_stored_ino(mount, ino), &content);
    if (err != ERR_NONE) {
        op_reply_error(req, err);
        return;
    }
    if (content->kind != ENTRY_SYMLINK || content->file == NULL || content->size == 0 ||
        content->size > PATH_BYTES_MAX) {
        err = content->kind != ENTRY_SYMLINK ? ERR_RANGE // EINVAL: not a symlink
              : content->file == NULL        ? ERR_ACCESS
                                             : ERR_NAME_TOO_LONG;
        content_put(content);
        op_reply_error(req, err);
        return;
    }
    static const struct op_reader reader = {.reply = reply_target};
    op_read_content(req, "readlink", content, 0, (size_t)content->size,
                    PARKED_CAN_INTERRUPT, &reader);
}
