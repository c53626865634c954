// SPDX-License-Identifier: Apache-2.0
// Whole ranges are left out, and when the beginning of a range is here (and the rest is not),
// the round only publishes it and the unit plans again from the first missing chunk, because
// a range can't be fetched in part.
#include "xet/round_here.h"

#include "xet/publish.h"

// Publishes how much of the term is in the store, counted from its beginning; returns the
// file offset after it.
static uint64_t publish_here(const struct fetch_round *round,
                             const struct layout_term *term, struct publisher *publisher)
{
    struct chunk_store *store = round->unit->file->xet->store;
    const struct layout_range *range = &round->layout.ranges[term->range];
    uint64_t at = term->offset;
    uint32_t first = term->first;
    while (first < term->end) {
        uint32_t most =
            term->end - first < RUN_CHUNKS_MAX ? term->end - first : RUN_CHUNKS_MAX;
        uint32_t n = 0;
        uint64_t bytes = 0;
        chunk_store_extent(store, &range->object, first, most, &n, &bytes);
        if (n == 0 || bytes > term->offset + term->length - at) {
            break;
        }
        struct piece piece = {at, bytes, range->object, first, n};
        publish_piece(publisher, &piece);
        first += n;
        at += bytes;
    }
    return at;
}

// Whether it is worth another plan, and its round trip, not to bring these bytes again. A plan made
// ahead begins with the chunk on the border to the unit before, which may have come since: it comes
// twice when a reader waits (or will soon), or when it is little of the unit.
static bool is_worth_a_plan(const struct fetch_unit *unit, uint64_t bytes)
{
    bool was_planned_ahead = unit->held_ms > 0;
    bool may_come_twice = unit->class == HUB_DEMAND || was_planned_ahead ||
                          unit->end - unit->missing > 2 * MIB;
    return bytes > CHUNK_BYTES_MAX || !may_come_twice;
}

bool round_find_needed(struct fetch_round *round)
{
    struct plan_layout *layout = &round->layout;
    struct publisher publisher = {.file = round->unit->file,
                                  .is_ahead = round->unit->class != HUB_DEMAND};
    bool has_missing = false;
    bool is_cut = false;
    for (size_t i = 0; i < layout->n_terms && !is_cut; i++) {
        struct layout_term *term = &layout->terms[i];
        uint64_t here = publish_here(round, term, &publisher);
        term->is_here = here == term->offset + term->length;
        layout->ranges[term->range].is_needed |= !term->is_here;
        if (!has_missing) {
            layout->here = here;
            // The range would bring again what is here of the term.
            is_cut = !term->is_here && here > term->offset &&
                     here > round->unit->missing &&
                     is_worth_a_plan(round->unit, here - term->offset);
        }
        has_missing = has_missing || !term->is_here;
    }
    publish_flush(&publisher);
    return !is_cut;
}

bool transfer_is_here(struct transfer *transfer)
{
    struct fetch_round *round = transfer->round;
    struct plan_layout *layout = &round->layout;
    struct publisher publisher = {.file = round->unit->file,
                                  .is_ahead = round->unit->class != HUB_DEMAND};
    bool is_here = true;
    for (size_t i = 0; i < layout->n_terms; i++) {
        struct layout_term *term = &layout->terms[i];
        if (term->range == transfer->range && !term->is_here) {
            uint64_t here = publish_here(round, term, &publisher);
            term->is_here = here == term->offset + term->length;
            is_here = is_here && term->is_here;
        }
    }
    publish_flush(&publisher);
    return is_here;
}
