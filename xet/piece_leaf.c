// SPDX-License-Identifier: Apache-2.0
// Invariant: fragments are sorted by `from` and disjoint. Trimming changes from and to only;
// origin and first stay, so the place in the object needs no chunk boundaries.
#include "xet/piece_leaf.h"

#include <string.h>

size_t leaf_search(const struct piece_leaf *leaf, uint64_t offset)
{
    size_t low = 0;
    size_t high = leaf->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (leaf->fragments[middle].to <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct fragment *leaf_find(const struct piece_leaf *leaf, uint64_t offset)
{
    size_t at = leaf_search(leaf, offset);
    bool holds = at < leaf->n && leaf->fragments[at].from <= offset;
    return holds ? &leaf->fragments[at] : NULL;
}

enum err leaf_insert(struct piece_leaf *leaf, const struct fragment *fragment)
{
    if (leaf->n == leaf->capacity) {
        size_t capacity = leaf->capacity ? leaf->capacity * 2 : 4;
        struct fragment *grown = realloc(leaf->fragments, capacity * sizeof(*grown));
        if (!grown) {
            return ERR_NO_MEMORY;
        }
        leaf->fragments = grown;
        leaf->capacity = capacity;
    }
    size_t at = leaf_search(leaf, fragment->from);
    memmove(leaf->fragments + at + 1, leaf->fragments + at,
            (leaf->n - at) * sizeof(*leaf->fragments));
    leaf->fragments[at] = *fragment;
    leaf->n++;
    return ERR_NONE;
}

static void leaf_remove(struct piece_leaf *leaf, size_t at)
{
    leaf->n--;
    memmove(leaf->fragments + at, leaf->fragments + at + 1,
            (leaf->n - at) * sizeof(*leaf->fragments));
}

// Cuts one fragment; when the middle goes, the second half becomes a fragment of its own
// (or, without memory for it, is forgotten too: it can be learned again).
static void cut_fragment(struct piece_leaf *leaf, size_t at, uint64_t from, uint64_t to)
{
    struct fragment *fragment = &leaf->fragments[at];
    struct fragment rest = *fragment;
    if (fragment->from >= from && fragment->to <= to) {
        leaf_remove(leaf, at);
    } else if (fragment->from >= from) {
        fragment->from = to;
    } else {
        fragment->to = from;
        rest.from = to;
        if (rest.from < rest.to && leaf_insert(leaf, &rest)) {
            return;
        }
    }
}

uint64_t leaf_cut(struct piece_leaf *leaf, uint64_t from, uint64_t to)
{
    uint64_t unread = 0;
    for (;;) {
        size_t at = leaf_search(leaf, from);
        if (at == leaf->n || leaf->fragments[at].from >= to) {
            return unread;
        }
        const struct fragment *fragment = &leaf->fragments[at];
        if (fragment->is_unread) {
            uint64_t low = fragment->from > from ? fragment->from : from;
            uint64_t high = fragment->to < to ? fragment->to : to;
            unread += high - low;
        }
        cut_fragment(leaf, at, from, to);
    }
}
