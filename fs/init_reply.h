// SPDX-License-Identifier: Apache-2.0
// The INIT answer as it should be. libfuse before 3.16 or so forgets to send
// FUSE_PARALLEL_DIROPS, although it was asked to: without it one parked LOOKUP holds up
// every other uncached name of its directory. The bit is put in on its way to the kernel,
// where it is missing: a test of the flags, not of the version.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct init_reply {
    atomic_bool is_sent; // nothing to correct any more
    uint64_t unique;     // of the INIT request; before that only one thread is at work
    uint32_t offered;    // the kernel's flags
};

// Looks at a request that was read from the kernel.
void init_reply_note(struct init_reply *init, const void *bytes, size_t len);
// Writes an answer; the one to INIT with the bit set. As writev().
ssize_t init_reply_writev(struct init_reply *init, int fd, const struct iovec *iov,
                          int count);
