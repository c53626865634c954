// SPDX-License-Identifier: Apache-2.0
// The id that git gives to a folder, from what a listing says of it.
#pragma once

#include "cache/cache.h"

// The object id of the tree with these entries (of one folder; the name is what follows the last slash
// of the path), as if every file were of mode 100644: a listing says nothing of modes. So it is the
// folder's own id only if it has no executables and symlinks. ERR_NO_MEMORY. Any thread.
// Source: git's Documentation/gitformat-pack, tree objects; the order is that of base_name_compare().
NODISCARD enum err git_tree_id(const struct tree_entry *entries, size_t n,
                               struct oid *out);
