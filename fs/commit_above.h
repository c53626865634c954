// SPDX-License-Identifier: Apache-2.0
// Whether somebody else has made a file where what is committed needs a folder. To the Hub that is no
// conflict: it would take their file away.
#pragma once

#include "fs/commit_check.h"

// Settles the PUTs of which that is so at `parent`, for deletions among `items` that are still to go.
// An error is about the Hub: try again.
NODISCARD enum err commit_check_above(struct commit_work *work,
                                      struct commit_item *const *items, size_t n,
                                      const struct oid *parent, struct why *why);
