// SPDX-License-Identifier: Apache-2.0
// The kernel sends nothing but INIT before it has the answer to it, so `unique` and `offered`
// are written and read by whichever worker handles INIT; the others see `is_sent`.
#include "fs/init_reply.h"

#include <linux/fuse.h>
#include <string.h>

void init_reply_note(struct init_reply *init, const void *bytes, size_t len)
{
    struct fuse_in_header header;
    struct fuse_init_in body = {0};
    size_t least =
        sizeof(header) + offsetof(struct fuse_init_in, flags) + sizeof(body.flags);
    if (atomic_load(&init->is_sent) || len < least) {
        return;
    }
    memcpy(&header, bytes, sizeof(header));
    if (header.opcode != FUSE_INIT) {
        return;
    }
    size_t body_len = len - sizeof(header);
    memcpy(&body, (const char *)bytes + sizeof(header),
           body_len < sizeof(body) ? body_len : sizeof(body));
    init->unique = header.unique;
    init->offered = body.flags;
}

ssize_t init_reply_writev(struct init_reply *init, int fd, const struct iovec *iov,
                          int count)
{
    struct fuse_out_header header;
    struct fuse_init_out body;
    if (atomic_load(&init->is_sent) || count != 2 || iov[0].iov_len != sizeof(header) ||
        iov[1].iov_len > sizeof(body) ||
        iov[1].iov_len < offsetof(struct fuse_init_out, flags) + sizeof(body.flags)) {
        return writev(fd, iov, count);
    }
    memcpy(&header, iov[0].iov_base, sizeof(header));
    if (header.unique != init->unique || header.error != 0) {
        return writev(fd, iov, count);
    }
    memcpy(&body, iov[1].iov_base, iov[1].iov_len);
    body.flags |= FUSE_PARALLEL_DIROPS & init->offered;
    struct iovec corrected[2] = {iov[0], {&body, iov[1].iov_len}};
    atomic_store(&init->is_sent, true);
    return writev(fd, corrected, 2);
}
