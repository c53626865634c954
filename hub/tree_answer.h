// SPDX-License-Identifier: Apache-2.0
// Parses the entries of a tree page or of paths-info.
#pragma once

#include "hub/hub.h"

struct tree_answer {
    struct tree_entry *entries;
    size_t count;
    size_t refused;      // entries that can't be names in the folder asked for
    struct buffer paths; // where the entries' paths live
};

// `dir` is the folder whose page it is ("" = root): each entry must be DIR/NAME. NULL: any
// legal path (paths-info). Entries of unknown types (submodules) are left out silently.
NODISCARD enum err tree_answer_parse(const void *body, size_t len, const char *dir,
                                     struct why *why, struct tree_answer *out);
void tree_answer_release(struct tree_answer *answer);
