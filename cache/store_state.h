// SPDX-License-Identifier: Apache-2.0
// What a chunk store is made of. Private to cache/; the files that share it:
//
//   chunk_store.c     open, close, statistics
//   chunk_put.c       chunks come in                 chunk_read.c   chunks go out
//   run_ahead.c       runs of a stream, before they are asked for; answer.c lends them
//   store_writer.c    the thread that commits        segment_files.c segments made and sealed
//   evictor.c         segments go                    rebuild.c      the index from segments
//   piece_store.c     plans                          pins.c         what eviction leaves alone
//   maintenance.c     verify, trim, clear
#pragma once

#include "cache/appender.h"
#include "cache/index_writer.h"
#include "cache/pending_files.h"
#include "cache/pin_set.h"
#include "cache/resident_runs.h"
#include "cache/run_ahead.h"
#include "cache/run_header.h"
#include "cache/run_index.h"
#include "cache/segment_scan.h"
#include "cache/segment_table.h"
#include "cache/store_lock.h"

#include <stdatomic.h>

// Lock order: writer_lock -> appender -> resident runs -> leaf locks (segment table, header
// cache, pin set, wake_lock). Only the writer's own lock is held over a SQLite commit.
struct chunk_store {
    char *dir;
    char *index_path;
    uint64_t budget;
    uint64_t free_floor;
    uint64_t segment_bytes; // of an ordinary segment
    struct store_users users;

    struct run_index *index;
    struct segment_table *segments;
    struct run_header_cache *headers;
    struct run_ahead *ahead;
    struct resident_runs *resident;
    struct run_holes *holes;
    struct pending_files *files;
    struct pin_set *pins;
    struct appender *normal;
    struct appender *pinned;

    // Serialises every change of index.db in this process; taken before the lock between
    // processes. `writer` is NULL while the disk does not let us have an index.
    struct lock writer_lock;
    struct index_writer *writer GUARDED_BY(writer_lock);
    struct store_lock process_lock GUARDED_BY(writer_lock);
    struct store_uuid uuid GUARDED_BY(writer_lock);
    bool first_segment GUARDED_BY(writer_lock); // none was opened by this process yet
    int64_t data_version GUARDED_BY(writer_lock);

    // Wakes the writer thread; `settled` tells puts that the volatile ring has room again.
    struct lock wake_lock;
    struct condition wake;
    struct condition settled;
    bool stop GUARDED_BY(wake_lock);
    bool hurry GUARDED_BY(wake_lock); // do not wait for the batch to fill
    bool work GUARDED_BY(wake_lock);
    uint64_t turns GUARDED_BY(wake_lock); // of the writer that are over
    pthread_t thread;

    _Atomic bool degraded;
    _Atomic bool index_damaged; // a reader met damage: rebuild
    _Atomic uint64_t evicted_bytes;
    _Atomic uint64_t damaged_chunks;
};

// ---- store_writer.c
NODISCARD enum err store_writer_start(struct chunk_store *store);
void store_writer_stop(struct chunk_store *store); // commits what is pending
// Whether the writer should open a segment (or a spare, where that is cheap).
bool store_needs_segment(struct chunk_store *store, bool pinned);
// There is something to commit; `hurry`: now.
void store_writer_wake(struct chunk_store *store, bool hurry);
// One batch, by the caller: everything pending is in the index when it returns ERR_NONE.
NODISCARD enum err store_commit_pending(struct chunk_store *store)
    REQUIRES(store->writer_lock);

// ---- store_access.c
// Takes the lock between processes and makes sure that the index is there and ours.
NODISCARD enum err store_begin_access(struct chunk_store *store)
    REQUIRES(store->writer_lock);
void store_end_access(struct chunk_store *store) REQUIRES(store->writer_lock);
// The folder of the store with all that belongs in it, and the writer's connection.
NODISCARD enum err store_make_folders(const char *dir, struct why *why);
NODISCARD enum err store_open_index(struct chunk_store *store)
    REQUIRES(store->writer_lock);
// The disk refused something, or takes it again. Logged when it changes.
void store_set_degraded(struct chunk_store *store, enum err err, const char *what);
void store_clear_degraded(struct chunk_store *store);
// A reader's query failed: damage makes the writer rebuild the index.
void store_note_index_error(struct chunk_store *store, enum err err);

// ---- segment_files.c (lock between processes held)
// Makes room and gives the appender a segment with at least `room` bytes.
NODISCARD enum err segment_open_next(struct chunk_store *store, bool pinned,
                                     uint64_t room) REQUIRES(store->writer_lock);
// Writes the row of a segment that is full, inside a transaction; after the commit
// segment_cut() gives back what was allocated and not used.
NODISCARD enum err segment_seal_row(struct chunk_store *store,
                                    const struct open_segment *segment, bool pinned)
    REQUIRES(store->writer_lock);
void segment_cut(struct chunk_store *store, struct open_segment *segment);
// Leaves the open segments for the next process: indexed, cut, not sealed.
void segment_leave_open(struct chunk_store *store) REQUIRES(store->writer_lock);
// One that a process left with this much used is sealed rather than filled by the next one.
bool segment_is_nearly_full(const struct chunk_store *store, uint64_t used);
uint64_t store_used_bytes(struct chunk_store *store) REQUIRES(store->writer_lock);

// ---- rebuild.c (lock between processes held)
// Indexes what the open segments of dead processes hold beyond their last commit.
NODISCARD enum err recover_open_segments(struct chunk_store *store)
    REQUIRES(store->writer_lock);
// The same, and seals them all: they are to be evicted, not filled.
NODISCARD enum err seal_abandoned_segments(struct chunk_store *store)
    REQUIRES(store->writer_lock);
// Locks the file of an open segment that nobody owns and indexes what no row names yet; says
// where appending may go on. ERR_BUSY: its owner lives. ERR_ABSENT, ERR_DAMAGED: no such file.
NODISCARD enum err recover_segment(struct chunk_store *store, uint64_t id, int *out_fd,
                                   struct store_uuid *out_uuid, uint64_t *out_end)
    REQUIRES(store->writer_lock);
// Indexes segment files that no row names. Returns how many there were.
NODISCARD enum err adopt_orphans(struct chunk_store *store, uint64_t *out_orphans)
    REQUIRES(store->writer_lock);
// Moves a damaged index aside and makes one from the segments.
NODISCARD enum err rebuild_index(struct chunk_store *store, const char *because)
    REQUIRES(store->writer_lock);

// ---- evictor.c (lock between processes held)
// Evicts until `bytes` more fit into the budget and the device. `copy`: touched runs are
// copied forward into the open segment. ERR_NO_SPACE when nothing is left to evict.
NODISCARD enum err evict_for(struct chunk_store *store, uint64_t bytes, bool copy)
    REQUIRES(store->writer_lock);
// Deletes one segment, whatever it is.
NODISCARD enum err evict_segment(struct chunk_store *store, uint64_t id, uint64_t bytes,
                                 bool copy) REQUIRES(store->writer_lock);
// Drops plans and objects nobody needs when the index outgrows its share.
NODISCARD enum err prune_index(struct chunk_store *store) REQUIRES(store->writer_lock);

// ---- chunk_read.c
// Where a chunk is: resident, or indexed and not in a hole. ERR_ABSENT.
NODISCARD enum err store_locate(struct chunk_store *store, const struct object_id *object,
                                uint32_t chunk, struct run_place *out);
// The head of the record at a place on disk; a reference for the caller on both.
NODISCARD enum err store_open_run(struct chunk_store *store,
                                  const struct run_place *place,
                                  struct segment_file **out_file,
                                  struct run_header **out_header);
// Whether chunk `i` of the record, whose bytes have this CRC-32C, is what was written: then it
// counts as checked. One of the place's that is not is reported.
bool store_check_chunk(struct chunk_store *store, const struct run_place *place,
                       struct run_header *header, uint32_t i, uint32_t crc);
// A chunk turned out damaged: nobody gets it from here any more.
void store_report_damage(struct chunk_store *store, const struct run_place *place,
                         uint32_t first, uint32_t n, const char *what);
// The segment that the place is in is gone, or is no segment any more: so are all of its chunks.
void store_report_lost_segment(struct chunk_store *store, const struct run_place *place);

// ---- chunk_put.c
// Writes volatile runs to disk as long as there is room.
void store_settle_volatile(struct chunk_store *store);

// ---- pins.c
// Reads the pinned contents and their pieces into the pin set.
void pins_reload(struct chunk_store *store) REQUIRES(store->writer_lock);

// ---- piece_store.c
// Writes pending plans and verdicts, inside a transaction.
NODISCARD enum err commit_files(struct chunk_store *store,
                                const struct pending_batch *batch)
    REQUIRES(store->writer_lock);
