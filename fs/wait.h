// SPDX-License-Identifier: Apache-2.0
// Turns a callback into a wait, for the two threads that may block: the one that mounts and
// the refresher. FUSE workers, the network thread and the pool never do.
//
//   err = wait_begin(&owner, &wait);
//   start(..., wait_done, wait_ref(wait));       the callback owns that reference
//   err = wait_end(&owner, wait, why);
//   ... wait->info ...
//   wait_unref(wait);
//
// wait_owner_cancel() ends the wait from another thread; the callback comes later and finds
// its own reference.
#pragma once

#include "base/base.h"
#include "cache/cache.h"

struct wait {
    struct condition changed;
    struct lock lock;
    unsigned references GUARDED_BY(lock);
    bool is_over GUARDED_BY(lock);
    enum err err GUARDED_BY(lock);
    struct why why GUARDED_BY(lock);
    // What the callback brought; read after wait_end() has returned ERR_NONE.
    struct tree_node node;
};

// A thread that waits for one thing at a time.
struct wait_owner {
    struct lock lock;
    struct wait *current GUARDED_BY(lock);
    bool is_cancelled GUARDED_BY(lock);
};

void wait_owner_init(struct wait_owner *owner);
void wait_owner_release(struct wait_owner *owner);
// Ends the wait under way, and every later one, with ERR_CANCELLED. Any thread.
void wait_owner_cancel(struct wait_owner *owner);

// A new wait with one reference. ERR_CANCELLED, ERR_NO_MEMORY.
NODISCARD enum err wait_begin(struct wait_owner *owner, struct wait **out);
// Blocks until a callback has come (its error) or the owner is cancelled. NULL owner, with
// wait_new(): can't be cancelled.
NODISCARD enum err wait_end(struct wait_owner *owner, struct wait *wait, struct why *why);

struct wait *wait_new(void); // NULL = no memory
struct wait *wait_ref(struct wait *wait);
void wait_unref(struct wait *wait);

// The callbacks: each ends the wait, `ctx`, and drops its reference.
void wait_done(void *ctx, enum err err, const struct why *why);
void wait_done_node(void *ctx, enum err err, const struct why *why,
                    const struct tree_node *node);
