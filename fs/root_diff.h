// SPDX-License-Identifier: Apache-2.0
// Which names of a directory mean something else after a change: what the kernel must be
// told when the head moves.
#pragma once

#include "cache/cache.h"

typedef void (*root_diff_fn)(void *ctx, const char *name);

// Calls `differs` for each name that only one of two complete directories has, or that is
// another node in the second. The two listings are read into memory first: `differs` may do
// what it likes.
NODISCARD enum err root_diff(struct tree_store *tree, uint64_t old_dir, uint64_t new_dir,
                             root_diff_fn differs, void *ctx);
