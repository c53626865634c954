// SPDX-License-Identifier: Apache-2.0
// The listings of folders that a commit of ours has changed, without asking for them.
#pragma once

#include "fs/commit_ask.h"

// Stores what folders hold at `commit`, as far as it is known what they held at its parent: `paths`
// are all that the commit may have changed, and the folders above them; `there` is what stands at each
// now. Blocks for the tree store. An error: some are left out.
NODISCARD enum err commit_listing_keep(struct commit_work *work, const struct oid *parent,
                                       const struct oid *commit, const char *const *paths,
                                       const struct commit_there *there, size_t n);
