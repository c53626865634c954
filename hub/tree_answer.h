// SPDX-License-Identifier: Apache-2.0
// Parses the entries of a tree page or of paths-info.
#pragma once

#include "hub/hub.h"

// Which paths belong into an answer about the folder `dir` ("" = root).
enum tree_scope {
    TREE_FOLDER, // DIR/NAME
    TREE_BELOW,  // DIR/NAME/NAME ...
    TREE_ANY,    // any legal path (paths-info); `dir` means nothing
};

// Entries of unknown types (submodules) are left out silently. `next` is NULL.
NODISCARD enum err tree_answer_parse(const void *body, size_t len, enum tree_scope scope,
                                     const char *dir, struct why *why,
                                     struct hub_tree_page *out);
