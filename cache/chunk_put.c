// SPDX-License-Identifier: Apache-2.0
// Chunks come in. What is already here is skipped; each gap becomes one record, written by
// one pwritev at a place that the appender gave out, and is readable from then on through the
// resident table. The index follows within a batch.
//
// Where no place is to be had, the run stays in memory: for milliseconds while the writer
// opens a segment, or for longer while the disk is full, read-only or gone. That ring is
// bounded; past its bound a put waits for the writer as long as the disk is well, and drops
// the oldest run when it is not. Nobody is ever told "no": the cache not storing something is
// not an error of the reader who fetched it.
#include "cache/store_state.h"

static void drop_oldest(struct chunk_store *store)
{
    struct resident_entry oldest;
    if (resident_runs_oldest_volatile(store->resident, &oldest)) {
        resident_runs_forget_volatile(store->resident, oldest.place.memory);
        volatile_run_unref(oldest.place.memory);
    }
}

// Waits for a turn of the writer after those that *turns counts, and counts it. False when it takes
// too long.
static bool wait_for_turn(struct chunk_store *store, uint64_t *turns, int64_t deadline_ms)
{
    bool in_time = true;
    lock_acquire(&store->wake_lock);
    while (in_time && store->turns == *turns) {
        in_time = condition_wait_until(&store->settled, &store->wake_lock, deadline_ms);
    }
    *turns = store->turns;
    lock_release(&store->wake_lock);
    return in_time;
}

// Waits until the ring has room for `bytes`; makes it by dropping what is oldest when the disk
// refuses or the writer takes too long.
static void make_volatile_room(struct chunk_store *store, uint64_t bytes)
{
    int64_t deadline_ms = clock_now_ms() + VOLATILE_WAIT_MS;
    lock_acquire(&store->wake_lock);
    uint64_t turns = store->turns; // before the ring is looked at
    lock_release(&store->wake_lock);
    while (resident_runs_volatile_bytes(store->resident) + bytes > VOLATILE_BYTES_MAX) {
        if (atomic_load(&store->degraded) || !wait_for_turn(store, &turns, deadline_ms)) {
            uint64_t before = resident_runs_volatile_bytes(store->resident);
            drop_oldest(store);
            if (resident_runs_volatile_bytes(store->resident) >= before) {
                return; // nothing left to drop
            }
        }
    }
}

static enum err put_volatile(struct chunk_store *store, const struct record *record,
                             const struct iovec *data, int n)
{
    make_volatile_room(store, sizeof(struct volatile_run) + record->data_len);
    struct volatile_run *memory = volatile_run_new(record, data, n);
    if (!memory) {
        return ERR_NO_MEMORY;
    }
    struct run_place place = {.object = record->object,
                              .first = record->first,
                              .n = record->n,
                              .memory = memory};
    enum err err = resident_runs_add(store->resident, &place);
    volatile_run_unref(memory);
    // Only now: a writer that looked before the run was listed would leave it to its next tick.
    store_writer_wake(store, true);
    return err;
}

static void remember_header(struct chunk_store *store, const struct record *record,
                            uint64_t segment, uint64_t offset)
{
    struct run_header *header = run_header_new(record, segment, offset, true);
    if (header) {
        run_header_cache_add(store->headers, header);
        run_header_unref(header);
    }
}

static enum err put_record(struct chunk_store *store, const struct record *record,
                           const struct iovec *data, int n)
{
    bool is_pinned =
        pin_set_covers(store->pins, &record->object, record->first, record->n);
    struct appender *appender = is_pinned ? store->pinned : store->normal;
    struct open_segment *segment = NULL;
    uint64_t offset = 0;
    enum err err = appender_write(appender, record, data, n, &segment, &offset);
    if (err) {
        if (err != ERR_NO_SPACE) {
            store_set_degraded(store, err, "write to a segment");
        }
        return put_volatile(store, record, data, n);
    }
    remember_header(store, record, segment->id, offset);
    struct run_place place = {.object = record->object,
                              .first = record->first,
                              .n = record->n,
                              .segment = segment->id,
                              .offset = offset};
    err = resident_runs_add(store->resident, &place);
    appender_done(appender, segment);
    bool hurry = resident_runs_pending(store->resident) >= BATCH_RUNS ||
                 store_needs_segment(store, is_pinned);
    store_writer_wake(store, hurry);
    return err;
}

// The chunks of a record as what pwritev() takes; those that lie side by side are one part. Returns how
// many there are.
static int parts_of(const struct record *record, const uint8_t *const *chunks,
                    struct iovec *out)
{
    int n = 0;
    uint32_t before = 0;
    for (uint32_t i = 0; i < record->n; i++) {
        size_t len = record->ends[i] - before;
        before = record->ends[i];
        if (n > 0 && (uint8_t *)out[n - 1].iov_base + out[n - 1].iov_len == chunks[i]) {
            out[n - 1].iov_len += len;
            continue;
        }
        union {
            const void *from;
            void *base;
        } chunk = {chunks[i]}; // struct iovec has no const; pwritev only reads
        out[n++] = (struct iovec){chunk.base, len};
    }
    return n;
}

enum err chunk_store_put_chunks(struct chunk_store *store, const struct object_id *object,
                                uint32_t first, uint32_t n, const uint32_t *ends,
                                const struct digest *hashes, const uint8_t *const *chunks)
{
    if (!run_is_legal(object, first, n, ends)) {
        return ERR_MALFORMED;
    }
    uint32_t end = first + n;
    uint32_t chunk = first;
    while (chunk < end) {
        struct run_place there;
        if (store_locate(store, object, chunk, &there) == ERR_NONE) {
            volatile_run_unref(there.memory);
            chunk = there.first + there.n;
            continue;
        }
        uint32_t until =
            chunk + 1 == end ? end : chunk_store_gap_end(store, object, chunk, end);
        uint32_t skip = chunk - first;
        struct record record;
        struct iovec parts[RUN_CHUNKS_MAX];
        record_init(&record, object, first, ends, hashes, skip, until - chunk, chunks);
        enum err err =
            put_record(store, &record, parts, parts_of(&record, chunks + skip, parts));
        if (err) {
            return err;
        }
        chunk = until;
    }
    return ERR_NONE;
}

enum err chunk_store_put(struct chunk_store *store, const struct object_id *object,
                         uint32_t first, uint32_t n, const uint32_t *ends,
                         const struct digest *hashes, const void *data, size_t len)
{
    const uint8_t *chunks[RUN_CHUNKS_MAX];
    if (n == 0 || n > RUN_CHUNKS_MAX || ends[n - 1] != len) {
        return ERR_MALFORMED;
    }
    for (uint32_t i = 0; i < n; i++) {
        chunks[i] = (const uint8_t *)data + (i > 0 ? ends[i - 1] : 0);
    }
    return chunk_store_put_chunks(store, object, first, n, ends, hashes, chunks);
}

void store_settle_volatile(struct chunk_store *store)
{
    struct resident_entry entry;
    while (resident_runs_oldest_volatile(store->resident, &entry)) {
        struct volatile_run *memory = entry.place.memory;
        const struct record *record = &memory->record;
        bool is_pinned =
            pin_set_covers(store->pins, &record->object, record->first, record->n);
        struct appender *appender = is_pinned ? store->pinned : store->normal;
        struct open_segment *segment = NULL;
        uint64_t offset = 0;
        const struct iovec part = {memory->data, record->data_len};
        enum err err = appender_write(appender, record, &part, 1, &segment, &offset);
        if (err == ERR_NO_SPACE && is_pinned) {
            // No pinned segment is to be had now. Eviction respects pins elsewhere, too.
            appender = store->normal;
            err = appender_write(appender, record, &part, 1, &segment, &offset);
        }
        if (!err) {
            remember_header(store, record, segment->id, offset);
            resident_runs_settle(store->resident, memory, segment->id, offset);
            appender_done(appender, segment);
        }
        volatile_run_unref(memory);
        if (err) {
            return;
        }
    }
}
