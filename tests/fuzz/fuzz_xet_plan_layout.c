// SPDX-License-Identifier: Apache-2.0
// A plan with any numbers: it is refused, or it covers what was asked for and stays within
// the file, and chunks of any lengths give only pieces within it.

#include "tests/fuzz/fuzz_target.h"
#include "xet/plan_layout.h"

struct input {
    const uint8_t *at;
    size_t left;
};

// The next number: mostly small, sometimes anything.
static uint64_t number(struct input *input)
{
    uint64_t value = 0;
    if (input->left < 9) {
        return 0;
    }
    memcpy(&value, input->at + 1, 8);
    value = input->at[0] == 255 ? value : value % 64;
    size_t taken = input->at[0] == 255 ? 9 : 2;
    input->at += taken;
    input->left -= taken;
    return value;
}

struct bounds {
    uint64_t begin;
    uint64_t end;
};

static void on_piece(void *ctx, const struct piece *piece)
{
    const struct bounds *bounds = ctx;
    fuzz_require(piece->offset >= bounds->begin && piece->length > 0);
    fuzz_require(piece->length <= bounds->end - piece->offset);
}

static void feed_chunks(struct plan_layout *layout, struct input *input)
{
    struct bounds bounds = {layout->begin, layout->end};
    for (size_t i = 0; i < layout->n_ranges; i++) {
        uint64_t at = 0;
        uint32_t first = layout->ranges[i].first;
        for (uint32_t chunk = first; chunk - first < 70; chunk++) {
            uint32_t len = (uint32_t)(number(input) % CHUNK_BYTES_MAX) + 1;
            if (plan_layout_on_chunk(layout, i, chunk, at, NULL) ||
                plan_layout_pieces(layout, i, chunk, 1, at, &len, on_piece, &bounds)) {
                break;
            }
            at += len;
            layout->ranges[i].received = chunk + 1;
            layout->ranges[i].received_bytes = at;
        }
    }
    uint64_t missing = plan_layout_first_missing(layout);
    fuzz_require(missing >= layout->begin && missing <= layout->end);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct input input = {bytes, len};
    struct cas_term terms[8];
    struct cas_range ranges[4];
    struct cas_plan plan = {.terms = terms, .ranges = ranges};
    plan.n_terms = number(&input) % 8;
    plan.n_ranges = number(&input) % 4;
    plan.offset_into_first = number(&input);
    for (size_t i = 0; i < plan.n_terms; i++) {
        terms[i] = (struct cas_term){.xorb = {{(uint8_t)(number(&input) % 2)}},
                                     .chunk_first = (uint32_t)number(&input),
                                     .chunk_end = (uint32_t)number(&input),
                                     .unpacked_length = number(&input)};
    }
    for (size_t i = 0; i < plan.n_ranges; i++) {
        ranges[i] = (struct cas_range){.xorb = {{(uint8_t)(number(&input) % 2)}},
                                       .chunk_first = (uint32_t)number(&input),
                                       .chunk_end = (uint32_t)number(&input)};
    }
    uint64_t first = number(&input);
    uint64_t last = number(&input);
    uint64_t size = number(&input);
    struct plan_layout layout;
    if (first > last || last >= size ||
        plan_layout_init(&layout, &plan, first, last, size, NULL)) {
        return 0;
    }
    fuzz_require(layout.begin <= first && layout.end > last && layout.end <= size);
    feed_chunks(&layout, &input);
    plan_layout_release(&layout);
    return 0;
}
