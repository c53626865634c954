// SPDX-License-Identifier: Apache-2.0
// In order: what we send or have sent, the version before, the answers of the global index.
// A chunk that may go on where the last one ended is looked for everywhere before another
// place is taken: long terms matter more than who has them.
#include "xet/upload_state.h"

struct foreign_xorb {
    struct digest hash;
    uint32_t number;
    UT_hash_handle hh;
};

enum { GROW_BY = 64 };

enum err upload_foreign_number(struct xet_upload *upload, const struct digest *xorb,
                               uint32_t *out)
{
    struct foreign_xorb *known = NULL;
    HASH_FIND(hh, upload->foreign_numbers, xorb, sizeof(*xorb), known);
    if (known) {
        *out = known->number;
        return ERR_NONE;
    }
    if (upload->n_foreign == upload->foreign_places) {
        size_t places = upload->foreign_places + upload->foreign_places / 2 + GROW_BY;
        struct digest *foreign = realloc(upload->foreign, places * sizeof(*foreign));
        if (!foreign) {
            return ERR_NO_MEMORY;
        }
        upload->foreign = foreign;
        upload->foreign_places = places;
    }
    known = calloc(1, sizeof(*known));
    if (!known) {
        return ERR_NO_MEMORY;
    }
    known->hash = *xorb;
    known->number = (uint32_t)upload->n_foreign | FOREIGN_XORB;
    HASH_ADD(hh, upload->foreign_numbers, hash, sizeof(known->hash), known);
    upload->foreign[upload->n_foreign++] = *xorb;
    *out = known->number;
    return ERR_NONE;
}

void upload_dedup_release(struct xet_upload *upload)
{
    struct foreign_xorb *xorb;
    struct foreign_xorb *next;
    HASH_ITER (hh, upload->foreign_numbers, xorb, next) {
        HASH_DEL(upload->foreign_numbers, xorb);
        free(xorb);
    }
    free(upload->foreign);
    chunk_index_free(upload->base);
    for (size_t i = 0; i < UPLOAD_KEYS; i++) {
        chunk_index_free(upload->keys[i].chunks);
    }
}

const struct digest *upload_xorb_hash(const struct xet_upload *upload, uint32_t number)
{
    return number & FOREIGN_XORB ? &upload->foreign[number & ~FOREIGN_XORB]
                                 : &upload->uploads->xorbs[number].hash;
}

static bool is_wanted(const struct chunk_place *place, const struct chunk_place *wanted)
{
    return !wanted || (place->xorb == wanted->xorb && place->chunk == wanted->chunk);
}

static bool find_by_key(const struct key_set *set, const struct digest *chunk,
                        const struct chunk_place *wanted, struct chunk_place *out)
{
    if (!set->is_used ||
        (set->expires_s != 0 && set->expires_s <= (uint64_t)clock_wall_s())) {
        return false;
    }
    struct digest name = *chunk;
    if (set->is_keyed) {
        xet_hash_keyed(&set->key, chunk, &name);
    }
    return chunk_index_find(set->chunks, &name, wanted, out);
}

bool upload_find(struct xet_upload *upload, const struct digest *chunk,
                 const struct chunk_place *wanted, struct chunk_place *out)
{
    struct chunk_place found;
    bool is_found = uploads_find(upload->uploads, chunk, wanted, &found);
    if (is_found) {
        *out = found;
    }
    if ((is_found && is_wanted(&found, wanted)) || upload->is_alone) {
        return is_found;
    }
    for (size_t i = 0; i <= UPLOAD_KEYS; i++) {
        bool is_here = i == 0 ? chunk_index_find(upload->base, chunk, wanted, &found)
                              : find_by_key(&upload->keys[i - 1], chunk, wanted, &found);
        if (is_here && (!is_found || is_wanted(&found, wanted))) {
            *out = found;
            is_found = true;
        }
        if (is_here && is_wanted(&found, wanted)) {
            return true;
        }
    }
    return is_found;
}
