// SPDX-License-Identifier: Apache-2.0
// What earlier processes have uploaded, as far as the chunk store still has it: the pieces of a file
// tell which xorbs it consists of, the store has the hashes of their chunks.
#include "cache/cache.h"
#include "xet/uploads.h"

#include <uthash.h>

enum { PIECES_AT_ONCE = 32, HASHES_AT_ONCE = 256 };

// What is learned of one file at most, so that a mount's first commit does not wait for it.
#define FILE_BYTES_MAX (UINT64_C(4) << 30)

struct known {
    struct digest hash;
    uint32_t number;
    UT_hash_handle hh;
};

struct recall {
    struct xet_uploads *uploads;
    struct chunk_store *store;
    struct known *known;
};

static enum err number_of(struct recall *recall, const struct digest *xorb, uint32_t *out)
{
    struct known *known = NULL;
    HASH_FIND(hh, recall->known, xorb, sizeof(*xorb), known);
    if (known) {
        *out = known->number;
        return ERR_NONE;
    }
    known = calloc(1, sizeof(*known));
    enum err err =
        known ? uploads_open_xorb(recall->uploads, &known->number) : ERR_NO_MEMORY;
    if (err) {
        free(known);
        return err;
    }
    struct own_xorb *own = &recall->uploads->xorbs[known->number];
    own->hash = *xorb;
    own->state = OWN_UP;
    own->is_told = true;
    known->hash = *xorb;
    HASH_ADD(hh, recall->known, hash, sizeof(known->hash), known);
    *out = known->number;
    return ERR_NONE;
}

// Chunks [first, first + n) of a xorb, all of which were here a moment ago.
static void recall_run(struct recall *recall, const struct object_id *xorb,
                       uint32_t number, uint32_t first, uint32_t n)
{
    uint32_t lengths[HASHES_AT_ONCE];
    struct digest hashes[HASHES_AT_ONCE];
    for (uint32_t end = first + n; first < end; first += n) {
        n = end - first < HASHES_AT_ONCE ? end - first : HASHES_AT_ONCE;
        if (chunk_store_hashes(recall->store, xorb, first, n, lengths, hashes)) {
            return;
        }
        for (uint32_t i = 0; i < n; i++) {
            chunk_index_add(recall->uploads->chunks, &hashes[i],
                            (struct chunk_place){number, first + i});
        }
    }
}

static void recall_piece(struct recall *recall, const struct piece *piece)
{
    uint32_t number;
    uint32_t end = piece->first + piece->n;
    if (piece->object.kind != OBJECT_XORB ||
        number_of(recall, &piece->object.hash, &number)) {
        return;
    }
    for (uint32_t at = piece->first; at < end;) {
        uint32_t n = 0;
        uint64_t bytes = 0;
        chunk_store_extent(recall->store, &piece->object, at, end - at, &n, &bytes);
        if (n > 0) {
            recall_run(recall, &piece->object, number, at, n);
            at += n;
        } else {
            uint32_t next = chunk_store_gap_end(recall->store, &piece->object, at, end);
            at = next > at ? next : at + 1;
        }
    }
}

static void recall_file(struct recall *recall, const struct digest *file)
{
    struct piece pieces[PIECES_AT_ONCE];
    size_t n = PIECES_AT_ONCE;
    for (uint64_t at = 0; n == PIECES_AT_ONCE && at < FILE_BYTES_MAX;) {
        n = chunk_store_pieces(recall->store, file, at, FILE_BYTES_MAX - at, pieces,
                               PIECES_AT_ONCE);
        for (size_t i = 0; i < n; i++) {
            recall_piece(recall, &pieces[i]);
            at = pieces[i].offset + pieces[i].length;
        }
    }
}

void xet_uploads_recall(struct xet_uploads *uploads, struct chunk_store *store,
                        const struct digest *files, size_t n)
{
    struct recall recall = {.uploads = uploads, .store = store};
    struct known *known;
    struct known *next;
    for (size_t i = 0; i < n; i++) {
        recall_file(&recall, &files[i]);
    }
    HASH_ITER (hh, recall.known, known, next) {
        HASH_DEL(recall.known, known);
        free(known);
    }
}
