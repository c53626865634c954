// SPDX-License-Identifier: Apache-2.0
// For a Xet file the store remembers pieces; each is compared with what is still there,
// because eviction takes runs without asking. A blob needs no pieces: block k of it is at
// k * 64 KiB, so its leaf is made from the runs of blocks that are there.
#include "xet/piece_load.h"

enum { PIECES_AT_ONCE = 64 };

// Fragments of one leaf, growing.
struct fragment_list {
    struct fragment *fragments;
    size_t n;
    size_t capacity;
};

static enum err append(struct fragment_list *list, const struct fragment *fragment)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 32;
        struct fragment *grown = realloc(list->fragments, capacity * sizeof(*grown));
        if (!grown) {
            return ERR_NO_MEMORY;
        }
        list->fragments = grown;
        list->capacity = capacity;
    }
    list->fragments[list->n++] = *fragment;
    return ERR_NONE;
}

// As much of the piece as is in the store, counted from its beginning; `looks`: by its records.
static enum err append_piece(struct xet_file *file, const struct piece *piece, bool looks,
                             struct fragment_list *list)
{
    struct chunk_store *store = file->xet->store;
    uint64_t bytes = 0;
    uint32_t n = 0;
    if (looks) { // what is damaged is not counted any more then
        chunk_store_extent(store, &piece->object, piece->first, piece->n, &n, &bytes);
    }
    bytes = piece->length;
    n = chunk_store_count(store, &piece->object, piece->first, piece->n);
    if (n < piece->n) {
        chunk_store_extent(store, &piece->object, piece->first, piece->n, &n, &bytes);
        bytes = bytes < piece->length ? bytes : piece->length;
    }
    if (n == 0 || piece->offset + bytes > file->content.size) {
        return ERR_NONE;
    }
    struct fragment fragment = {
        .from = piece->offset,
        .to = piece->offset + bytes,
        .origin = piece->offset,
        .object = piece->object,
        .first = piece->first,
        .n = n,
    };
    return append(list, &fragment);
}

static enum err collect_pieces(struct xet_file *file, uint64_t from, uint64_t to,
                               bool looks, struct fragment_list *list)
{
    struct piece pieces[PIECES_AT_ONCE];
    while (from < to) {
        size_t n = chunk_store_pieces(file->xet->store, &file->name, from, to - from,
                                      pieces, PIECES_AT_ONCE);
        for (size_t i = 0; i < n; i++) {
            enum err err = append_piece(file, &pieces[i], looks, list);
            if (err) {
                return err;
            }
        }
        uint64_t end = n > 0 ? pieces[n - 1].offset + pieces[n - 1].length : from;
        if (end <= from) {
            break;
        }
        from = end;
    }
    return ERR_NONE;
}

static enum err collect_blocks(struct xet_file *file, uint64_t from, uint64_t to,
                               struct fragment_list *list)
{
    uint32_t block = (uint32_t)(from / BLOB_BLOCK_BYTES);
    uint32_t end = (uint32_t)((to + BLOB_BLOCK_BYTES - 1) / BLOB_BLOCK_BYTES);
    while (block < end) {
        uint32_t n = 0;
        uint64_t bytes = 0;
        chunk_store_extent(file->xet->store, &file->blob, block, end - block, &n, &bytes);
        uint64_t offset = (uint64_t)block * BLOB_BLOCK_BYTES;
        struct fragment fragment = {
            .from = offset,
            .to = offset + bytes,
            .origin = offset,
            .object = file->blob,
            .first = block,
            .n = n,
        };
        // A name that two sizes are told for may have longer blocks than this file.
        if (n > 0 && fragment.to <= file->content.size && append(list, &fragment)) {
            return ERR_NO_MEMORY;
        }
        block = n > 0 ? block + n
                      : chunk_store_gap_end(file->xet->store, &file->blob, block, end);
    }
    return ERR_NONE;
}

// What the store has of the leaf that holds `at`.
static enum err collect_leaf(struct xet_file *file, uint64_t at,
                             struct fragment_list *list)
{
    uint64_t from = at - at % PIECE_LEAF_BYTES;
    uint64_t left = file->content.size - from;
    uint64_t to = left < PIECE_LEAF_BYTES ? file->content.size : from + PIECE_LEAF_BYTES;
    return file->content.has_xet ? collect_pieces(file, from, to, false, list)
                                 : collect_blocks(file, from, to, list);
}

static enum err load_leaf(struct xet_file *file, uint64_t at)
{
    struct fragment_list list = {0};
    enum err err = collect_leaf(file, at, &list);
    if (!err) {
        engine_lock(file->xet);
        err = piece_map_load(&file->map, at, list.fragments, list.n);
        engine_unlock(file->xet);
    }
    free(list.fragments);
    return err;
}

enum err piece_load(struct xet_file *file, uint64_t from, uint64_t to)
{
    enum err err = ERR_NONE;
    for (uint64_t at = from; !err && at < to;
         at += PIECE_LEAF_BYTES - at % PIECE_LEAF_BYTES) {
        engine_lock(file->xet);
        bool is_loaded = piece_map_is_loaded(&file->map, at);
        engine_unlock(file->xet);
        if (!is_loaded) {
            err = load_leaf(file, at);
        }
    }
    return err;
}

// The fragment at `at`, or where its gap ends.
static bool find(struct xet_file *file, uint64_t at, uint64_t to,
                 struct fragment *fragment, uint64_t *out_end)
{
    engine_lock(file->xet);
    bool is_here = piece_map_find(&file->map, at, fragment);
    *out_end = is_here ? fragment->to : piece_map_gap_end(&file->map, at, to);
    engine_unlock(file->xet);
    return is_here;
}

// Each run of it is looked at: what is known to be damaged is stored again when it comes. Of what could
// not be looked at (too many open files), the index has the last word.
static bool is_whole(struct chunk_store *store, const struct fragment *fragment)
{
    uint32_t chunk = fragment->first;
    uint32_t end = chunk + fragment->n;
    uint64_t reaches = 0;
    while (chunk < end) {
        uint32_t n = 0;
        uint64_t bytes = 0;
        chunk_store_extent(store, &fragment->object, chunk, end - chunk, &n, &bytes);
        reaches = chunk == fragment->first ? fragment->origin + bytes : reaches;
        chunk += n;
        chunk =
            chunk < end ? chunk_store_gap_end(store, &fragment->object, chunk, end) : end;
    }
    return reaches >= fragment->to ||
           chunk_store_count(store, &fragment->object, fragment->first, fragment->n) ==
               fragment->n;
}

enum err piece_look(struct xet_file *file, uint64_t from, uint64_t to)
{
    enum err err = piece_load(file, from, to);
    while (!err && from < to) {
        struct fragment fragment;
        if (find(file, from, to, &fragment, &from) &&
            !is_whole(file->xet->store, &fragment)) {
            piece_forget(file, &fragment);
        }
    }
    return err;
}

void piece_forget(struct xet_file *file, const struct fragment *fragment)
{
    engine_lock(file->xet);
    piece_map_forget(&file->map, fragment->from, fragment->to);
    file->frontier = file->frontier < fragment->from ? file->frontier : fragment->from;
    engine_unlock(file->xet);
}

uint64_t piece_load_stored(struct xet_file *file)
{
    uint64_t size = file->content.size;
    struct fragment_list list = {0};
    enum err err = file->content.has_xet ? collect_pieces(file, 0, size, true, &list)
                                         : collect_blocks(file, 0, size, &list);
    uint64_t bytes = 0;
    uint64_t end = 0;
    for (size_t i = 0; !err && i < list.n; i++) {
        // Pieces of two plans may overlap.
        const struct fragment *fragment = &list.fragments[i];
        uint64_t from = fragment->from > end ? fragment->from : end;
        bytes += fragment->to > from ? fragment->to - from : 0;
        end = fragment->to > end ? fragment->to : end;
    }
    free(list.fragments);
    return bytes;
}
