// SPDX-License-Identifier: Apache-2.0
// A sorted list of disjoint pieces of one file, and what replacing a part of it means.
#pragma once

#include "cache/store_limits.h"

struct piece_list {
    struct piece *pieces; // in order of offset
    size_t n;
    size_t capacity;
};

void piece_list_release(struct piece_list *list);

// What remains of `old` on both sides of the new piece; false where nothing does. A
// remainder can be told only where old and new take their chunks from the same object at
// chunk borders that agree; otherwise it is dropped (a plan is a hint, asked for again).
void piece_trim(const struct piece *old, const struct piece *new, struct piece *out_left,
                bool *out_has_left, struct piece *out_right, bool *out_has_right);

bool piece_overlaps(const struct piece *piece, uint64_t offset, uint64_t end);
// Non-empty, no overflow, chunks within bounds.
bool piece_is_legal(const struct piece *piece);

// The new piece replaces what the list knew about its range.
NODISCARD enum err piece_list_replace(struct piece_list *list, const struct piece *new);
