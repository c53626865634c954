// SPDX-License-Identifier: Apache-2.0
#include "xet/chunk_learn.h"

// False when one of them went away meanwhile.
static bool learn_run(struct chunk_index *index, struct chunk_store *store,
                      const struct piece *piece, uint32_t number, uint32_t first,
                      uint32_t n)
{
    uint32_t lengths[RUN_CHUNKS_MAX];
    struct digest hashes[RUN_CHUNKS_MAX];
    for (uint32_t done = 0; done < n;) {
        uint32_t part = n - done < RUN_CHUNKS_MAX ? n - done : RUN_CHUNKS_MAX;
        if (chunk_store_hashes(store, &piece->object, first + done, part, lengths,
                               hashes)) {
            return false;
        }
        for (uint32_t i = 0; i < part; i++) {
            chunk_index_add(index, &hashes[i],
                            (struct chunk_place){number, first + done + i});
        }
        done += part;
    }
    return true;
}

bool chunk_learn_piece(struct chunk_index *index, struct chunk_store *store,
                       const struct piece *piece, uint32_t number)
{
    bool is_whole = true;
    uint32_t end = piece->first + piece->n;
    for (uint32_t at = piece->first; at < end;) {
        uint32_t n = 0;
        uint64_t bytes = 0;
        chunk_store_extent(store, &piece->object, at, end - at, &n, &bytes);
        if (n > 0) {
            is_whole = learn_run(index, store, piece, number, at, n) && is_whole;
            at += n;
            continue;
        }
        is_whole = false;
        uint32_t next = chunk_store_gap_end(store, &piece->object, at, end);
        at = next > at ? next : at + 1;
    }
    return is_whole;
}
