// SPDX-License-Identifier: Apache-2.0
// FORGET does nothing: nodes live in the tree store and are found again by their number, so
// the daemon's memory does not grow with what the kernel remembers.
#include "fs/ops.h"

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n_lookups)
{
    (void)ino;
    (void)n_lookups;
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
    (void)n;
    (void)forgets;
    fuse_reply_none(req);
}
