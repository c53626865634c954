// SPDX-License-Identifier: Apache-2.0
// What readers of this process must know before the index does: runs that are written but
// not committed, runs that only memory holds, and holes that damage tore into indexed runs.
#pragma once

#include "cache/segment_record.h"

#include <stdatomic.h>

struct resident_runs;

// A run that only memory holds. Counted references; immutable.
struct volatile_run {
    _Atomic unsigned refs;
    struct record record;
    uint8_t data[];
};
struct volatile_run *volatile_run_new(const struct record *record, const void *data);
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

// A resident run as a batch sees it; `serial` names it.
struct resident_entry {
    uint64_t serial;
    struct run_place place;
};

// Chunks of a record that must not be served: damaged, or the whole segment is lost.
struct run_hole {
    struct object_id object;
    uint64_t segment;
    uint64_t offset; // of the record; HOLE_WHOLE_SEGMENT: every record
    uint32_t first;
    uint32_t n;
};
#define HOLE_WHOLE_SEGMENT UINT64_MAX

NODISCARD enum err resident_runs_new(struct resident_runs **out);
void resident_runs_free(struct resident_runs *runs);

// Adds what of `place` no resident run covers yet (the table's runs stay disjoint). Takes
// over nothing: memory gets a reference of its own. ERR_NO_MEMORY.
NODISCARD enum err resident_runs_add(struct resident_runs *runs, const struct run_place *place);

// The part of a resident run that holds `chunk`, with a memory reference of its own. When
// none does, *out_next is the first chunk after it that is resident (UINT32_MAX: none).
bool resident_runs_find(struct resident_runs *runs, const struct object_id *object, uint32_t chunk,
                        struct run_place *out, uint32_t *out_next);

// Cuts a place that the index gave down to the part around `chunk` that no hole touches;
// false when the chunk itself is in a hole.
bool resident_runs_apply_holes(struct resident_runs *runs, uint32_t chunk, struct run_place *place);

// Makes a hole. Resident runs lose the chunks too. True when it is new.
bool resident_runs_add_hole(struct resident_runs *runs, const struct run_hole *hole);

// Copies of all runs that lie on disk, and of all holes; arrays are malloc'd.
NODISCARD enum err resident_runs_batch(struct resident_runs *runs, struct resident_entry **out,
                                       size_t *out_n, struct run_hole **out_holes,
                                       size_t *out_holes_n);
// The batch is committed: forgets these.
void resident_runs_committed(struct resident_runs *runs, const struct resident_entry *entries,
                             size_t n, const struct run_hole *holes, size_t holes_n);

// The oldest run that only memory holds, with a reference; false when there is none.
bool resident_runs_oldest_volatile(struct resident_runs *runs, struct resident_entry *out);
// A volatile run was written to disk: every part of it is now there.
void resident_runs_settle(struct resident_runs *runs, const struct volatile_run *memory,
                          uint64_t segment, uint64_t offset);
// Forgets a volatile run for good.
void resident_runs_forget_volatile(struct resident_runs *runs, const struct volatile_run *memory);

// Forgets every run in this segment (0: in any segment).
void resident_runs_drop_segment(struct resident_runs *runs, uint64_t segment);
void resident_runs_clear(struct resident_runs *runs);

uint64_t resident_runs_volatile_bytes(struct resident_runs *runs);
size_t resident_runs_pending(struct resident_runs *runs); // on disk, not committed
bool resident_runs_has_holes(struct resident_runs *runs);
