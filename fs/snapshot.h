// SPDX-License-Identifier: Apache-2.0
// Which commit a mount of one repository shows. It is one commit at a time: readers take a
// view, the refresher publishes the next one. Inodes of commits shown before live on as open
// files and working directories; where they are to be had is locator.h's business.
#pragma once

#include "base/base.h"
#include "cache/cache.h"

struct snapshot;

struct snapshot_view {
    struct oid commit;
    uint64_t repo_root; // stored node of the repository's root at that commit
    uint64_t root;  // stored node that the mount shows as its root (SUBDIR, or the same)
    int64_t date_s; // of the commit; -1 unknown
};

NODISCARD enum err snapshot_new(struct snapshot **out);
void snapshot_free(struct snapshot *snapshot);

// Readers see `view` from now on. Any thread, as below.
void snapshot_publish(struct snapshot *snapshot, const struct snapshot_view *view);
void snapshot_current(struct snapshot *snapshot, struct snapshot_view *out);

// Views are counted, in so many bits.
enum { SNAPSHOT_TURN_BITS = 20 };
#define SNAPSHOT_NOW UINT64_MAX
// The root that was shown at `*turn`, so that who is in the middle of its listing can go on; when
// that is more than 15 moves ago, the one that is shown now, whose turn *turn becomes.
// `*out_is_past`: it is another one than is shown now.
uint64_t snapshot_root(struct snapshot *snapshot, uint64_t *turn, bool *out_is_past);
