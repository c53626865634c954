// SPDX-License-Identifier: Apache-2.0
// Buffers for answers that are longer than a word. A buffer is held from the pread to the
// reply and never while something is waited for, so as many as there are threads that reply
// are enough: this is all the memory that answers ever take.
#pragma once

#include "base/base.h"

struct reply_buffers;

enum {
    REPLY_BUFFER_BYTES = 1 << 20
}; // the longest READ that libfuse lets the kernel send

// At most `n` buffers, allocated when they are first needed.
NODISCARD enum err reply_buffers_new(unsigned n, struct reply_buffers **out);
// All buffers must have been given back.
void reply_buffers_free(struct reply_buffers *buffers);

// A buffer of REPLY_BUFFER_BYTES; waits while all of them are in use. NULL: no memory.
void *reply_buffers_take(struct reply_buffers *buffers);
void reply_buffers_put(struct reply_buffers *buffers, void *bytes);
