// SPDX-License-Identifier: Apache-2.0
// The kernel's inode numbers, and what they stand for:
//
//   1                 the root of the mount: a repository's (or a folder of it), or the Hub's
//   2 .. 2^32-1       virtual nodes (vnode.h): folders above the repositories, .hub, hf-cache
//   2^32 .. 2^44-1    stored nodes (the tree store): one version of one path
//   tag << 44 | node  a stored folder as seen below one of several roots (places.h). The kernel
//                     allows a folder one name: the same folder in two commits needs two numbers.
//                     A file may have many names, so it is its stored node everywhere
//   1 << 62 | id      in a writable mount: its folders, and files that were made here (overlay.h).
//                     Files of its base are stored nodes with a tag of their own
#pragma once

#include "cache/cache.h"

enum { INO_ROOT = 1, INO_TAG_WRITABLE = 0x3ffff };

#define INO_LOCAL (UINT64_C(1) << 62)

static inline bool ino_is_stored(uint64_t ino)
{
    return ino >= INO_STORED_FIRST;
}

static inline uint64_t ino_tag(uint64_t ino)
{
    return ino >> INO_STORED_BITS;
}

static inline uint64_t ino_node(uint64_t ino)
{
    return ino & ((UINT64_C(1) << INO_STORED_BITS) - 1);
}

static inline uint64_t ino_tagged(uint64_t tag, uint64_t node)
{
    return tag << INO_STORED_BITS | node;
}

// The number of an entry of a stored folder that the kernel knows as `dir`.
static inline uint64_t ino_below(uint64_t dir, const struct tree_node *node)
{
    return node->kind == ENTRY_DIRECTORY ? ino_tagged(ino_tag(dir), node->ino)
                                         : node->ino;
}
