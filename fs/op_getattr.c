// SPDX-License-Identifier: Apache-2.0
// GETATTR: a node is on this machine when the kernel has its number, so this never parks.
#include "fs/ops.h"

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info)
{
    (void)file_info;
    struct mount *mount = fuse_req_userdata(req);
    struct entry entry;
    enum err err = directory_stat(mount, ino, &entry);
    if (err != ERR_NONE) {
        op_reply_error(req, err);
        return;
    }
    fuse_reply_attr(req, &entry.stat, entry.stat_s);
}
