// SPDX-License-Identifier: Apache-2.0
// Parses the entries of a tree page or of paths-info.
#pragma once

#include "hub/hub.h"

struct tree_answer {
    struct tree_entry *entries;
    size_t count;
    size_t refused;      // entries that don't belong, or can't be names
    struct buffer paths; // where the entries' paths live
};

// Which paths belong into an answer about the folder `dir` ("" = root).
enum tree_scope {
    TREE_FOLDER, // DIR/NAME
    TREE_BELOW,  // DIR/NAME/NAME ...
    TREE_ANY,    // any legal path (paths-info); `dir` means nothing
};

// Entries of unknown types (submodules) are left out silently.
NODISCARD enum err tree_answer_parse(const void *body, size_t len, enum tree_scope scope,
                                     const char *dir, struct why *why,
                                     struct tree_answer *out);
void tree_answer_release(struct tree_answer *answer);
