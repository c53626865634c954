// SPDX-License-Identifier: Apache-2.0
// INIT: what is agreed with the kernel. Each line answers a measured fact.
#include "fs/ops.h"

void op_init(void *userdata, struct fuse_conn_info *conn)
{
    conn->max_background = OP_BACKGROUND_MAX;
    conn->congestion_threshold = OP_BACKGROUND_MAX - 1;
    if (conn->max_write > REPLY_BUFFER_BYTES) {
        conn->max_write =
            REPLY_BUFFER_BYTES; // bounds READ too: both are counted in pages
    }
    struct mount *mount = userdata;
    unsigned wanted =
        FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS;
    unsigned plus = FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO;
    if (mount->overlay == NULL) {
        wanted |= plus;
    } else {
        // Attributes of folders whose files change are asked for one by one.
        conn->want &= ~plus;
    }
    conn->want |= wanted & conn->capable;
    // With asynchronous direct I/O a killed O_DIRECT reader stays until its answer: the
    // kernel sends no INTERRUPT for it.
    conn->want &= ~(unsigned)FUSE_CAP_ASYNC_DIO;
    // Answers are copied from one buffer: splicing them was measured to be slower.
    conn->want &=
        ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}
