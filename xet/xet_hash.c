// SPDX-License-Identifier: Apache-2.0
// The rule that closes a group is part of the format, although only the official source
// states it: a group ends at its ninth node, or after the third or a later one whose hash,
// read as the last of four little-endian words, divides by 4. What is left at the end of a
// level is a group too, of one node if need be; only a level that has one node in all is the
// root.
#include "xet/xet_hash.h"

#include <blake3.h>
#include <inttypes.h>
#include <string.h>

#include "xet/xet.h"

enum { GROUP_MIN = 3, GROUP_TEXT_MAX = HASH_TREE_GROUP_MAX * (64 + 3 + 20 + 1) + 1 };

static const uint8_t CHUNK_KEY[BLAKE3_KEY_LEN] = {
    0x66, 0x97, 0xf5, 0x77, 0x5b, 0x95, 0x50, 0xde, 0x31, 0x35, 0xcb,
    0xac, 0xa5, 0x97, 0x18, 0x1c, 0x9d, 0xe4, 0x21, 0x10, 0x9b, 0xeb,
    0x2b, 0x58, 0xb4, 0xd0, 0xb0, 0x4b, 0x93, 0xad, 0xf2, 0x29,
};
static const uint8_t NODE_KEY[BLAKE3_KEY_LEN] = {
    0x01, 0x7e, 0xc5, 0xc7, 0xa5, 0x47, 0x29, 0x96, 0xfd, 0x94, 0x66,
    0x66, 0xb4, 0x8a, 0x02, 0xe6, 0x5d, 0xdd, 0x53, 0x6f, 0x37, 0xc7,
    0x6d, 0xd2, 0xf8, 0x63, 0x52, 0xe6, 0x4a, 0x53, 0x71, 0x3f,
};
static const uint8_t RANGE_KEY[BLAKE3_KEY_LEN] = {
    0x7f, 0x18, 0x57, 0xd6, 0xce, 0x56, 0xed, 0x66, 0x12, 0x7f, 0xf9,
    0x13, 0xe7, 0xa5, 0xc3, 0xf3, 0xa4, 0xcd, 0x26, 0xd5, 0xb5, 0xdb,
    0x49, 0xe6, 0x41, 0x24, 0x98, 0x7f, 0x28, 0xfb, 0x94, 0xc3,
};
static const uint8_t FILE_KEY[BLAKE3_KEY_LEN] = {0};

static void hash_keyed(const uint8_t key[BLAKE3_KEY_LEN], const void *bytes, size_t len,
                       struct digest *out)
{
    blake3_hasher hasher;
    blake3_hasher_init_keyed(&hasher, key);
    blake3_hasher_update(&hasher, bytes, len);
    blake3_hasher_finalize(&hasher, out->bytes, sizeof(out->bytes));
}

void xet_hash_chunk(const void *bytes, size_t len, struct digest *out)
{
    hash_keyed(CHUNK_KEY, bytes, len, out);
}

void xet_hash_range(const struct digest *chunks, size_t n, struct digest *out)
{
    hash_keyed(RANGE_KEY, chunks, n * sizeof(*chunks), out);
}

void xet_hash_keyed(const struct digest *key, const struct digest *chunk,
                    struct digest *out)
{
    hash_keyed(key->bytes, chunk->bytes, sizeof(chunk->bytes), out);
}

void hash_tree_init(struct hash_tree *tree)
{
    for (size_t i = 0; i < HASH_TREE_LEVELS; i++) {
        tree->levels[i].total = 0;
        tree->levels[i].open = 0;
    }
}

// A node is hashed as text: a line "<hash> : <size>" for each child.
static struct hash_tree_node node_of(const struct hash_tree_level *level)
{
    char text[GROUP_TEXT_MAX];
    size_t len = 0;
    struct hash_tree_node node = {.size = 0};
    for (uint32_t i = 0; i < level->open; i++) {
        char hex[DIGEST_HEX_SIZE];
        digest_to_xet_hex(&level->group[i].hash, hex);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s : %" PRIu64 "\n", hex,
                                level->group[i].size);
        node.size += level->group[i].size;
    }
    hash_keyed(NODE_KEY, text, len, &node.hash);
    return node;
}

// Adds a node to a level; a group that it closes becomes a node of the level above. Each
// level has at most a third of the nodes below it, so 34 levels hold any list that fits in
// this universe.
static void add_at(struct hash_tree *tree, size_t at, struct hash_tree_node node)
{
    for (;; at++) {
        struct hash_tree_level *level = &tree->levels[at];
        level->group[level->open++] = node;
        level->total++;
        bool closes =
            level->open == HASH_TREE_GROUP_MAX ||
            (level->open >= GROUP_MIN && load_u64(node.hash.bytes + 24) % 4 == 0);
        if (!closes) {
            return;
        }
        node = node_of(level);
        level->open = 0;
    }
}

void hash_tree_add(struct hash_tree *tree, const struct digest *hash, uint64_t size)
{
    add_at(tree, 0, (struct hash_tree_node){*hash, size});
}

void hash_tree_root(struct hash_tree *tree, struct digest *out)
{
    if (tree->levels[0].total == 0) {
        memset(out, 0, sizeof(*out));
        return;
    }
    size_t at = 0;
    while (tree->levels[at].total != 1) {
        struct hash_tree_level *level = &tree->levels[at++];
        if (level->open > 0) {
            struct hash_tree_node node = node_of(level);
            level->open = 0;
            add_at(tree, at, node);
        }
    }
    *out = tree->levels[at].group[0].hash;
}

void hash_tree_file(struct hash_tree *tree, struct digest *out)
{
    bool is_empty = tree->levels[0].total == 0;
    struct digest root;
    hash_tree_root(tree, &root);
    if (is_empty) {
        *out = root; // the empty file's name is not keyed
        return;
    }
    hash_keyed(FILE_KEY, root.bytes, sizeof(root.bytes), out);
}

// The same questions in the same order as the dispatcher of the BLAKE3 library asks.
const char *xet_blake3_implementation(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) {
        return "AVX-512";
    }
    if (__builtin_cpu_supports("avx2")) {
        return "AVX2";
    }
    return __builtin_cpu_supports("sse4.1") ? "SSE4.1" : "SSE2";
#elif defined(__aarch64__)
    return "NEON";
#else
    return "scalar";
#endif
}
