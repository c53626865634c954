// SPDX-License-Identifier: Apache-2.0
// Cleanup attributes: a local variable that frees itself on every way out of its scope.
#pragma once

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

// free() at scope exit; initialise to NULL.
#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
// close() at scope exit; initialise to -1.
#define AUTO_CLOSE __attribute__((cleanup(cleanup_close)))
// AUTO(buffer) struct buffer b = ...: calls buffer_release(&b) at scope exit. Works for
// every type NAME that has NAME_release(struct NAME *).
#define AUTO(name) __attribute__((cleanup(name##_release)))

// Takes the value out of an AUTO_ variable, so that the cleanup finds nothing to do.
#define STEAL_POINTER(pointer)                                                           \
    ({                                                                                   \
        __typeof__(pointer) stolen_ = (pointer);                                         \
        (pointer) = NULL;                                                                \
        stolen_;                                                                         \
    })

static inline int steal_fd(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}
