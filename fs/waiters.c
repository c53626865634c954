// SPDX-License-Identifier: Apache-2.0
// Waiters are called without any lock: they ask the store, reply to the kernel, or start
// the next fetch.
#include "fs/waiters.h"

struct waiter *waiter_new(waiter_fn done, void *ctx, const char *name, size_t len)
{
    struct waiter *waiter = calloc(1, sizeof(*waiter) + len + 1);
    if (waiter != NULL) {
        waiter->done = done;
        waiter->ctx = ctx;
        if (len > 0) {
            memcpy(waiter->name, name, len);
        }
    }
    return waiter;
}

void waiters_call(struct waiter *waiters, enum err err, const struct why *why)
{
    while (waiters != NULL) {
        struct waiter *waiter = waiters;
        waiters = waiter->next;
        waiter->done(waiter->ctx, err != ERR_NONE ? err : waiter->err, why);
        free(waiter);
    }
}
