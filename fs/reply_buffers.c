// SPDX-License-Identifier: Apache-2.0
// The pool is a stack, so that the buffer used last, still warm in the CPU's cache, is used
// next, and those of a rare peak are never touched again. mmap'd memory that was never
// written costs nothing: a mount that answers 128 KiB reads keeps 128 KiB of each buffer.
//
// Aligned to pages: the kernel copies an answer page by page, and takes two of ours for each
// of its own when they don't line up.
#include "fs/reply_buffers.h"

enum { PAGE_BYTES = 4096 };

struct reply_buffers {
    unsigned max;
    struct condition returned;
    struct lock lock;
    unsigned n_made GUARDED_BY(lock);
    unsigned n_free GUARDED_BY(lock);
    void *free_buffers[] GUARDED_BY(lock);
};

enum err reply_buffers_new(unsigned n, struct reply_buffers **out)
{
    struct reply_buffers *buffers = calloc(1, sizeof(*buffers) + n * sizeof(void *));
    if (buffers == NULL) {
        return ERR_NO_MEMORY;
    }
    buffers->max = n;
    lock_init(&buffers->lock);
    condition_init(&buffers->returned);
    *out = buffers;
    return ERR_NONE;
}

void reply_buffers_free(struct reply_buffers *buffers)
{
    if (buffers == NULL) {
        return;
    }
    lock_acquire(&buffers->lock);
    for (unsigned i = 0; i < buffers->n_free; i++) {
        free(buffers->free_buffers[i]);
    }
    lock_release(&buffers->lock);
    condition_destroy(&buffers->returned);
    lock_destroy(&buffers->lock);
    free(buffers);
}

void *reply_buffers_take(struct reply_buffers *buffers)
{
    void *bytes = NULL;
    lock_acquire(&buffers->lock);
    while (buffers->n_free == 0 && buffers->n_made == buffers->max) {
        condition_wait(&buffers->returned, &buffers->lock);
    }
    if (buffers->n_free > 0) {
        bytes = buffers->free_buffers[--buffers->n_free];
    } else {
        bytes = aligned_alloc(PAGE_BYTES, REPLY_BUFFER_BYTES);
        buffers->n_made += bytes != NULL;
    }
    lock_release(&buffers->lock);
    return bytes;
}

void reply_buffers_put(struct reply_buffers *buffers, void *bytes)
{
    if (bytes == NULL) {
        return;
    }
    lock_acquire(&buffers->lock);
    buffers->free_buffers[buffers->n_free++] = bytes;
    condition_signal(&buffers->returned);
    lock_release(&buffers->lock);
}
