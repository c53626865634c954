// SPDX-License-Identifier: Apache-2.0
// Those who wait for one fetch: a list of callbacks, called once each.
#pragma once

#include "base/base.h"

// Runs once: at once on the caller's thread, or later on a pool thread.
typedef void (*waiter_fn)(void *ctx, enum err err, const struct why *why);

struct waiter {
    waiter_fn done;
    void *ctx;
    enum err err; // what became of this one where they differ; else ERR_NONE
    struct waiter *next;
    char name[]; // what it asked for where they differ; "" otherwise
};

// NULL = no memory.
struct waiter *waiter_new(waiter_fn done, void *ctx, const char *name, size_t len);
// Calls and frees all of a list; `err` replaces their own when it is an error.
void waiters_call(struct waiter *waiters, enum err err, const struct why *why);
