// SPDX-License-Identifier: Apache-2.0
// From an inode to where the Hub has it: repository, commit, path. Everything is asked of the
// tree store, so that a mount has no state of a repository that grows, or has to be made
// before it is used: a number that the kernel remembers is enough.
#pragma once

#include "cache/cache.h"
#include "hub/hub.h"

struct locator;

struct location {
    struct tree_node node;
    struct hub_source
        source;         // the repository by its canonical id, and a commit that has it
    int64_t row;        // of the repository
    uint64_t repo_root; // the stored node of that commit's root
    char *path;         // from the repository root; malloc'd
};

// All of them outlive it; `endpoint` too.
NODISCARD enum err locator_new(struct hub *hub, struct tree_store *tree,
                               const char *endpoint, struct locator **out);
void locator_free(struct locator *locator);

// The row of a repository under the token in use; made when new. Any thread, as all below.
NODISCARD enum err locator_row(struct locator *locator, const struct repo_id *repo,
                               int64_t *out_row);
// The same if there is one; ERR_ABSENT.
NODISCARD enum err locator_find_row(struct locator *locator, const struct repo_id *repo,
                                    int64_t *out_row);

// A commit that is shown now: it is looked at first. It is not distrusted any more.
void locator_prefer(struct locator *locator, int64_t row, const struct oid *commit,
                    uint64_t repo_root);

// The Hub knows the commit no more: others are looked for, as long as the row is remembered.
void locator_distrust(struct locator *locator, int64_t row, const struct oid *commit);

// Where a stored node (not the kernel's number of it) is to be had. ERR_STALE: no commit that is
// known here has it, or it was listed with a token that this mount never had.
NODISCARD enum err locator_find(struct locator *locator, uint64_t ino,
                                struct location *out);
void location_release(struct location *location);

// The repository of a row; ERR_STALE as above.
NODISCARD enum err locator_repo(struct locator *locator, int64_t row,
                                struct repo_id *out);
