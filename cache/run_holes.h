// SPDX-License-Identifier: Apache-2.0
// Holes that damage tore into indexed runs, until the index says so itself.
#pragma once

#include "cache/volatile_run.h"

struct run_holes;

// Chunks of a record that must not be served: damaged, or the whole segment is lost.
struct run_hole {
    struct object_id object;
    uint64_t segment;
    uint64_t offset; // of the record; HOLE_WHOLE_SEGMENT: every record
    uint32_t first;
    uint32_t n;
};
#define HOLE_WHOLE_SEGMENT UINT64_MAX

NODISCARD enum err run_holes_new(struct run_holes **out);
void run_holes_free(struct run_holes *holes);

// True when it is new.
bool run_holes_add(struct run_holes *holes, const struct run_hole *hole);
// Whether a hole concerns this record.
bool run_hole_concerns(const struct run_hole *hole, uint64_t segment, uint64_t offset);
// How often holes were forgotten. Asked before the index is read: where it has changed once
// the holes were applied, what the index gave may be older than a hole that is no longer here.
uint64_t run_holes_forgotten(struct run_holes *holes);
// Cuts a place that the index gave down to the part around `chunk` that no hole touches;
// false when the chunk itself is in a hole.
bool run_holes_apply(struct run_holes *holes, uint32_t chunk, struct run_place *place);

// A copy of all, malloc'd; and forgetting them after their rows are cut.
NODISCARD enum err run_holes_batch(struct run_holes *holes, struct run_hole **out,
                                   size_t *out_n);
void run_holes_committed(struct run_holes *holes, const struct run_hole *batch, size_t n);
void run_holes_clear(struct run_holes *holes);
bool run_holes_any(struct run_holes *holes);
