// SPDX-License-Identifier: Apache-2.0
// Paths in the tree store.
#pragma once

#include "cache/cache.h"

// The stored folder at a path ("" = `root`), from the store alone. ERR_NOT_FOUND: there is none, or
// something else; ERR_ABSENT: not known.
NODISCARD enum err tree_path_folder(struct tree_store *tree, uint64_t root,
                                    const char *path, uint64_t *out);
