// SPDX-License-Identifier: Apache-2.0
// The writer thread: everything that touches SQLite for writing or may wait for the disk, so
// that a put never does.
//
//   woken by a put -> waits until the batch is 50 ms old or 256 runs long -> takes the lock
//   between processes -> opens segments that are wanted, writes volatile runs to disk -> one
//   transaction: holes, runs, plans, rows of full segments -> what is committed is forgotten
//   by the resident table, full segments are cut
//
// Once a second it looks what other processes did: their evictions close our descriptors
// (or the space would never be freed), their pins become ours, and a folder that was deleted
// is made again. A batch that failed stays pending and is tried again with the next tick.
#include "cache/store_state.h"

enum { SEAL_MAX = 16, OPEN_IDS_MAX = 2 * SEGMENT_FDS_MAX };

// Segments that this batch seals.
struct sealing {
    struct open_segment *segments[SEAL_MAX];
    bool pinned[SEAL_MAX];
    size_t n;
};

void store_writer_wake(struct chunk_store *store, bool hurry)
{
    lock_acquire(&store->wake_lock);
    bool signal = !store->work || (hurry && !store->hurry);
    store->work = true;
    store->hurry = store->hurry || hurry;
    if (signal) {
        condition_signal(&store->wake);
    }
    lock_release(&store->wake_lock);
}

// ------------------------------------------------------------------------------ one batch

static void take_full(struct chunk_store *store, struct sealing *sealing)
{
    struct open_segment *segment = NULL;
    while (sealing->n < SEAL_MAX && (segment = appender_take_full(store->normal))) {
        sealing->pinned[sealing->n] = false;
        sealing->segments[sealing->n++] = segment;
    }
    while (sealing->n < SEAL_MAX && (segment = appender_take_full(store->pinned))) {
        sealing->pinned[sealing->n] = true;
        sealing->segments[sealing->n++] = segment;
    }
}

static void finish_sealing(struct chunk_store *store, struct sealing *sealing,
                           bool committed)
{
    for (size_t i = 0; i < sealing->n; i++) {
        if (committed) {
            segment_cut(store, sealing->segments[i]);
            open_segment_free(sealing->segments[i]);
        } else {
            appender_return_full(sealing->pinned[i] ? store->pinned : store->normal,
                                 sealing->segments[i]);
        }
    }
}

// Runs of a segment whose row is gone (its file was found missing, or another process cleared the
// store) are not indexed, and nothing more goes into it.
static enum err insert_runs(struct chunk_store *store,
                            const struct resident_entry *entries, size_t n)
    REQUIRES(store->writer_lock)
{
    enum err err = ERR_NONE;
    uint64_t segment = 0;
    bool is_known = false;
    for (size_t i = 0; i < n && !err; i++) {
        const struct run_place *place = &entries[i].place;
        if (place->segment != segment) {
            segment = place->segment;
            err = index_find_segment(store->writer, segment);
            is_known = err == ERR_NONE;
            if (err == ERR_ABSENT) {
                appender_retire(store->normal, segment);
                appender_retire(store->pinned, segment);
                err = ERR_NONE;
            }
        }
        if (!err && is_known) {
            err = index_insert_run(store->writer, place);
        }
    }
    return err;
}

struct batch {
    struct sealing sealing;
    struct resident_entry *entries;
    size_t entries_n;
    struct run_hole *holes;
    size_t holes_n;
    bool has_files;
    struct pending_batch files;
};

static enum err write_batch(struct chunk_store *store, const struct batch *batch)
    REQUIRES(store->writer_lock)
{
    enum err err = index_begin(store->writer);
    if (err) {
        return err;
    }
    for (size_t i = 0; i < batch->holes_n && !err; i++) {
        err = index_cut_hole(store->writer, &batch->holes[i]);
    }
    err = err ? err : insert_runs(store, batch->entries, batch->entries_n);
    if (!err && batch->has_files) {
        err = commit_files(store, &batch->files);
    }
    for (size_t i = 0; i < batch->sealing.n && !err; i++) {
        err =
            segment_seal_row(store, batch->sealing.segments[i], batch->sealing.pinned[i]);
    }
    if (err) {
        index_rollback(store->writer);
        return err;
    }
    return index_commit(store->writer);
}

// Full segments are taken before the runs: a segment without writers has all its runs in the
// resident table by then, so its row is sealed together with the last of them.
static enum err commit_one(struct chunk_store *store, bool *out_any)
    REQUIRES(store->writer_lock)
{
    struct batch batch = {0};
    take_full(store, &batch.sealing);
    // Holes before runs: a hole that comes in between took its resident runs away first.
    enum err err = run_holes_batch(store->holes, &batch.holes, &batch.holes_n);
    err = err ? err
              : resident_runs_batch(store->resident, &batch.entries, &batch.entries_n);
    batch.has_files = pending_files_begin(store->files, &batch.files);
    *out_any = batch.entries_n + batch.holes_n + batch.sealing.n > 0 || batch.has_files;
    if (!err && *out_any) {
        err = write_batch(store, &batch);
    }
    if (!err) {
        resident_runs_committed(store->resident, batch.entries, batch.entries_n);
        run_holes_committed(store->holes, batch.holes, batch.holes_n);
        if (batch.has_files) {
            pending_files_committed(store->files);
        }
    }
    finish_sealing(store, &batch.sealing, !err);
    free(batch.entries);
    free(batch.holes);
    return err;
}

enum err store_commit_pending(struct chunk_store *store)
{
    bool any = true;
    enum err err = ERR_NONE;
    // What comes while a batch is written waits for the next one; two rounds are enough for
    // what was pending when the caller asked.
    for (int round = 0; round < 2 && any && !err; round++) {
        err = commit_one(store, &any);
    }
    if (err == ERR_DAMAGED) {
        atomic_store(&store->index_damaged, true);
    }
    return err;
}

// ------------------------------------------------------------------------- the thread's turn

bool store_needs_segment(struct chunk_store *store, bool pinned)
{
    enum appender_want want = appender_wants(pinned ? store->pinned : store->normal);
    bool spare_is_cheap = store->segment_bytes <= store->budget / SPARE_SHARE_OF_BUDGET;
    return want == WANTS_SEGMENT || (want == WANTS_SPARE && !pinned && spare_is_cheap);
}

// Opens what an appender wants. A spare is a convenience: its failure is no error. Full
// segments were sealed before, because an open one is never evicted.
static enum err serve_appender(struct chunk_store *store, bool pinned)
    REQUIRES(store->writer_lock)
{
    if (!store_needs_segment(store, pinned)) {
        return ERR_NONE;
    }
    enum appender_want want = appender_wants(pinned ? store->pinned : store->normal);
    enum err err = segment_open_next(store, pinned, SEGMENT_ROOM_MIN);
    bool is_optional = want == WANTS_SPARE || (pinned && err == ERR_NO_SPACE);
    return is_optional ? ERR_NONE : err;
}

static enum err write_everything(struct chunk_store *store) REQUIRES(store->writer_lock)
{
    enum err err = store_commit_pending(store);
    for (int round = 0; round < 64 && !err; round++) {
        err = serve_appender(store, false);
        err = err ? err : serve_appender(store, true);
        if (err) {
            break;
        }
        store_settle_volatile(store);
        err = store_commit_pending(store);
        if (resident_runs_volatile_bytes(store->resident) == 0 &&
            appender_wants(store->normal) != WANTS_SEGMENT) {
            break;
        }
    }
    return err;
}

static bool has_work(struct chunk_store *store)
{
    return resident_runs_pending(store->resident) > 0 || run_holes_any(store->holes) ||
           resident_runs_volatile_bytes(store->resident) > 0 ||
           pending_files_any(store->files) || atomic_load(&store->index_damaged) ||
           appender_has_full(store->normal) || appender_has_full(store->pinned) ||
           store_needs_segment(store, false) || store_needs_segment(store, true);
}

static void take_turn(struct chunk_store *store)
{
    lock_acquire(&store->writer_lock);
    if (has_work(store)) {
        enum err err = store_begin_access(store);
        if (!err) {
            err = write_everything(store);
            store_end_access(store);
        }
        if (err) {
            store_set_degraded(store, err, "write to the cache");
        } else {
            store_clear_degraded(store);
        }
    }
    lock_release(&store->writer_lock);
    lock_acquire(&store->wake_lock);
    store->turns++;
    condition_broadcast(&store->settled);
    lock_release(&store->wake_lock);
}

// What other processes did since the last tick.
static void look_around(struct chunk_store *store)
{
    lock_acquire(&store->writer_lock);
    bool lost = !store->writer || !index_writer_is_current(store->writer);
    int64_t version = 0;
    if (lost) {
        enum err err = store_begin_access(store);
        if (err) {
            store_set_degraded(store, err, "use the cache folder");
        } else {
            store_end_access(store);
        }
    } else if (!sql_query_i64(index_writer_db(store->writer), "PRAGMA data_version",
                              &version) &&
               version != store->data_version) {
        store->data_version = version;
        uint64_t ids[OPEN_IDS_MAX];
        size_t n = segment_table_open_ids(store->segments, ids, OPEN_IDS_MAX);
        for (size_t i = 0; i < n; i++) {
            if (index_find_segment(store->writer, ids[i]) == ERR_ABSENT) {
                segment_table_drop(store->segments, ids[i]);
            }
        }
        pins_reload(store);
    }
    lock_release(&store->writer_lock);
}

// Sleeps until there is work that is due, or the tick. Returns false when it is time to end.
static bool wait_for_work(struct chunk_store *store, int64_t tick_ms, bool *out_work)
{
    lock_acquire(&store->wake_lock);
    // In trouble, work waits for the tick: trying again at once would only burn the disk.
    while (!store->stop && (!store->work || atomic_load(&store->degraded))) {
        if (!condition_wait_until(&store->wake, &store->wake_lock, tick_ms)) {
            break;
        }
    }
    int64_t due_ms = clock_now_ms() + BATCH_MS;
    while (!store->stop && store->work && !store->hurry) {
        if (!condition_wait_until(&store->wake, &store->wake_lock, due_ms)) {
            break;
        }
    }
    *out_work = store->work;
    store->work = false;
    store->hurry = false;
    bool going = !store->stop;
    lock_release(&store->wake_lock);
    return going;
}

static void *run_writer(void *ctx)
{
    struct chunk_store *store = ctx;
    int64_t tick_ms = clock_now_ms() + TICK_MS;
    bool work = false;
    while (wait_for_work(store, tick_ms, &work)) {
        if (clock_now_ms() >= tick_ms) {
            look_around(store);
            run_ahead_tidy(store->ahead);
            tick_ms = clock_now_ms() + TICK_MS;
            work = true;
        }
        if (work) {
            take_turn(store);
        }
    }
    take_turn(store);
    return NULL;
}

enum err store_writer_start(struct chunk_store *store)
{
    int failed = pthread_create(&store->thread, NULL, run_writer, store);
    return failed ? err_from_errno(failed) : ERR_NONE;
}

void store_writer_stop(struct chunk_store *store)
{
    lock_acquire(&store->wake_lock);
    store->stop = true;
    condition_signal(&store->wake);
    lock_release(&store->wake_lock);
    pthread_join(store->thread, NULL);
}
