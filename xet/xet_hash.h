// SPDX-License-Identifier: Apache-2.0
// The hashes of the Xet protocol, all of them keyed BLAKE3 (Xet protocol, "Hashing"). Their
// string form is digest_to_xet_hex().
#pragma once

#include "base/base.h"

#include <stddef.h>
#include <stdint.h>

// The name of a chunk's content.
void xet_hash_chunk(const void *bytes, size_t len, struct digest *out);

// What a shard's verification entry must say about consecutive chunks: a hash over their
// hashes.
void xet_hash_range(const struct digest *chunks, size_t n, struct digest *out);

// The name under which a keyed answer to a deduplication query lists a chunk.
void xet_hash_keyed(const struct digest *key, const struct digest *chunk,
                    struct digest *out);

// A hash tree over a list of (hash, size), built while the list is told: neighbours are
// joined in groups whose ends the hashes themselves decide, level by level, until one node
// is left. Its root names a xorb; keyed once more it names a file. Holds at most one open
// group a level, so a list of any length costs the same 13 KiB.
enum { HASH_TREE_LEVELS = 34, HASH_TREE_GROUP_MAX = 9 };

struct hash_tree_node {
    struct digest hash;
    uint64_t size;
};

struct hash_tree {
    struct hash_tree_level {
        uint64_t total; // nodes that this level has ever had
        uint32_t open;  // nodes of the group that is not closed yet
        struct hash_tree_node group[HASH_TREE_GROUP_MAX];
    } levels[HASH_TREE_LEVELS];
};

void hash_tree_init(struct hash_tree *tree);
void hash_tree_add(struct hash_tree *tree, const struct digest *hash, uint64_t size);
// The root over what was added: the xorb's name; 32 zero bytes for nothing. Ends the tree.
void hash_tree_root(struct hash_tree *tree, struct digest *out);
// The same as the name of a file.
void hash_tree_file(struct hash_tree *tree, struct digest *out);
