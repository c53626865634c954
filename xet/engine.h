// SPDX-License-Identifier: Apache-2.0
// The engine's own structures, shared by the files of xet/ that make it up:
//
//   file_reader.c   ranges -> pieces -> store, or a parked read
//   stream_feed.c   a stream's window -> ranges to ask for ahead
//   completion.c    a file that is read here and there -> the rest of it
//   fetch_queue.c   ranges -> fetch units, budgets, promotion
//   fetch_unit.c    the life of a unit: plan, round, retry, end
//   fetch_round.c   one plan's transfers -> runs -> decode jobs -> store -> pieces
//   plan_ahead.c    plans for what the next step of a stream's window will ask for
//   flights.c       ranges on their way, so that none is fetched twice at a time
//   blob_collect.c  small git blobs: whole and verified before anything is stored
//   commit_blobs.c  the same for all of a commit at once
//   waits.c         parked reads: woken, ended, timed out
//   errands.c       what must be said to others when the lock has been released
//
// One lock, xet->lock, guards every field below that is not marked otherwise: sections are
// short (no I/O, no calls to hub/, cache/ or readers under it), so readers of different
// files don't notice each other. Where a function has something to tell to others, it notes
// it in `struct errands`, and the caller runs them after releasing the lock.
//
// Lock order: xet->lock, then the pools' own (block_pool.c, decoder.c), which are innermost.
#pragma once

#include "xet/block_pool.h"
#include "xet/decoder.h"
#include "xet/failures.h"
#include "xet/piece_map.h"
#include "xet/window.h"
#include "xet/xet.h"

#include <stdatomic.h>

#define MIB (UINT64_C(1) << 20)

enum {
    STREAMS_MAX = 8,
    FILE_BUCKETS = 1024,
    FLIGHT_BUCKETS = 64,
    FILES_IDLE_MAX = 256, // xet_file objects kept although nobody uses them
    DEMAND_UNITS_MAX = 64,
    TRANSFER_IDLE_MS = 1000, // after which unused memory goes back to the system
};

// The right to touch what the engine's lock guards. There is one engine, and its structures
// point at each other, so the annotations name the role instead of one of the many ways that
// lead to the lock. Never defined: only the compiler's analysis knows it.
struct THREAD_ANNOTATION(capability("mutex")) engine_role {
    char unused;
};
extern struct engine_role engine_role;
#define ENGINE_GUARDED THREAD_ANNOTATION(guarded_by(engine_role))

struct xet;
void engine_lock(struct xet *xet) THREAD_ANNOTATION(acquire_capability(engine_role));
void engine_unlock(struct xet *xet) THREAD_ANNOTATION(release_capability(engine_role));

// On whose behalf a unit fetches; immutable, counted.
struct fetch_source {
    atomic_uint refs;
    struct hub_source hub;
    char *path;
};

// What is known about one of the streams of a file.
struct stream {
    struct window window;
    uint64_t at;         // the furthest that it has read
    uint64_t asked_to;   // up to here it has been asked for ahead
    uint64_t planned_to; // and what follows has been planned
    uint64_t taken_to;   // and what the store has was asked from the disk
};

// How much of a file was read here and there (completion.c).
struct completion {
    uint64_t asked; // bytes, as chunks, since it was last tried
    bool was_tried;
    bool is_under_way;
};

struct xet_file {
    // Constant:
    struct xet *xet;
    uint64_t id; // never used twice
    struct xet_content content;
    struct object_id
        blob;           // what its blocks are stored under; unused when content.has_xet
    struct digest name; // Xet hash, else the blob's hash: what the store calls it

    struct xet_file *next_unused; // of errands that free it
    uint32_t refs ENGINE_GUARDED;
    struct xet_file *chain ENGINE_GUARDED; // of its bucket
    struct xet_file *idle_newer ENGINE_GUARDED;
    struct xet_file *idle_older ENGINE_GUARDED;
    struct piece_map map ENGINE_GUARDED;
    struct fetch_unit *units ENGINE_GUARDED; // all that are not over
    struct wait *waits ENGINE_GUARDED;       // reads that are parked
    struct stream streams[STREAMS_MAX] ENGINE_GUARDED;
    struct completion completion ENGINE_GUARDED;
    uint64_t frontier ENGINE_GUARDED; // everything below has been seen here
    bool is_verifying ENGINE_GUARDED;
    bool has_grown ENGINE_GUARDED; // something came while it was being verified
    enum verified_state verified ENGINE_GUARDED;
    enum err last_error ENGINE_GUARDED;
    struct why why ENGINE_GUARDED;
};

// A parked read: woken when no gap is left in [from, to).
struct wait {
    struct wait *prev; // of its file
    struct wait *next;
    struct wait *all_prev; // of the engine
    struct wait *all_next;
    uint64_t id;
    struct xet_file *file; // a reference
    uint64_t from;
    uint64_t to;
    int64_t deadline_ms;
    xet_ready_fn ready;
    void *ctx;
    enum err err; // how it ended
};

enum unit_state {
    UNIT_QUEUED,
    UNIT_ASIDE, // commit_blobs.c is likely to bring it: in no queue
    UNIT_HELD,  // planned for later (plan_ahead.c): in no queue
    UNIT_ACTIVE,
    UNIT_OVER, // off the file's list
};

// What one ranged reconstruction covers (a blob: one ranged GET): [first, end) of a file.
struct fetch_unit {
    struct job job;          // first: the pool gives it back (plan_ahead.c)
    struct fetch_unit *prev; // of its file
    struct fetch_unit *next;
    struct fetch_unit *queue_next; // of the queue of its class, or of errands
    struct xet_file *file;         // a reference
    struct fetch_source *source;   // a reference
    uint32_t refs;
    enum unit_state state;
    _Atomic(enum hub_class) class; // written under the lock, read anywhere
    uint32_t stream;               // 1..8, 0 = none
    uint64_t first;
    uint64_t end;
    uint64_t missing;    // all of [first, missing) has been stored by earlier rounds
    int64_t deadline_ms; // of the read that made it; 0 = the default
    enum hub_class charged_class; // which budget it counts in
    uint64_t charged;             // bytes
    unsigned rounds;
    unsigned expired;      // rounds that ended with ERR_EXPIRED since `missing` moved
    unsigned without_gain; // rounds cut off before a single chunk since `missing` moved
    bool is_dropped;       // nobody wants it any more: ends at the next occasion
    atomic_bool has_bytes;

    // plan_ahead.c:
    struct fetch_unit *held_next; // of those held
    struct fetch_unit *plan_next; // of errands
    int64_t held_ms;              // when its plan was asked for ahead; 0 = it was not
    bool is_planning;             // its plan was asked for ahead and is to come
    bool awaits_plan;             // and the unit has begun
    struct cas_plan *plan;        // it has come, and waits for the unit to begin
    hub_ticket ticket;            // of the plan, or of a collected blob
    struct fetch_round *round;    // NULL while planning
};

// Units that wait for their budget.
struct unit_queue {
    struct fetch_unit *head;
    struct fetch_unit *tail;
};

struct xet {
    // Constant:
    struct hub *hub;
    struct chunk_store *store;
    struct worker_pool *pool;
    struct event_loop *loop;
    struct block_pool *blocks;
    struct decoder_pool *decoders;
    uint64_t ahead_budget;
    uint64_t prefetch_budget;

    // The loop thread's own:
    struct loop_timer *timer;

    struct lock lock;
    uint32_t refs ENGINE_GUARDED;      // the opener's and one a unit
    bool is_closing ENGINE_GUARDED;    // xet_stop() has been called
    uint32_t hub_calls ENGINE_GUARDED; // threads that are in a verb of hub/
    struct condition hub_calls_over;
    uint64_t next_id ENGINE_GUARDED; // of files and waits
    struct xet_file *buckets[FILE_BUCKETS] ENGINE_GUARDED;
    struct xet_file *idle_newest ENGINE_GUARDED;
    struct xet_file *idle_oldest ENGINE_GUARDED;
    uint32_t idle ENGINE_GUARDED;
    uint64_t files ENGINE_GUARDED;
    struct piece_cache pieces ENGINE_GUARDED;
    struct failures failures ENGINE_GUARDED;
    struct wait *waits ENGINE_GUARDED;
    uint32_t parked ENGINE_GUARDED;
    uint32_t completions ENGINE_GUARDED; // under way (completion.c)
    int64_t timer_at_ms ENGINE_GUARDED;  // what the timer is, or is about to be, set to
    struct unit_queue queued[3] ENGINE_GUARDED; // by class
    uint64_t charged[3] ENGINE_GUARDED;         // bytes of active units, by class
    uint32_t active[3] ENGINE_GUARDED;          // active units, by class
    uint32_t n_held ENGINE_GUARDED;
    struct unit_queue held
        ENGINE_GUARDED; // by held_next, the oldest first (plan_ahead.c)
    struct transfer *flights[FLIGHT_BUCKETS] ENGINE_GUARDED; // ranges on their way
    uint32_t units ENGINE_GUARDED;
    uint64_t collecting ENGINE_GUARDED; // bytes of small blobs being collected
    struct commit_blobs *commit_blobs ENGINE_GUARDED; // under way

    // Counters:
    atomic_uint_fast64_t bytes_read;
    atomic_uint_fast64_t bytes_fetched;
    atomic_uint_fast64_t bytes_from_store;
};

// Before and after every call of hub/: false when the engine has been stopped, and then the
// call must not be made (xet.c).
bool engine_enter_hub(struct xet *xet) EXCLUDES(engine_role);
void engine_leave_hub(struct xet *xet) EXCLUDES(engine_role);

// Gives up a reference on the engine; the last one frees it (xet.c).
void xet_unref(struct xet *xet) EXCLUDES(engine_role);

// A blob that is fetched whole, and verified before anything of it is stored.
static inline bool file_is_small_blob(const struct xet_file *file)
{
    return !file->content.has_xet && !file->content.has_sha256 &&
           file->content.size <= XET_SMALL_BLOB;
}
