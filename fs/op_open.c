// SPDX-License-Identifier: Apache-2.0
// In a read-only mount OPEN and OPENDIR are answered ENOSYS once. The kernel then never sends them,
// keeps pages and directory listings cached (both are immutable here), and a warm open+read+close is
// as fast as on a local disk. The price: a READ carries no handle (content.c, stream.c).
//
// In a writable mount that would lose O_TRUNC (the kernel hands it to OPEN). Opening for writing
// downloads nothing; whoever only reads is not asked to flush.
#include "fs/op_handle.h"
#include "fs/op_message.h"
#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>

static void reply_open(fuse_req_t req, struct fuse_file_info *file_info)
{
    if (fuse_reply_open(req, file_info) != 0) {
        op_handle_free(file_info); // the kernel has given it up: no RELEASE comes
    }
}

static void open_writer(struct mount *mount, fuse_req_t req, uint64_t ino,
                        struct fuse_file_info *file_info)
{
    struct local_file *file = NULL;
    struct why why = {""};
    enum err err = overlay_owns(mount, ino) ? overlay_writer(mount->overlay, ino, &file)
                                            : ERR_READ_ONLY;
    if (err == ERR_NONE && (file_info->flags & O_TRUNC) != 0) {
        err = local_file_truncate(file, 0, &why);
        if (err == ERR_NONE) {
            overlay_touched(mount->overlay, ino);
        } else {
            overlay_closed(mount->overlay, ino);
        }
    }
    if (err == ERR_NONE) {
        err = op_handle_new(mount->overlay, file_info, ino, file);
    } else {
        local_file_put(file);
    }
    if (err == ERR_NONE) {
        reply_open(req, file_info);
    } else {
        op_reply_error(req, err);
    }
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info)
{
    struct mount *mount = fuse_req_userdata(req);
    if (mount->overlay == NULL) {
        fuse_reply_err(req, ENOSYS);
        return;
    }
    bool writes =
        (file_info->flags & O_ACCMODE) != O_RDONLY || (file_info->flags & O_TRUNC) != 0;
    if (writes && op_message_is(mount, ino)) {
        op_message_open(req, file_info);
        return;
    }
    if (writes) {
        open_writer(mount, req, ino, file_info);
        return;
    }
    file_info->fh = 0;
    file_info->keep_cache = 1;
    file_info->noflush = 1;
    reply_open(req, file_info);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info)
{
    struct mount *mount = fuse_req_userdata(req);
    (void)ino;
    if (mount->overlay == NULL) {
        fuse_reply_err(req, ENOSYS);
        return;
    }
    struct overlay_listing *listing = overlay_listing_new();
    if (listing == NULL) {
        op_reply_error(req, ERR_NO_MEMORY);
        return;
    }
    file_info->fh = (uintptr_t)listing;
    if (fuse_reply_open(req, file_info) != 0) {
        overlay_listing_free(listing);
    }
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info)
{
    (void)ino;
    overlay_listing_free((struct overlay_listing *)(uintptr_t)file_info->fh);
    fuse_reply_err(req, 0);
}
