// SPDX-License-Identifier: Apache-2.0
// A plan is an answer from outside: nothing in it is used before it has been found to agree
// with the question, with the file's size and with itself. What it cannot be compared with
// in advance, the lengths of chunks, is compared with every header that passes.
//
// Threads: `at` of a term is written by the network thread when the chunk's header passes,
// and read by decode jobs of runs that were handed over afterwards.
#include "xet/plan_layout.h"

#include <inttypes.h>

// A unit's 8 MiB are at most 1,024 chunks of 8 KiB. Every chunk that passes is compared with all
// terms, and each term with the ranges, so that a plan of more costs time that only a broken server
// asks for.
enum { LAYOUT_TERMS_MAX = 16384, LAYOUT_STEPS_MAX = 1 << 26 };

static enum err check_cost(const struct cas_plan *plan, struct why *why)
{
    uint64_t chunks = plan->n_ranges;
    for (size_t i = 0; i < plan->n_ranges; i++) {
        chunks += plan->ranges[i].chunk_end - plan->ranges[i].chunk_first;
    }
    if (plan->n_terms > LAYOUT_TERMS_MAX || plan->n_ranges > LAYOUT_TERMS_MAX ||
        plan->n_terms * chunks > LAYOUT_STEPS_MAX) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the plan has %zu terms in %zu ranges of %" PRIu64
                       " chunks, which no file needs",
                       plan->n_terms, plan->n_ranges, chunks - plan->n_ranges);
    }
    return ERR_NONE;
}

static enum err find_range(const struct cas_plan *plan, const struct cas_term *term,
                           uint32_t *out_range)
{
    for (size_t i = 0; i < plan->n_ranges; i++) {
        const struct cas_range *range = &plan->ranges[i];
        if (range->chunk_first <= term->chunk_first &&
            term->chunk_end <= range->chunk_end &&
            digest_equal(&range->xorb, &term->xorb)) {
            *out_range = (uint32_t)i;
            return ERR_NONE;
        }
    }
    return ERR_BAD_ANSWER;
}

static enum err allocate(struct plan_layout *layout, size_t n_terms, size_t n_ranges)
{
    *layout = (struct plan_layout){.n_terms = n_terms, .n_ranges = n_ranges};
    layout->terms = calloc(n_terms, sizeof(*layout->terms));
    layout->ranges = calloc(n_ranges, sizeof(*layout->ranges));
    if (!layout->terms || !layout->ranges) {
        plan_layout_release(layout);
        return ERR_NO_MEMORY;
    }
    return ERR_NONE;
}

void plan_layout_release(struct plan_layout *layout)
{
    free(layout->terms);
    free(layout->ranges);
    *layout = (struct plan_layout){0};
}

static void lay_ranges(struct plan_layout *layout, const struct cas_plan *plan)
{
    for (size_t i = 0; i < plan->n_ranges; i++) {
        const struct cas_range *from = &plan->ranges[i];
        layout->ranges[i] = (struct layout_range){
            .object = {OBJECT_XORB, from->xorb},
            .first = from->chunk_first,
            .end = from->chunk_end,
            .received = from->chunk_first,
            .failed = LAYOUT_NONE_FAILED,
        };
    }
}

// Lays the terms one after the other; *offset is where the next one begins.
static enum err lay_terms(struct plan_layout *layout, const struct cas_plan *plan,
                          uint64_t *offset, struct why *why)
{
    for (size_t i = 0; i < plan->n_terms; i++) {
        const struct cas_term *from = &plan->terms[i];
        struct layout_term *to = &layout->terms[i];
        if (from->unpacked_length == 0 || from->chunk_first >= from->chunk_end) {
            return why_set(why, ERR_BAD_ANSWER, "the plan's term %zu is empty", i);
        }
        *to = (struct layout_term){
            .offset = *offset,
            .length = from->unpacked_length,
            .first = from->chunk_first,
            .end = from->chunk_end,
            .at = LAYOUT_UNSEEN,
        };
        if (find_range(plan, from, &to->range)) {
            return why_set(why, ERR_BAD_ANSWER,
                           "the plan lists no range that holds its term %zu", i);
        }
        if (!checked_add(*offset, from->unpacked_length, offset)) {
            return why_set(why, ERR_BAD_ANSWER, "the plan's lengths overflow");
        }
    }
    return ERR_NONE;
}

static enum err check_cover(const struct plan_layout *layout, uint64_t last,
                            uint64_t file_size, struct why *why)
{
    if (layout->end <= last) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the plan ends at byte %" PRIu64
                       " and does not cover the range up to "
                       "byte %" PRIu64 " that was asked for",
                       layout->end, last);
    }
    if (layout->end > file_size) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the plan leads to byte %" PRIu64
                       ", past the file's end at %" PRIu64,
                       layout->end, file_size);
    }
    return ERR_NONE;
}

enum err plan_layout_init(struct plan_layout *layout, const struct cas_plan *plan,
                          uint64_t first, uint64_t last, uint64_t file_size,
                          struct why *why)
{
    if (plan->n_terms == 0 || plan->n_ranges == 0) {
        return why_set(why, ERR_BAD_ANSWER, "the plan is empty");
    }
    if (plan->offset_into_first > first) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the plan begins %" PRIu64 " bytes before byte %" PRIu64
                       " of the file",
                       plan->offset_into_first, first);
    }
    enum err err = check_cost(plan, why);
    err = err ? err : allocate(layout, plan->n_terms, plan->n_ranges);
    if (err) {
        return err;
    }
    lay_ranges(layout, plan);
    layout->begin = first - plan->offset_into_first;
    layout->end = layout->begin;
    layout->here = layout->begin;
    err = lay_terms(layout, plan, &layout->end, why);
    if (!err) {
        err = check_cover(layout, last, file_size, why);
    }
    if (err) {
        plan_layout_release(layout);
    }
    return err;
}

enum err plan_layout_init_blob(struct plan_layout *layout, const struct object_id *object,
                               uint64_t first, uint64_t end)
{
    enum err err = allocate(layout, 1, 1);
    if (err) {
        return err;
    }
    uint32_t first_block = (uint32_t)(first / BLOB_BLOCK_BYTES);
    uint32_t end_block = (uint32_t)((end + BLOB_BLOCK_BYTES - 1) / BLOB_BLOCK_BYTES);
    layout->begin = first;
    layout->end = end;
    layout->here = first;
    layout->ranges[0] = (struct layout_range){
        .object = *object,
        .first = first_block,
        .end = end_block,
        .is_needed = true,
        .received = first_block,
        .failed = LAYOUT_NONE_FAILED,
    };
    layout->terms[0] = (struct layout_term){
        .offset = first,
        .length = end - first,
        .first = first_block,
        .end = end_block,
        .at = LAYOUT_UNSEEN,
    };
    return ERR_NONE;
}

enum err plan_layout_on_chunk(struct plan_layout *layout, size_t range, uint32_t index,
                              uint64_t at, struct why *why)
{
    for (size_t i = 0; i < layout->n_terms; i++) {
        struct layout_term *term = &layout->terms[i];
        if (term->range != range) {
            continue;
        }
        if (term->first == index) {
            term->at = at;
        }
        if (term->end == index && at - term->at != term->length) {
            return why_set(why, ERR_DAMAGED,
                           "chunks %u to %u have %" PRIu64
                           " bytes, and the plan says %" PRIu64,
                           term->first, term->end - 1, at - term->at, term->length);
        }
    }
    return ERR_NONE;
}

enum err plan_layout_pieces(const struct plan_layout *layout, size_t range,
                            uint32_t first, uint32_t n, uint64_t at, const uint32_t *ends,
                            layout_visit_fn visit, void *ctx)
{
    for (size_t i = 0; i < layout->n_terms; i++) {
        const struct layout_term *term = &layout->terms[i];
        uint32_t from = term->first > first ? term->first : first;
        uint32_t to = term->end < first + n ? term->end : first + n;
        if (term->range != range || from >= to) {
            continue;
        }
        uint64_t from_at = at + (from > first ? ends[from - first - 1] : 0);
        uint64_t to_at = at + ends[to - first - 1];
        if (term->at == LAYOUT_UNSEEN || to_at - term->at > term->length) {
            return ERR_DAMAGED;
        }
        struct piece piece = {
            .offset = term->offset + (from_at - term->at),
            .length = to_at - from_at,
            .object = layout->ranges[range].object,
            .first = from,
            .n = to - from,
        };
        visit(ctx, &piece);
    }
    return ERR_NONE;
}

void plan_layout_on_failure(struct plan_layout *layout, size_t range, uint32_t first,
                            uint64_t at)
{
    struct layout_range *failed = &layout->ranges[range];
    if (first < failed->failed) {
        failed->failed = first;
        failed->failed_bytes = at;
    }
}

// How much of a term has been stored, counted from its beginning without a gap.
static uint64_t stored_of(const struct layout_term *term,
                          const struct layout_range *range)
{
    uint32_t stored = range->received;
    uint64_t bytes = range->received_bytes;
    if (range->failed < stored) {
        stored = range->failed;
        bytes = range->failed_bytes;
    }
    if (term->is_here || stored >= term->end) {
        return term->length;
    }
    return stored > term->first ? bytes - term->at : 0;
}

uint64_t plan_layout_first_missing(const struct plan_layout *layout)
{
    uint64_t missing = layout->end;
    for (size_t i = 0; i < layout->n_terms; i++) {
        const struct layout_term *term = &layout->terms[i];
        uint64_t stored = stored_of(term, &layout->ranges[term->range]);
        if (stored < term->length) {
            missing = term->offset + stored;
            break;
        }
    }
    return missing > layout->here ? missing : layout->here;
}
