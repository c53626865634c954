// SPDX-License-Identifier: Apache-2.0
// The base version's chunks are known as far as it has been read: pieces tell which chunks it
// consists of, the store has the hashes of those that are here. What is read for the upload
// itself (the ranges that nobody has written) comes into the store on the way, so each batch
// looks once more at its own neighbourhood.
#include "xet/chunk_learn.h"
#include "xet/upload_state.h"

enum { PIECES_AT_ONCE = 32 };

// False when some of its chunks are not here.
static bool learn_piece(struct xet_upload *upload, const struct piece *piece)
{
    uint32_t number;
    return piece->object.kind == OBJECT_XORB &&
           !upload_foreign_number(upload, &piece->object.hash, &number) &&
           chunk_learn_piece(upload->base, upload->config.store, piece, number);
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
        if (n == 0) {
            return false;
        }
    }
    return is_whole;
}
