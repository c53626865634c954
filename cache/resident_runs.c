// SPDX-License-Identifier: Apache-2.0
// The pending table. No chunk table of the whole store is kept in memory (SQLite answers in
// microseconds); resident is only what the index cannot know yet.
//
//   put -> pwrite -> resident run -> batch: one transaction -> forgotten here
//   put -> no room on disk -> volatile run -> written when there is room, or dropped
//
// Invariants
//  (1) Resident runs of one object are disjoint.
//  (2) A run is forgotten only after the transaction that indexed it has committed. A reader
//      asks here first and the index second, so it never misses a run that moves over.
//
// Lock: `lock`, the "pending table" of the lock order. Nothing blocks under it.
#include "cache/resident_runs.h"

enum { RESIDENT_BUCKETS = 1024 };

struct resident_run {
    struct resident_run *next_in_bucket;
    struct resident_run *next; // in order of arrival
    struct resident_run *prev;
    uint64_t serial;
    struct run_place place;
};

struct resident_runs {
    struct lock lock;
    struct resident_run *buckets[RESIDENT_BUCKETS] GUARDED_BY(lock);
    struct resident_run *oldest GUARDED_BY(lock);
    struct resident_run *newest GUARDED_BY(lock);
    uint64_t serial GUARDED_BY(lock);
    size_t pending GUARDED_BY(lock);
    size_t in_memory GUARDED_BY(lock);
    uint64_t volatile_bytes GUARDED_BY(lock);
};

enum err resident_runs_new(struct resident_runs **out)
{
    struct resident_runs *runs = calloc(1, sizeof(*runs));
    if (!runs) {
        return ERR_NO_MEMORY;
    }
    lock_init(&runs->lock);
    *out = runs;
    return ERR_NONE;
}

static bool object_equal(const struct object_id *a, const struct object_id *b)
{
    return a->kind == b->kind && digest_equal(&a->hash, &b->hash);
}

static struct resident_run **bucket_of(struct resident_runs *runs,
                                       const struct object_id *object)
    REQUIRES(runs->lock)
{
    return &runs->buckets[load_u64(object->hash.bytes) % RESIDENT_BUCKETS];
}

static uint64_t memory_bytes(const struct volatile_run *memory)
{
    return sizeof(*memory) + memory->record.data_len;
}

// Several parts may share one memory run; its bytes are counted while any part is listed.
static bool memory_is_listed(struct resident_runs *runs,
                             const struct volatile_run *memory) REQUIRES(runs->lock)
{
    struct resident_run *run = *bucket_of(runs, &memory->record.object);
    while (run && run->place.memory != memory) {
        run = run->next_in_bucket;
    }
    return run != NULL;
}

static void count_in(struct resident_runs *runs, const struct run_place *place)
    REQUIRES(runs->lock)
{
    if (!place->memory) {
        runs->pending++;
        return;
    }
    runs->in_memory++;
    if (!memory_is_listed(runs, place->memory)) {
        runs->volatile_bytes += memory_bytes(place->memory);
    }
}

static void remove_run(struct resident_runs *runs, struct resident_run *run)
    REQUIRES(runs->lock)
{
    struct resident_run **link = bucket_of(runs, &run->place.object);
    while (*link != run) {
        link = &(*link)->next_in_bucket;
    }
    *link = run->next_in_bucket;
    *(run->prev ? &run->prev->next : &runs->oldest) = run->next;
    *(run->next ? &run->next->prev : &runs->newest) = run->prev;
    if (!run->place.memory) {
        runs->pending--;
    } else {
        runs->in_memory--;
        if (!memory_is_listed(runs, run->place.memory)) {
            runs->volatile_bytes -= memory_bytes(run->place.memory);
        }
        volatile_run_unref(run->place.memory);
    }
    free(run);
}

static enum err append_run(struct resident_runs *runs, const struct run_place *place,
                           uint32_t first, uint32_t n) REQUIRES(runs->lock)
{
    struct resident_run *run = calloc(1, sizeof(*run));
    if (!run) {
        return ERR_NO_MEMORY;
    }
    count_in(runs, place);
    run->place = *place;
    run->place.first = first;
    run->place.n = n;
    volatile_run_ref(run->place.memory);
    run->serial = ++runs->serial;
    struct resident_run **bucket = bucket_of(runs, &place->object);
    run->next_in_bucket = *bucket;
    *bucket = run;
    run->prev = runs->newest;
    *(runs->newest ? &runs->newest->next : &runs->oldest) = run;
    runs->newest = run;
    return ERR_NONE;
}

// The run that holds the chunk; else NULL and the next resident chunk after it.
static struct resident_run *find(struct resident_runs *runs,
                                 const struct object_id *object, uint32_t chunk,
                                 uint32_t *out_next) REQUIRES(runs->lock)
{
    *out_next = UINT32_MAX;
    for (struct resident_run *run = *bucket_of(runs, object); run;
         run = run->next_in_bucket) {
        if (!object_equal(&run->place.object, object)) {
            continue;
        }
        if (chunk >= run->place.first && chunk - run->place.first < run->place.n) {
            return run;
        }
        if (run->place.first > chunk && run->place.first < *out_next) {
            *out_next = run->place.first;
        }
    }
    return NULL;
}

enum err resident_runs_add(struct resident_runs *runs, const struct run_place *place)
{
    enum err err = ERR_NONE;
    uint32_t end = place->first + place->n;
    lock_acquire(&runs->lock);
    uint32_t chunk = place->first;
    while (chunk < end && !err) {
        uint32_t next = 0;
        const struct resident_run *there = find(runs, &place->object, chunk, &next);
        if (there) {
            chunk = there->place.first + there->place.n;
            continue;
        }
        uint32_t gap_end = next < end ? next : end;
        err = append_run(runs, place, chunk, gap_end - chunk);
        chunk = gap_end;
    }
    lock_release(&runs->lock);
    return err;
}

bool resident_runs_find(struct resident_runs *runs, const struct object_id *object,
                        uint32_t chunk, struct run_place *out, uint32_t *out_next)
{
    lock_acquire(&runs->lock);
    const struct resident_run *run = find(runs, object, chunk, out_next);
    if (run) {
        *out = run->place;
        volatile_run_ref(out->memory);
    }
    lock_release(&runs->lock);
    return run != NULL;
}

void resident_runs_drop_damaged(struct resident_runs *runs, const struct run_hole *hole)
{
    lock_acquire(&runs->lock);
    struct resident_run *run = runs->oldest;
    while (run) {
        struct resident_run *next = run->next;
        if (!run->place.memory &&
            run_hole_concerns(hole, run->place.segment, run->place.offset)) {
            remove_run(runs, run);
        }
        run = next;
    }
    lock_release(&runs->lock);
}

enum err resident_runs_batch(struct resident_runs *runs, struct resident_entry **out,
                             size_t *out_n)
{
    lock_acquire(&runs->lock);
    struct resident_entry *entries = calloc(runs->pending + 1, sizeof(*entries));
    if (entries) {
        size_t n = 0;
        for (struct resident_run *run = runs->oldest; run; run = run->next) {
            if (!run->place.memory) {
                entries[n++] = (struct resident_entry){run->serial, run->place};
            }
        }
        *out = entries;
        *out_n = n;
    }
    lock_release(&runs->lock);
    return entries ? ERR_NONE : ERR_NO_MEMORY;
}

void resident_runs_committed(struct resident_runs *runs,
                             const struct resident_entry *entries, size_t n)
{
    lock_acquire(&runs->lock);
    size_t i = 0; // entries are in order of serial, as the list is
    struct resident_run *run = runs->oldest;
    while (run && i < n) {
        struct resident_run *next = run->next;
        while (i < n && entries[i].serial < run->serial) {
            i++;
        }
        if (i < n && entries[i].serial == run->serial && !run->place.memory) {
            remove_run(runs, run);
        }
        run = next;
    }
    lock_release(&runs->lock);
}

bool resident_runs_oldest_volatile(struct resident_runs *runs, struct resident_entry *out)
{
    lock_acquire(&runs->lock);
    struct resident_run *run = runs->in_memory > 0 ? runs->oldest : NULL;
    while (run && !run->place.memory) {
        run = run->next;
    }
    if (run) {
        *out = (struct resident_entry){run->serial, run->place};
        volatile_run_ref(run->place.memory);
    }
    lock_release(&runs->lock);
    return run != NULL;
}

void resident_runs_settle(struct resident_runs *runs, const struct volatile_run *memory,
                          uint64_t segment, uint64_t offset)
{
    lock_acquire(&runs->lock);
    struct resident_run *run = runs->oldest;
    while (run) {
        struct resident_run *next = run->next;
        if (run->place.memory == memory) {
            struct run_place place = run->place;
            place.segment = segment;
            place.offset = offset;
            place.memory = NULL;
            remove_run(runs, run);
            // Out of memory loses cached data, never correctness.
            (void)!append_run(runs, &place, place.first, place.n);
        }
        run = next;
    }
    lock_release(&runs->lock);
}

static void drop_matching(struct resident_runs *runs, const struct volatile_run *memory,
                          uint64_t segment, bool everything)
{
    lock_acquire(&runs->lock);
    struct resident_run *run = runs->oldest;
    while (run) {
        struct resident_run *next = run->next;
        bool in_segment = !memory && !run->place.memory &&
                          (segment == 0 || run->place.segment == segment);
        if (everything || in_segment || (memory && run->place.memory == memory)) {
            remove_run(runs, run);
        }
        run = next;
    }
    lock_release(&runs->lock);
}

void resident_runs_forget_volatile(struct resident_runs *runs,
                                   const struct volatile_run *memory)
{
    drop_matching(runs, memory, 0, false);
}

void resident_runs_drop_segment(struct resident_runs *runs, uint64_t segment)
{
    drop_matching(runs, NULL, segment, false);
}

void resident_runs_clear(struct resident_runs *runs)
{
    drop_matching(runs, NULL, 0, true);
}

void resident_runs_free(struct resident_runs *runs)
{
    if (runs) {
        resident_runs_clear(runs);
        lock_destroy(&runs->lock);
        free(runs);
    }
}

uint64_t resident_runs_volatile_bytes(struct resident_runs *runs)
{
    lock_acquire(&runs->lock);
    uint64_t bytes = runs->volatile_bytes;
    lock_release(&runs->lock);
    return bytes;
}

size_t resident_runs_pending(struct resident_runs *runs)
{
    lock_acquire(&runs->lock);
    size_t pending = runs->pending;
    lock_release(&runs->lock);
    return pending;
}
