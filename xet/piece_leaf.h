// SPDX-License-Identifier: Apache-2.0
// One leaf of a piece map: a sorted array of disjoint fragments. Private to piece_map.c.
#pragma once

#include "xet/piece_map.h"

struct piece_leaf {
    struct piece_map *map;
    struct piece_leaf *newer; // order of use, over all files
    struct piece_leaf *older;
    uint64_t index; // of the 16 MiB in the file
    bool is_loaded;
    uint32_t pins;
    size_t n;
    size_t capacity;
    struct fragment *fragments; // by from
};

// Position of the first fragment that ends after `offset`.
size_t leaf_search(const struct piece_leaf *leaf, uint64_t offset);
// The fragment that holds `offset`, NULL in a gap.
struct fragment *leaf_find(const struct piece_leaf *leaf, uint64_t offset);
// Inserts a fragment that overlaps none. ERR_NO_MEMORY leaves the leaf as it was.
NODISCARD enum err leaf_insert(struct piece_leaf *leaf, const struct fragment *fragment);
// Removes [from, to) from all fragments; returns how many bytes of it were unread.
uint64_t leaf_cut(struct piece_leaf *leaf, uint64_t from, uint64_t to);
