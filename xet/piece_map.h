// SPDX-License-Identifier: Apache-2.0
// What is known to be on this machine of a file, in memory: the table in front of the chunk
// store's pieces. A piece that is here was in the store when it was learned; a read that
// finds it gone forgets it, and the range is fetched again.
//
// A file is divided into leaves of 16 MiB, each a sorted array of the fragments that overlap
// it; leaves are loaded when they are first touched and dropped when all files together
// know more than a limit. A leaf that parked reads wait in is never dropped: what they wait
// for is that its gaps close.
//
// Where pieces overlap, the one that was learned last wins and the older is trimmed; but what
// was fetched ahead fills only gaps, because chunks on the border of two units come twice.
//
// No lock of its own: the caller holds the engine's.
#pragma once

#include "base/base.h"
#include "cache/cache.h"

#define PIECE_LEAF_BYTES (UINT64_C(16) << 20)

// [from, to) of the file lies (from - origin) bytes into the concatenation of the chunks
// [first, first + n) of an object.
struct fragment {
    uint64_t from;
    uint64_t to;
    uint64_t origin;
    struct object_id object;
    uint32_t first;
    uint32_t n;
    bool is_unread; // was fetched ahead, and nobody has read it
};

struct piece_leaf;

// Over all files.
struct piece_cache {
    struct piece_leaf *head; // most recently used
    struct piece_leaf *tail;
    size_t bytes;
    size_t max_bytes;
    uint64_t unread_bytes; // fetched ahead and not read so far
};

// Of one file.
struct piece_map {
    struct piece_cache *cache;
    struct piece_leaf **leaves; // by index
    size_t n;
    size_t capacity;
};

void piece_cache_init(struct piece_cache *cache, size_t max_bytes);
void piece_map_init(struct piece_map *map, struct piece_cache *cache);
void piece_map_release(struct piece_map *map);

// Whether the leaf that holds `offset` has been loaded; if not, load it from the store
// (without the lock) and tell what it has.
bool piece_map_is_loaded(const struct piece_map *map, uint64_t offset);
// What the store knew about the leaf that holds `offset`: fills only gaps, because what was
// learned meanwhile is newer.
NODISCARD enum err piece_map_load(struct piece_map *map, uint64_t offset,
                                  const struct fragment *fragments, size_t n);

// The piece is in the store now.
NODISCARD enum err piece_map_add(struct piece_map *map, const struct fragment *fragment);
// [from, to) is not in the store any more.
void piece_map_forget(struct piece_map *map, uint64_t from, uint64_t to);

// The fragment that holds `offset`; false = a gap. Counts as a use of the leaf.
bool piece_map_find(struct piece_map *map, uint64_t offset, struct fragment *out);
// Somebody reads [from, to): a fragment counts as read as a whole.
void piece_map_mark_read(struct piece_map *map, uint64_t from, uint64_t to);

// The first offset in [from, to) that is in no piece; `to` when there is none. Leaves that
// are not loaded count as gaps.
uint64_t piece_map_gap(const struct piece_map *map, uint64_t from, uint64_t to);
// Where the gap at `from` ends: the beginning of the next piece, at most `to`.
uint64_t piece_map_gap_end(const struct piece_map *map, uint64_t from, uint64_t to);

// A parked read waits for gaps in [from, to) to close: their leaves stay.
NODISCARD enum err piece_map_pin(struct piece_map *map, uint64_t from, uint64_t to);
void piece_map_unpin(struct piece_map *map, uint64_t from, uint64_t to);
