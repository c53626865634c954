// SPDX-License-Identifier: Apache-2.0
// FORGET: nodes of repositories live in the tree store and are found again by their number, so the
// daemon's memory does not grow with what the kernel remembers of them. Only virtual nodes and the
// places of roots are counted.
#include "fs/ops.h"

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n_lookups)
{
    directory_forget(fuse_req_userdata(req), ino, n_lookups);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < n; i++) {
        directory_forget(fuse_req_userdata(req), forgets[i].ino, forgets[i].nlookup);
    }
    fuse_reply_none(req);
}
