// SPDX-License-Identifier: Apache-2.0
// Which commit the mount shows. A mount is one commit at a time: readers take a view, the
// refresher publishes the next one. Commits shown before are remembered, because inodes of
// theirs live on as open files and working directories, and what they still have to fetch is
// asked for at a commit that has it.
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

// `tree` outlives it.
NODISCARD enum err snapshot_new(struct tree_store *tree, struct snapshot **out);
void snapshot_free(struct snapshot *snapshot);

// Makes a commit known to snapshot_locate() before it is shown. Any thread, as all below.
void snapshot_learn(struct snapshot *snapshot, const struct oid *commit,
                    uint64_t repo_root);
// Readers see `view` from now on.
void snapshot_publish(struct snapshot *snapshot, const struct snapshot_view *view);
void snapshot_current(struct snapshot *snapshot, struct snapshot_view *out);

// A commit that has the node, and its path from the repository root (malloc'd). ERR_STALE:
// none of the commits remembered has it. Asks the store only.
NODISCARD enum err snapshot_locate(struct snapshot *snapshot, uint64_t ino,
                                   struct oid *out_commit, char **out_path);
