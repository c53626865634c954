// SPDX-License-Identifier: Apache-2.0
// The base version's chunks are known as far as it has been read: pieces tell which chunks it
// consists of, the store has the hashes of those that are here. What is read for the upload
// itself (the ranges that nobody has written) comes into the store on the way, so each batch
// looks once more at its own neighbourhood.
#include "xet/upload_state.h"

enum { PIECES_AT_ONCE = 32 };

// False when one of them went away meanwhile.
static bool learn_run(struct xet_upload *upload, const struct piece *piece,
                      uint32_t number, uint32_t first, uint32_t n)
{
    uint32_t lengths[RUN_CHUNKS_MAX];
    struct digest hashes[RUN_CHUNKS_MAX];
    for (uint32_t done = 0; done < n;) {
        uint32_t part = n - done < RUN_CHUNKS_MAX ? n - done : RUN_CHUNKS_MAX;
        if (chunk_store_hashes(upload->config.store, &piece->object, first + done, part,
                               lengths, hashes)) {
            return false;
        }
        for (uint32_t i = 0; i < part; i++) {
            chunk_index_add(upload->base, &hashes[i],
                            (struct chunk_place){number, first + done + i});
        }
        done += part;
    }
    return true;
}

// False when some of its chunks are not here.
static bool learn_piece(struct xet_upload *upload, const struct piece *piece)
{
    struct chunk_store *store = upload->config.store;
    uint32_t number;
    if (piece->object.kind != OBJECT_XORB ||
        upload_foreign_number(upload, &piece->object.hash, &number)) {
        return false;
    }
    bool is_whole = true;
    uint32_t end = piece->first + piece->n;
    for (uint32_t at = piece->first; at < end;) {
        uint32_t n = 0;
        uint64_t bytes = 0;
        chunk_store_extent(store, &piece->object, at, end - at, &n, &bytes);
        if (n > 0) {
            is_whole = learn_run(upload, piece, number, at, n) && is_whole;
            at += n;
            continue;
        }
        is_whole = false;
        uint32_t next = chunk_store_gap_end(store, &piece->object, at, end);
        at = next > at ? next : at + 1;
    }
    return is_whole;
}

bool upload_learn_base(struct xet_upload *upload, const struct digest *base,
                       uint64_t from, uint64_t to)
{
    struct piece pieces[PIECES_AT_ONCE];
    if (!upload->config.store || upload->is_alone) {
        return true;
    }
    bool is_whole = true;
    while (from < to) {
        size_t n = chunk_store_pieces(upload->config.store, base, from, to - from, pieces,
                                      PIECES_AT_ONCE);
        for (size_t i = 0; i < n; i++) {
            is_whole =
                learn_piece(upload, &pieces[i]) && is_whole && (pieces[i].offset <= from);
            from = pieces[i].offset + pieces[i].length;
        }
        if (n < PIECES_AT_ONCE) {
            return is_whole && from >= to;
        }
    }
    return is_whole;
}
