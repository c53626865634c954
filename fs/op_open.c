// SPDX-License-Identifier: Apache-2.0
// OPEN and OPENDIR are answered ENOSYS once. The kernel then never sends them, keeps pages
// and directory listings cached (both are immutable here), and a warm open+read+close is as
// fast as on a local disk. The price: a READ carries no handle (content.c, stream.c).
#include "fs/ops.h"

#include <errno.h>

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info)
{
    (void)ino;
    (void)file_info;
    fuse_reply_err(req, ENOSYS);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file_info)
{
    op_open(req, ino, file_info);
}
