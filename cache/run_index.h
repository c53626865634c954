// SPDX-License-Identifier: Apache-2.0
// Reading index.db: a pool of connections, each used by one thread at a time, and what is
// asked of them.
#pragma once

#include "cache/index_schema.h"
#include "cache/resident_runs.h"

struct run_index;
struct index_reader;

NODISCARD enum err run_index_new(const char *path, struct run_index **out);
// No reader may be out.
void run_index_free(struct run_index *index);

// A connection for the calling thread; give it back before returning to the caller.
NODISCARD enum err run_index_take(struct run_index *index, struct index_reader **out);
void run_index_give(struct run_index *index, struct index_reader *reader);

// The file was replaced: connections made before are closed as they come back.
void run_index_reset(struct run_index *index);

// The indexed run that holds `chunk`: ERR_ABSENT when there is none.
NODISCARD enum err index_find_run(struct index_reader *reader,
                                  const struct object_id *object, uint32_t chunk,
                                  struct run_place *out);
// The first indexed chunk in (chunk, end); `end` when there is none.
NODISCARD enum err index_next_run(struct index_reader *reader,
                                  const struct object_id *object, uint32_t chunk,
                                  uint32_t end, uint32_t *out);

// A page of runs in order of id, for verification: fills at most `max` places with id >
// *after and moves *after on.
NODISCARD enum err index_list_runs(struct index_reader *reader, int64_t *after,
                                   struct run_place *out, size_t max, size_t *out_n);

struct index_counts {
    uint64_t segment_bytes;
    uint64_t pinned_bytes;
    uint64_t segments;
    uint64_t runs;
};
NODISCARD enum err index_count(struct index_reader *reader, struct index_counts *out);

// A row of the table file: ERR_ABSENT when it has none.
NODISCARD enum err index_get_file(struct index_reader *reader,
                                  const struct digest *content, uint64_t *out_size,
                                  enum verified_state *out_verified);
// The stored pieces of a file that overlap [offset, end), in order. Damaged rows are left out.
NODISCARD enum err index_get_pieces(struct index_reader *reader,
                                    const struct digest *content, uint64_t offset,
                                    uint64_t end, struct piece *out, size_t max,
                                    size_t *out_n);
// What index.db keeps beside each piece to tell a flipped bit.
uint32_t piece_checksum(const struct digest *content, const struct piece *piece);

bool index_has_pin(struct index_reader *reader, const struct digest *content);
