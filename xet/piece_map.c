// SPDX-License-Identifier: Apache-2.0
// A fragment that crosses the border of two leaves is split there, so each leaf answers for
// its own 16 MiB alone. Leaves of all files hang in one list in the order of their use.
#include "xet/piece_map.h"

#include "xet/piece_leaf.h"

#include <string.h>

void piece_cache_init(struct piece_cache *cache, size_t max_bytes)
{
    *cache = (struct piece_cache){.max_bytes = max_bytes};
}

void piece_map_init(struct piece_map *map, struct piece_cache *cache)
{
    *map = (struct piece_map){.cache = cache};
}

static size_t leaf_bytes(const struct piece_leaf *leaf)
{
    return sizeof(*leaf) + leaf->capacity * sizeof(struct fragment);
}

// ---------------------------------------------------------------- order of use

static void unlink_leaf(struct piece_leaf *leaf)
{
    struct piece_cache *cache = leaf->map->cache;
    *(leaf->newer ? &leaf->newer->older : &cache->head) = leaf->older;
    *(leaf->older ? &leaf->older->newer : &cache->tail) = leaf->newer;
}

static void link_first(struct piece_leaf *leaf)
{
    struct piece_cache *cache = leaf->map->cache;
    leaf->newer = NULL;
    leaf->older = cache->head;
    *(cache->head ? &cache->head->newer : &cache->tail) = leaf;
    cache->head = leaf;
}

// ---------------------------------------------------------------- leaves of a map

static size_t position_of(const struct piece_map *map, uint64_t index)
{
    size_t low = 0;
    size_t high = map->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->leaves[middle]->index < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct piece_leaf *leaf_at(const struct piece_map *map, uint64_t offset)
{
    uint64_t index = offset / PIECE_LEAF_BYTES;
    size_t at = position_of(map, index);
    bool is_here = at < map->n && map->leaves[at]->index == index;
    return is_here ? map->leaves[at] : NULL;
}

static uint64_t leaf_end(uint64_t offset)
{
    return (offset / PIECE_LEAF_BYTES + 1) * PIECE_LEAF_BYTES;
}

static void drop_leaf(struct piece_leaf *leaf)
{
    struct piece_map *map = leaf->map;
    size_t at = position_of(map, leaf->index);
    unlink_leaf(leaf);
    map->cache->bytes -= leaf_bytes(leaf);
    map->n--;
    memmove(map->leaves + at, map->leaves + at + 1,
            (map->n - at) * sizeof(map->leaves[0]));
    free(leaf->fragments);
    free(leaf);
}

// Drops the leaves that were used longest ago, but never `keep` and those that are pinned.
static void shrink(struct piece_cache *cache, const struct piece_leaf *keep)
{
    struct piece_leaf *leaf = cache->tail;
    while (leaf && cache->bytes > cache->max_bytes) {
        struct piece_leaf *newer = leaf->newer;
        if (leaf != keep && leaf->pins == 0) {
            drop_leaf(leaf);
        }
        leaf = newer;
    }
}

static enum err get_leaf(struct piece_map *map, uint64_t offset, struct piece_leaf **out)
{
    *out = leaf_at(map, offset);
    if (*out) {
        return ERR_NONE;
    }
    if (map->n == map->capacity) {
        size_t capacity = map->capacity ? map->capacity * 2 : 4;
        struct piece_leaf **grown =
            realloc(map->leaves, capacity * sizeof(struct piece_leaf *));
        if (!grown) {
            return ERR_NO_MEMORY;
        }
        map->leaves = grown;
        map->capacity = capacity;
    }
    struct piece_leaf *leaf = calloc(1, sizeof(*leaf));
    if (!leaf) {
        return ERR_NO_MEMORY;
    }
    leaf->map = map;
    leaf->index = offset / PIECE_LEAF_BYTES;
    size_t at = position_of(map, leaf->index);
    memmove(map->leaves + at + 1, map->leaves + at,
            (map->n - at) * sizeof(map->leaves[0]));
    map->leaves[at] = leaf;
    map->n++;
    link_first(leaf);
    map->cache->bytes += leaf_bytes(leaf);
    *out = leaf;
    return ERR_NONE;
}

void piece_map_release(struct piece_map *map)
{
    while (map->n > 0) {
        drop_leaf(map->leaves[map->n - 1]);
    }
    free(map->leaves);
    map->leaves = NULL;
    map->capacity = 0;
}

// ---------------------------------------------------------------- changes

bool piece_map_is_loaded(const struct piece_map *map, uint64_t offset)
{
    const struct piece_leaf *leaf = leaf_at(map, offset);
    return leaf && leaf->is_loaded;
}

// Inserts the part of a fragment that lies in one leaf and in no other fragment's place.
static enum err insert_clipped(struct piece_leaf *leaf, const struct fragment *fragment,
                               uint64_t from, uint64_t to)
{
    struct piece_cache *cache = leaf->map->cache;
    struct fragment part = *fragment;
    part.from = from;
    part.to = to;
    size_t before = leaf_bytes(leaf);
    enum err err = leaf_insert(leaf, &part);
    cache->bytes += leaf_bytes(leaf) - before;
    cache->unread_bytes += !err && part.is_unread ? to - from : 0;
    return err;
}

static void cut_leaf(struct piece_leaf *leaf, uint64_t from, uint64_t to)
{
    struct piece_cache *cache = leaf->map->cache;
    size_t before = leaf_bytes(leaf);
    cache->unread_bytes -= leaf_cut(leaf, from, to);
    cache->bytes += leaf_bytes(leaf) - before;
}

// The part of [at, end), which lies in the leaf, that no other fragment holds.
static enum err fill_gaps(struct piece_leaf *leaf, const struct fragment *fragment,
                          uint64_t at, uint64_t end)
{
    enum err err = ERR_NONE;
    while (!err && (at = piece_map_gap(leaf->map, at, end)) < end) {
        uint64_t to = piece_map_gap_end(leaf->map, at, end);
        err = insert_clipped(leaf, fragment, at, to);
        at = to;
    }
    return err;
}

enum err piece_map_load(struct piece_map *map, uint64_t offset,
                        const struct fragment *fragments, size_t n)
{
    struct piece_leaf *leaf;
    enum err err = get_leaf(map, offset, &leaf);
    uint64_t begin = offset - offset % PIECE_LEAF_BYTES;
    for (size_t i = 0; !err && i < n; i++) {
        uint64_t at = fragments[i].from > begin ? fragments[i].from : begin;
        uint64_t end =
            fragments[i].to < leaf_end(offset) ? fragments[i].to : leaf_end(offset);
        err = fill_gaps(leaf, &fragments[i], at, end);
    }
    if (!err) {
        leaf->is_loaded = true;
        shrink(map->cache, leaf);
    }
    return err;
}

enum err piece_map_add(struct piece_map *map, const struct fragment *fragment)
{
    enum err err = ERR_NONE;
    uint64_t end;
    for (uint64_t at = fragment->from; !err && at < fragment->to; at = end) {
        end = leaf_end(at) < fragment->to ? leaf_end(at) : fragment->to;
        struct piece_leaf *leaf;
        err = get_leaf(map, at, &leaf);
        if (!err && fragment->is_unread) {
            err = fill_gaps(leaf, fragment, at, end);
        } else if (!err) {
            cut_leaf(leaf, at, end);
            err = insert_clipped(leaf, fragment, at, end);
        }
        if (!err) {
            shrink(map->cache, leaf);
        }
    }
    return err;
}

void piece_map_forget(struct piece_map *map, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at = leaf_end(at)) {
        struct piece_leaf *leaf = leaf_at(map, at);
        if (leaf) {
            cut_leaf(leaf, at, to);
        }
    }
}

// ---------------------------------------------------------------- questions

bool piece_map_find(struct piece_map *map, uint64_t offset, struct fragment *out)
{
    struct piece_leaf *leaf = leaf_at(map, offset);
    const struct fragment *fragment = leaf ? leaf_find(leaf, offset) : NULL;
    if (!fragment) {
        return false;
    }
    if (map->cache->head != leaf) {
        unlink_leaf(leaf);
        link_first(leaf);
    }
    *out = *fragment;
    return true;
}

void piece_map_mark_read(struct piece_map *map, uint64_t from, uint64_t to)
{
    while (from < to) {
        struct piece_leaf *leaf = leaf_at(map, from);
        struct fragment *fragment = leaf ? leaf_find(leaf, from) : NULL;
        if (!fragment) {
            from = piece_map_gap_end(map, from, to);
            continue;
        }
        if (fragment->is_unread) {
            map->cache->unread_bytes -= fragment->to - fragment->from;
            fragment->is_unread = false;
        }
        from = fragment->to;
    }
}

uint64_t piece_map_gap(const struct piece_map *map, uint64_t from, uint64_t to)
{
    while (from < to) {
        const struct piece_leaf *leaf = leaf_at(map, from);
        const struct fragment *fragment = leaf ? leaf_find(leaf, from) : NULL;
        if (!fragment) {
            return from;
        }
        from = fragment->to;
    }
    return to;
}

uint64_t piece_map_gap_end(const struct piece_map *map, uint64_t from, uint64_t to)
{
    size_t at = position_of(map, from / PIECE_LEAF_BYTES);
    for (; at < map->n && map->leaves[at]->index * PIECE_LEAF_BYTES < to; at++) {
        const struct piece_leaf *leaf = map->leaves[at];
        size_t next = leaf_search(leaf, from);
        if (next < leaf->n) {
            uint64_t begin = leaf->fragments[next].from;
            return begin < to ? begin : to;
        }
    }
    return to;
}

// ---------------------------------------------------------------- pins

enum err piece_map_pin(struct piece_map *map, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at = leaf_end(at)) {
        struct piece_leaf *leaf;
        if (get_leaf(map, at, &leaf)) {
            piece_map_unpin(map, from, at);
            return ERR_NO_MEMORY;
        }
        leaf->pins++;
    }
    return ERR_NONE;
}

void piece_map_unpin(struct piece_map *map, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at = leaf_end(at)) {
        leaf_at(map, at)->pins--;
    }
}
