// SPDX-License-Identifier: Apache-2.0
// What readers of this process must know before the index does: runs that are written but
// not committed, and runs that only memory holds.
#pragma once

#include "cache/run_holes.h"

struct resident_runs;

// A resident run as a batch sees it; `serial` names it.
struct resident_entry {
    uint64_t serial;
    struct run_place place;
};

NODISCARD enum err resident_runs_new(struct resident_runs **out);
void resident_runs_free(struct resident_runs *runs);

// Adds what of `place` no resident run covers yet (the table's runs stay disjoint). Takes
// over nothing: memory gets a reference of its own. ERR_NO_MEMORY.
NODISCARD enum err resident_runs_add(struct resident_runs *runs,
                                     const struct run_place *place);

// The part of a resident run that holds `chunk`, with a memory reference of its own. When
// none does, *out_next is the first chunk after it that is resident (UINT32_MAX: none).
bool resident_runs_find(struct resident_runs *runs, const struct object_id *object,
                        uint32_t chunk, struct run_place *out, uint32_t *out_next);

// Forgets the runs on disk that a hole concerns; they go as a whole, being young and rare.
void resident_runs_drop_damaged(struct resident_runs *runs, const struct run_hole *hole);

// Copies of all runs that lie on disk, oldest first; malloc'd.
NODISCARD enum err resident_runs_batch(struct resident_runs *runs,
                                       struct resident_entry **out, size_t *out_n);
// The batch is committed: forgets these.
void resident_runs_committed(struct resident_runs *runs,
                             const struct resident_entry *entries, size_t n);

// The oldest run that only memory holds, with a reference; false when there is none.
bool resident_runs_oldest_volatile(struct resident_runs *runs,
                                   struct resident_entry *out);
// A volatile run was written to disk: every part of it is now there.
void resident_runs_settle(struct resident_runs *runs, const struct volatile_run *memory,
                          uint64_t segment, uint64_t offset);
// Forgets a volatile run for good.
void resident_runs_forget_volatile(struct resident_runs *runs,
                                   const struct volatile_run *memory);

// Forgets every run in this segment (0: in any segment).
void resident_runs_drop_segment(struct resident_runs *runs, uint64_t segment);
void resident_runs_clear(struct resident_runs *runs);

uint64_t resident_runs_volatile_bytes(struct resident_runs *runs);
size_t resident_runs_pending(struct resident_runs *runs); // on disk, not committed
