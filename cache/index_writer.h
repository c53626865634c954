// SPDX-License-Identifier: Apache-2.0
// Changing index.db: one connection per process. Everything here is called with the store's
// writer lock and the lock between processes held, and, but for begin, inside a transaction.
#pragma once

#include "cache/index_schema.h"
#include "cache/resident_runs.h"

struct index_writer;

// Opens index.db (made when there is none) under the lock between processes.
NODISCARD enum err index_writer_open(const char *path, struct index_writer **out);
void index_writer_close(struct index_writer *writer);
sqlite3 *index_writer_db(struct index_writer *writer);

// Whether the file that the connection has open is still the one the path names.
bool index_writer_is_current(const struct index_writer *writer);

NODISCARD enum err index_begin(struct index_writer *writer);
// On an error the transaction is rolled back.
NODISCARD enum err index_commit(struct index_writer *writer);
void index_rollback(struct index_writer *writer);

// The row id of an object; ERR_ABSENT, or made when `create`.
NODISCARD enum err index_object_id(struct index_writer *writer,
                                   const struct object_id *object, bool create,
                                   int64_t *out_id);

// Inserts what of the place no row covers yet: runs of an object stay disjoint.
NODISCARD enum err index_insert_run(struct index_writer *writer,
                                    const struct run_place *place);
// Whether rows cover all of it.
bool index_covers(struct index_writer *writer, const struct run_place *place);
// Takes the hole's chunks out of the rows that name this record.
NODISCARD enum err index_cut_hole(struct index_writer *writer,
                                  const struct run_hole *hole);

// Segments. `index_add_segment` gives out a number that was never used before.
NODISCARD enum err index_add_segment(struct index_writer *writer,
                                     enum segment_class class, uint64_t bytes,
                                     uint64_t *out_id);
NODISCARD enum err index_put_segment(struct index_writer *writer, uint64_t id,
                                     enum segment_class class, uint64_t bytes);
// Deletes the row and all runs in it.
NODISCARD enum err index_remove_segment(struct index_writer *writer, uint64_t id);
// Deletes the runs whose records begin at `end` or later.
NODISCARD enum err index_cut_segment(struct index_writer *writer, uint64_t id,
                                     uint64_t end);
// ERR_ABSENT when there is no such row.
NODISCARD enum err index_find_segment(struct index_writer *writer, uint64_t id);
// The first segment of this class with a number above `after`; ERR_ABSENT.
NODISCARD enum err index_next_segment(struct index_writer *writer,
                                      enum segment_class class, uint64_t after,
                                      uint64_t *out_id, uint64_t *out_bytes);
NODISCARD enum err index_segment_sums(struct index_writer *writer, uint64_t *out_all,
                                      uint64_t *out_pinned);

// The runs in a segment in order of object and chunk; malloc'd.
NODISCARD enum err index_segment_runs(struct index_writer *writer, uint64_t segment,
                                      struct run_place **out, size_t *out_n);

// Bytes of index.db in use, and with its WAL and the like on disk.
uint64_t index_bytes_in_use(struct index_writer *writer);
uint64_t index_bytes_on_disk(const char *path);
