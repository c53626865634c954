// SPDX-License-Identifier: Apache-2.0
// Walks the trees of a commit in a pack for the entries that are more than plain files.
#pragma once

#include "hub/git_pack.h"

struct git_modes {
    struct tree_entry
        *entries; // executable files and symlinks, in git's order; size unknown (0)
    size_t count;
    size_t capacity;
    struct buffer paths; // where the entries' paths live
};

// ERR_BAD_ANSWER when the commit or one of its trees is missing or broken, ERR_TOO_LARGE.
// Entries whose names can't be names here are left out.
NODISCARD enum err git_modes_collect(const struct git_pack *pack,
                                     const struct oid *commit, struct why *why,
                                     struct git_modes *out);
void git_modes_release(struct git_modes *modes);
