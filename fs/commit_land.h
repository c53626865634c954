// SPDX-License-Identifier: Apache-2.0
// After a commit: the mount moves to it, and the overlay forgets what is in the repository now.
#pragma once

#include "fs/commit_batch.h"

struct commit_landing {
    struct oid parent;
    struct oid commit;
    bool is_shown;     // the mount shows it, or one after it, already
    bool is_made;      // by us, now: `parent` is its parent
    const char *batch; // the row that goes with it; NULL: none
};
// Settles the items that are open (sent) or there already. COMMIT_END_STOPPED: some were not told;
// the next mount finds the commit by the journal.
enum commit_end commit_land(struct commit_work *work, struct commit_item *const *items,
                            size_t n, const struct commit_landing *landing);
