// SPDX-License-Identifier: Apache-2.0
// Who waits for a commit: for all that was sealed when they asked, or for one file.
#pragma once

#include "fs/overlay.h"

struct commit_wait {
    bool is_for_file;
    uint64_t id;
    uint64_t generation;
    enum err err; // of the first thing that went wrong for it
    struct why why;
    overlay_done_fn done;
    void *ctx;
    struct commit_wait *next;
};
struct commit_waits {
    struct commit_wait *first;
};

// All of them under their owner's lock; lists that are handed out are the caller's.

NODISCARD enum err commit_waits_add(struct commit_waits *waits, uint64_t id,
                                    uint64_t generation, bool is_for_file,
                                    overlay_done_fn done, void *ctx);
// An item is settled: takes out those that waited for this file; those for everything note an error.
struct commit_wait *commit_waits_settle(struct commit_waits *waits,
                                        const struct overlay_item *item, enum err err,
                                        const struct why *why);
// Takes out all.
struct commit_wait *commit_waits_take(struct commit_waits *waits);
// Puts a list in front of another.
void commit_waits_join(struct commit_waits *waits, struct commit_wait *list);
// Calls and frees a list, no lock held. `err` is for those without one of their own.
void commit_waits_call(struct commit_wait *list, enum err err, const struct why *why);
