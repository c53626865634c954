// SPDX-License-Identifier: Apache-2.0
// How a range of an object's bytes goes through its runs, one after the other.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunk_answer;

// A read in progress: `len` bytes, `skip` from the start of `chunk` on, are wanted next.
struct reading {
    uint32_t chunk;
    uint64_t skip;
    size_t len;
    struct chunk_answer *answer; // NULL: of a look at what there is
};

// What part of a run is to be read: bytes [begin, end) of its data, in chunks [from, to].
struct span {
    uint32_t from;
    uint32_t to;
    uint64_t begin;
    uint64_t end;
};

// The span of a run that a reading wants; false when it begins later. The reading has moved
// behind the run. `ends` are the record's, chunks up to `high` of it are the place's.
bool run_next_span(struct reading *reading, const uint32_t *ends, uint32_t record_first,
                   uint32_t high, struct span *out);
// The bytes of the span are done with.
void run_span_done(struct reading *reading, const struct span *span);
