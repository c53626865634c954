// SPDX-License-Identifier: Apache-2.0
// Where in the file the chunks of a plan lie. A plan says: the file from here on is the
// chunks [a, b) of xorb X, then [c, d) of xorb Y ... (its terms), and lists the byte ranges
// that hold them. Several terms may use one range, and a range may begin before the first
// chunk that is used of it; only the headers that pass by tell where each chunk begins.
//
// A blob is laid out in the same way: one term, one range of 64 KiB blocks.
#pragma once

#include "base/base.h"
#include "cache/cache.h"
#include "hub/hub.h"

#define LAYOUT_UNSEEN UINT64_MAX

struct layout_term {
    uint64_t offset; // in the file
    uint64_t length;
    uint32_t first; // chunks [first, end) of the range's object
    uint32_t end;
    uint32_t range; // index
    uint64_t at;    // decoded bytes of the range before `first`; LAYOUT_UNSEEN at first
    bool is_here;   // all of it is in the store already
};

struct layout_range {
    struct object_id object;
    uint32_t first;
    uint32_t end;
    bool is_needed;          // some term of it is not in the store
    uint32_t received;       // chunks before this index have been decoded and stored
    uint64_t received_bytes; // decoded bytes of the range before `received`
    uint32_t failed;         // the first chunk of the first run that could not be stored
    uint64_t failed_bytes;   // decoded bytes of the range before `failed`
};

struct plan_layout {
    struct layout_term *terms; // in the order of the file
    size_t n_terms;
    struct layout_range *ranges; // as in the plan
    size_t n_ranges;
    uint64_t begin; // what of the file the terms cover: [begin, end)
    uint64_t end;
    uint64_t here; // [begin, here) was in the store before anything was fetched
};

#define LAYOUT_NONE_FAILED UINT32_MAX // as `failed`

// Lays out the plan that answers a question for [first, last] of a file. ERR_BAD_ANSWER with
// a sentence when it does not cover that, or leads past the end of the file, or a term lies
// in no range, or it is much larger than any file needs.
NODISCARD enum err plan_layout_init(struct plan_layout *layout,
                                    const struct cas_plan *plan, uint64_t first,
                                    uint64_t last, uint64_t file_size, struct why *why);
// [first, end) of a blob; `first` is a multiple of 64 KiB.
NODISCARD enum err plan_layout_init_blob(struct plan_layout *layout,
                                         const struct object_id *object, uint64_t first,
                                         uint64_t end);
void plan_layout_release(struct plan_layout *layout);

// Chunk `index` of the range begins `at` decoded bytes into it (also told for its end).
// ERR_DAMAGED when a term turns out to be of another length than the plan says.
NODISCARD enum err plan_layout_on_chunk(struct plan_layout *layout, size_t range,
                                        uint32_t index, uint64_t at, struct why *why);

// The pieces of the file that a decoded run of the range gives: chunks [first, first + n),
// `at` bytes into the range, with their cumulative ends. Calls `visit` for each.
// ERR_DAMAGED when one would stick out of its term.
typedef void (*layout_visit_fn)(void *ctx, const struct piece *piece);
NODISCARD enum err plan_layout_pieces(const struct plan_layout *layout, size_t range,
                                      uint32_t first, uint32_t n, uint64_t at,
                                      const uint32_t *ends, layout_visit_fn visit,
                                      void *ctx);

// The run of the range that begins with chunk `first`, `at` bytes into it, was not stored.
void plan_layout_on_failure(struct plan_layout *layout, size_t range, uint32_t first,
                            uint64_t at);

// The first offset of the file that is not in the store; `end` when all of it is. When no
// transfer and no decode job is under way.
uint64_t plan_layout_first_missing(const struct plan_layout *layout);
