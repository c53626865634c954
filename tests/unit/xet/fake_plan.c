// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/xet/fake_file.h"

#include <stdlib.h>
#include <string.h>

static size_t chunk_at(const struct fake_file *file, uint64_t offset)
{
    size_t i = 0;
    while (i + 1 < file->n && file->chunks[i + 1].offset <= offset) {
        i++;
    }
    return i;
}

// Joins neighbours that go on in the same xorb into one term.
static void add_terms(const struct fake_file *file, size_t from, size_t to,
                      struct cas_term *terms, size_t *n)
{
    for (size_t i = from; i <= to; i++) {
        const struct fake_chunk *chunk = &file->chunks[i];
        struct cas_term *last = *n > 0 ? &terms[*n - 1] : NULL;
        const struct digest *xorb = &file->xorbs[chunk->xorb].hash;
        if (last && digest_equal(&last->xorb, xorb) && last->chunk_end == chunk->index) {
            last->chunk_end++;
            last->unpacked_length += chunk->len;
        } else {
            terms[(*n)++] =
                (struct cas_term){*xorb, chunk->index, chunk->index + 1, chunk->len};
        }
    }
}

// One range per xorb and stretch; stretches that overlap or nearly touch are one, as the
// server coalesces them.
static bool widen(struct cas_range *ranges, size_t *n)
{
    for (size_t i = 0; i < *n; i++) {
        for (size_t k = i + 1; k < *n; k++) {
            bool near = ranges[i].chunk_first <= ranges[k].chunk_end + 1 &&
                        ranges[k].chunk_first <= ranges[i].chunk_end + 1 &&
                        digest_equal(&ranges[i].xorb, &ranges[k].xorb);
            if (near) {
                uint32_t first = ranges[k].chunk_first;
                uint32_t end = ranges[k].chunk_end;
                ranges[i].chunk_first =
                    first < ranges[i].chunk_first ? first : ranges[i].chunk_first;
                ranges[i].chunk_end =
                    end > ranges[i].chunk_end ? end : ranges[i].chunk_end;
                ranges[k] = ranges[--*n];
                return true;
            }
        }
    }
    return false;
}

struct cas_plan *fake_plan_new(const struct fake_file *file, uint64_t first,
                               uint64_t last, size_t early)
{
    size_t from = chunk_at(file, first);
    size_t to = chunk_at(file, last);
    from -= early < from ? early : from;
    struct cas_plan *plan = calloc(1, sizeof(*plan));
    struct cas_term *terms = calloc(to - from + 1, sizeof(*terms));
    struct cas_range *ranges = calloc(to - from + 1, sizeof(*ranges));
    plan->offset_into_first = first - file->chunks[from].offset;
    add_terms(file, from, to, terms, &plan->n_terms);
    for (size_t i = 0; i < plan->n_terms; i++) {
        ranges[plan->n_ranges++] = (struct cas_range){
            .xorb = terms[i].xorb,
            .chunk_first = terms[i].chunk_first,
            .chunk_end = terms[i].chunk_end,
            .url = "https://cdn.example/secret",
        };
    }
    while (widen(ranges, &plan->n_ranges)) {
    }
    plan->terms = terms;
    plan->ranges = ranges;
    return plan;
}

void cas_plan_free(struct cas_plan *plan)
{
    if (plan) {
        free((void *)(uintptr_t)plan->terms);
        free((void *)(uintptr_t)plan->ranges);
        free(plan);
    }
}

struct fake_xorb *fake_plan_xorb(struct fake_file *files, const struct cas_range *range)
{
    for (struct fake_file *file = files; file; file = file->next) {
        for (uint32_t i = 0; i < file->n_xorbs; i++) {
            if (digest_equal(&file->xorbs[i].hash, &range->xorb)) {
                return &file->xorbs[i];
            }
        }
    }
    return NULL;
}
