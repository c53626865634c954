// SPDX-License-Identifier: Apache-2.0
// What earlier processes have uploaded, as far as the chunk store still has it: the pieces of a file
// tell which xorbs it consists of, the store has the hashes of their chunks.
#include "xet/chunk_learn.h"
#include "xet/uploads.h"

#include <uthash.h>

enum { PIECES_AT_ONCE = 32 };

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

static void recall_file(struct recall *recall, const struct digest *file)
{
    struct piece pieces[PIECES_AT_ONCE];
    uint32_t number;
    size_t n = 1;
    for (uint64_t at = 0; n > 0 && at < FILE_BYTES_MAX;) {
        n = chunk_store_pieces(recall->store, file, at, FILE_BYTES_MAX - at, pieces,
                               PIECES_AT_ONCE);
        for (size_t i = 0; i < n; i++) {
            if (pieces[i].object.kind == OBJECT_XORB &&
                !number_of(recall, &pieces[i].object.hash, &number)) {
                (void)chunk_learn_piece(recall->uploads->chunks, recall->store,
                                        &pieces[i], number);
            }
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
