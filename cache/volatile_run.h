// SPDX-License-Identifier: Apache-2.0
// Runs that only memory holds, and the word for where a run is: in a segment or in memory.
#pragma once

#include "cache/segment_record.h"

#include <stdatomic.h>

// A run that only memory holds. Counted references; immutable.
struct volatile_run {
    _Atomic unsigned refs;
    struct record record;
    uint8_t data[];
};
// `data`: n parts of it, in order; copied. NULL when out of memory.
struct volatile_run *volatile_run_new(const struct record *record,
                                      const struct iovec *data, int n);
void volatile_run_ref(struct volatile_run *run); // NULL is fine, here and below
void volatile_run_unref(struct volatile_run *run);

// Where chunks [first, first + n) of an object are: in a record of a segment, or in memory.
// The record may hold more chunks than these.
struct run_place {
    struct object_id object;
    uint32_t first;
    uint32_t n;
    uint64_t segment;            // 0 = memory
    uint64_t offset;             // of the record
    struct volatile_run *memory; // a reference when segment is 0
};
