// SPDX-License-Identifier: Apache-2.0
// Order matters: chunks are in the store before their pieces are told, and the store knows
// the pieces before the map does, so a leaf that is loaded at the same moment misses nothing.
// A hint that the store can't keep costs a plan later, never a wrong answer.
#include "xet/publish.h"

#include "xet/errands.h"
#include "xet/waits.h"

static void tell_map(struct publisher *publisher, struct errands *errands)
    REQUIRES(engine_role)
{
    struct xet_file *file = publisher->file;
    for (size_t i = 0; i < publisher->n; i++) {
        const struct piece *piece = &publisher->pieces[i];
        struct fragment fragment = {
            .from = piece->offset,
            .to = piece->offset + piece->length,
            .origin = piece->offset,
            .object = piece->object,
            .first = piece->first,
            .n = piece->n,
            .is_unread = publisher->is_ahead,
        };
        if (!piece_map_add(&file->map, &fragment)) {
            waits_wake(file, fragment.from, fragment.to, errands);
        }
    }
}

void publish_flush(struct publisher *publisher)
{
    struct xet_file *file = publisher->file;
    struct xet *xet = file->xet;
    if (publisher->n == 0) {
        return;
    }
    if (file->content.has_xet &&
        chunk_store_put_pieces(xet->store, &file->name, file->content.size,
                               publisher->pieces, publisher->n)) {
        log_debug("xet", "the store could not remember %zu pieces", publisher->n);
    }
    struct errands errands = errands_init(xet);
    engine_lock(xet);
    tell_map(publisher, &errands);
    engine_unlock(xet);
    publisher->n = 0;
    errands_run(&errands);
}

void publish_piece(struct publisher *publisher, const struct piece *piece)
{
    if (publisher->n == PUBLISH_MAX) {
        publish_flush(publisher);
    }
    publisher->pieces[publisher->n++] = *piece;
}
