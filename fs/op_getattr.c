// SPDX-License-Identifier: Apache-2.0
// GETATTR: a node is on this machine when the kernel has its number, so this never parks.
#include "fs/ops.h"

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info)
{
    (void)file_info;
    struct mount *mount = fuse_req_userdata(req);
    struct tree_node node;
    enum err err = mount_node(mount, ino, &node);
    if (err != ERR_NONE) {
        op_reply_error(req, err);
        return;
    }
    struct stat attributes;
    attributes_fill(&mount->attributes, &node, ino, &attributes);
    fuse_reply_attr(req, &attributes, OP_FOREVER_S);
}
