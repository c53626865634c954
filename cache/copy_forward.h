// SPDX-License-Identifier: Apache-2.0
// Runs move from one segment to another: out of one that is evicted, or into a pinned one.
#pragma once

#include "cache/store_state.h"

// A group of neighbouring runs that becomes one record.
struct copy_group {
    const struct run_place *places;
    size_t n;
    uint32_t chunks;
    bool pinned;
};

// What was copied so far: where the rows go after the old ones are deleted.
struct copies {
    struct run_place *places;
    size_t n;
    struct open_segment **segments; // to be told when done
    bool *pinned;
    uint64_t bytes_left; // of the quarter
};

// Room for n copies; a quarter of `bytes` may be copied for being touched.
NODISCARD enum err copies_init(struct copies *copies, size_t n, uint64_t bytes);
// Tells the appenders that the places are known (or given up), and frees the lists.
void copies_finish(struct chunk_store *store, struct copies *copies);

// Writes the group as one record; the index is the caller's. false: damaged, or no room.
bool copy_group(struct chunk_store *store, const struct copy_group *group,
                struct copies *copies) REQUIRES(store->writer_lock);
// Copies those of a segment's runs that were touched, while the quarter lasts, and all that
// are pinned; false when a pinned one could not be copied.
bool copy_forward(struct chunk_store *store, const struct run_place *places, size_t n,
                  struct copies *copies) REQUIRES(store->writer_lock);
