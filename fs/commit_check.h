// SPDX-License-Identifier: Apache-2.0
// Whether what the items stand on is still what stands there at the commit that they are to follow.
#pragma once

#include "fs/commit_ask.h"
#include "fs/commit_batch.h"
#include "fs/snapshot.h"

// Items that are there already are marked, those in conflict are settled. Asks nothing when nobody
// else has committed since, unless `asks_all`: the Hub has said that something is not as believed. An error is about the Hub: try again.
NODISCARD enum err commit_check(struct commit_work *work,
                                struct commit_item *const *items, size_t n,
                                const struct oid *parent, bool asks_all, struct why *why);
// What stands at a path of the commit that the mount shows, from the store alone; false: it doesn't
// know. `out` to be released.
bool commit_look_up(struct commit_work *work, const struct snapshot_view *view,
                    const char *whole, struct commit_there *out);
// Gives back deletions of what an item stood on that does not go, for the repository would lose it, and
// what has moved together with one that does not go.
void commit_hold_back(struct commit_work *work, struct commit_batch *batch);
