// SPDX-License-Identifier: Apache-2.0
// A stream's runs lie on the disk in the order in which they came, so the kernel's read-ahead
// of the segment file brings little: a reader would wait for each run. Here the next ones are
// read whole, several at a time, past the page cache: a stream's bytes are in the page cache
// of the mount already, and a second copy costs memory and as much time as the disk does.
//
// A slot is empty, loading, or has one record's data, every chunk of it checked. Who reads
// what is loading waits for it: it is the same disk. What is in the page cache already (it
// was fetched a moment ago) is left to pread(). Readers are lent a slot, so nothing is copied.
//
// The slots lie in huge pages where the kernel has some: a run in pages of 4 KiB has more pieces than a
// disk takes in one request (254 of virtio, say), and the rest is sent by a kernel thread later.
//
// Lock: `lock` guards the slots' heads; data of a slot is written by the job that claimed it
// and read by those it counts in `readers`. Innermost.
#include "cache/run_ahead.h"

#include "cache/run_span.h"
#include "cache/store_state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    SLOTS = 32,
    STALE_TURNS = 512,       // 64 MiB of reads later nobody comes any more
    SLOT_DATA_MAX = 1 << 20, // longer runs come from uploads, and are left to the kernel
    DIRECT_ALIGN = 4096,     // what O_DIRECT asks for, at most
    SLOT_BYTES = SLOT_DATA_MAX + 2 * DIRECT_ALIGN,
    READ_THREADS = 4,
    HUGE_PAGE = 2 << 20,
    MEMORY_BYTES = (SLOTS * SLOT_BYTES + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE,
};

enum slot_state { SLOT_EMPTY, SLOT_LOADING, SLOT_READY };

struct run_slot {
    enum slot_state state;
    uint64_t segment;
    uint64_t offset;  // of the record
    uint64_t used;    // turn of the last use; 0 = its memory is still untouched
    uint64_t unread;  // bytes that nobody has read yet, at most
    unsigned readers; // it is lent to so many
    const uint8_t *data;
};

struct run_ahead {
    struct lock lock;
    struct condition loaded;
    struct worker_pool *pool GUARDED_BY(lock); // made when it is first needed
    bool is_over GUARDED_BY(lock);
    uint64_t turn GUARDED_BY(lock);
    uint64_t turn_tidied GUARDED_BY(lock);
    uint64_t cleared GUARDED_BY(lock); // how often
    uint8_t *memory GUARDED_BY(lock);  // of all slots in a row; NULL = none yet
    struct run_slot slots[SLOTS] GUARDED_BY(lock);
};

enum err run_ahead_new(struct run_ahead **out)
{
    struct run_ahead *ahead = calloc(1, sizeof(*ahead));
    if (!ahead) {
        return ERR_NO_MEMORY;
    }
    lock_init(&ahead->lock);
    condition_init(&ahead->loaded);
    *out = ahead;
    return ERR_NONE;
}

void run_ahead_stop(struct run_ahead *ahead)
{
    lock_acquire(&ahead->lock);
    ahead->is_over = true;
    struct worker_pool *pool = STEAL_POINTER(ahead->pool);
    lock_release(&ahead->lock);
    if (pool) {
        worker_pool_free(pool);
    }
}

void run_ahead_free(struct run_ahead *ahead)
{
    if (!ahead) {
        return;
    }
    run_ahead_stop(ahead);
    for (int i = 0; i < SLOTS; i++) {
        assert(ahead->slots[i].readers == 0);
    }
    free(ahead->memory);
    condition_destroy(&ahead->loaded);
    lock_destroy(&ahead->lock);
    free(ahead);
}

// ---------------------------------------------------------------------------- slots

static struct run_slot *find(struct run_ahead *ahead, uint64_t segment, uint64_t offset)
    REQUIRES(ahead->lock)
{
    for (int i = 0; i < SLOTS; i++) {
        struct run_slot *slot = &ahead->slots[i];
        if (slot->state != SLOT_EMPTY && slot->segment == segment &&
            slot->offset == offset) {
            return slot;
        }
    }
    return NULL;
}

// How little is lost when the slot is taken: memory that is warm and free goes first, what a
// stream is still to read last. 0 = it can't be taken.
static unsigned spare_rank(const struct run_slot *slot, uint64_t turn)
{
    if (slot->state == SLOT_LOADING || slot->readers > 0) {
        return 0;
    }
    // The chunk on the border of two units is in two runs, and read from one of them.
    bool is_free = slot->state == SLOT_EMPTY || slot->unread <= CHUNK_BYTES_MAX ||
                   turn - slot->used > STALE_TURNS;
    return !is_free ? 1 : slot->used > 0 ? 3 : 2;
}

static struct run_slot *least_useful(struct run_ahead *ahead) REQUIRES(ahead->lock)
{
    struct run_slot *best = NULL;
    unsigned best_rank = 0;
    for (int i = 0; i < SLOTS; i++) {
        struct run_slot *slot = &ahead->slots[i];
        unsigned rank = spare_rank(slot, ahead->turn);
        if (rank > best_rank ||
            (rank > 0 && rank == best_rank && slot->used < best->used)) {
            best = slot;
            best_rank = rank;
        }
    }
    return best;
}

static bool has_memory(struct run_ahead *ahead) REQUIRES(ahead->lock)
{
    if (!ahead->memory && (ahead->memory = aligned_alloc(HUGE_PAGE, MEMORY_BYTES))) {
        (void)!madvise(ahead->memory, MEMORY_BYTES, MADV_HUGEPAGE);
    }
    return ahead->memory != NULL;
}

// NULL: it is here or coming, or there is no room. Its memory is SLOT_BYTES long, and aligned.
static struct run_slot *claim(struct run_ahead *ahead, uint64_t segment, uint64_t offset,
                              uint64_t *out_cleared, uint8_t **out_memory)
{
    lock_acquire(&ahead->lock);
    struct run_slot *slot = find(ahead, segment, offset) ? NULL : least_useful(ahead);
    if (slot && !has_memory(ahead)) {
        slot = NULL;
    }
    if (slot) {
        *out_memory = ahead->memory + (slot - ahead->slots) * SLOT_BYTES;
        slot->state = SLOT_LOADING;
        slot->segment = segment;
        slot->offset = offset;
        slot->used = ++ahead->turn;
        *out_cleared = ahead->cleared;
    }
    lock_release(&ahead->lock);
    return slot;
}

static void loaded(struct run_ahead *ahead, struct run_slot *slot, uint64_t cleared,
                   const uint8_t *data, uint64_t len)
{
    lock_acquire(&ahead->lock);
    bool is_good = data && cleared == ahead->cleared;
    slot->state = is_good ? SLOT_READY : SLOT_EMPTY;
    slot->data = data;
    slot->unread = len;
    condition_broadcast(&ahead->loaded);
    lock_release(&ahead->lock);
}

const uint8_t *run_ahead_lend(struct run_ahead *ahead, uint64_t segment, uint64_t offset,
                              struct run_slot **out_slot)
{
    lock_acquire(&ahead->lock);
    struct run_slot *slot = NULL;
    while ((slot = find(ahead, segment, offset)) && slot->state == SLOT_LOADING) {
        condition_wait(&ahead->loaded, &ahead->lock);
    }
    const uint8_t *data = NULL;
    if (slot) {
        slot->readers++;
        slot->used = ++ahead->turn;
        data = slot->data;
    }
    lock_release(&ahead->lock);
    *out_slot = slot;
    return data;
}

void run_ahead_return(struct run_ahead *ahead, struct run_slot *slot, uint64_t read)
{
    lock_acquire(&ahead->lock);
    slot->unread -= slot->unread < read ? slot->unread : read;
    slot->readers--;
    if (slot->readers == 0 && slot->segment == 0) {
        slot->state = SLOT_EMPTY; // cleared meanwhile
    }
    lock_release(&ahead->lock);
}

void run_ahead_clear(struct run_ahead *ahead)
{
    lock_acquire(&ahead->lock);
    ahead->cleared++;
    for (int i = 0; i < SLOTS; i++) {
        struct run_slot *slot = &ahead->slots[i];
        if (slot->state == SLOT_READY && slot->readers == 0) {
            slot->state = SLOT_EMPTY;
        } else if (slot->state == SLOT_READY) {
            slot->segment = 0; // no segment's number: nobody finds it
        }
    }
    lock_release(&ahead->lock);
}

void run_ahead_tidy(struct run_ahead *ahead)
{
    lock_acquire(&ahead->lock);
    bool is_idle = ahead->turn == ahead->turn_tidied;
    ahead->turn_tidied = ahead->turn;
    for (int i = 0; i < SLOTS; i++) {
        const struct run_slot *slot = &ahead->slots[i];
        is_idle = is_idle && slot->state != SLOT_LOADING && slot->readers == 0;
    }
    if (is_idle) {
        memset(ahead->slots, 0, sizeof(ahead->slots));
        free(STEAL_POINTER(ahead->memory));
    }
    lock_release(&ahead->lock);
}

// -------------------------------------------------------------------------- loading

// cachestat(2), Linux 6.5; the C library of today has no wrapper.
struct cachestat_range {
    uint64_t offset;
    uint64_t len;
};
struct cachestat {
    uint64_t cached;
    uint64_t others[4];
};
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

// Whether the page cache has most of it. Older kernels: its middle is looked at, which may read
// one page.
static bool is_cached(int fd, uint64_t offset, uint64_t len)
{
    const struct cachestat_range range = {offset, len};
    struct cachestat found = {0};
    if (syscall(SYS_cachestat, fd, &range, &found, 0) == 0) {
        return found.cached * DIRECT_ALIGN >= len / 2;
    }
    uint8_t byte;
    struct iovec part = {&byte, 1};
    return preadv2(fd, &part, 1, (off_t)(offset + len / 2), RWF_NOWAIT) == 1;
}

// Returns where the bytes at `offset` have come to lie; NULL when they could not be read.
static const uint8_t *read_direct(const struct chunk_store *store, uint64_t segment,
                                  uint64_t offset, uint64_t len, uint8_t *memory)
{
    char path[PATH_BYTES_MAX + 64];
    segment_path(store->dir, segment, path, sizeof(path));
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW);
    uint64_t lead = offset % DIRECT_ALIGN;
    uint64_t want = (lead + len + DIRECT_ALIGN - 1) / DIRECT_ALIGN * DIRECT_ALIGN;
    uint64_t got = 0;
    while (fd >= 0 && got < lead + len) {
        ssize_t n = pread(fd, memory + got, want - got, (off_t)(offset - lead + got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) { // no O_DIRECT here, or the file ends
            return NULL;
        }
        got += (uint64_t)n;
    }
    return fd >= 0 ? memory + lead : NULL;
}

static bool is_sound(struct chunk_store *store, const struct run_place *place,
                     struct run_header *header, const uint8_t *data)
{
    for (uint32_t i = 0; i < header->n; i++) {
        uint32_t begin = run_header_begin(header, i);
        uint32_t len = run_header_end(header, i) - begin;
        if (!run_header_is_checked(header, i) &&
            !store_check_chunk(store, place, header, i, crc32c(0, data + begin, len))) {
            return false;
        }
    }
    return true;
}

static void load(struct chunk_store *store, const struct run_place *place,
                 struct run_header *header, const struct segment_file *file)
{
    uint64_t len = run_header_end(header, header->n - 1);
    uint64_t cleared = 0;
    uint8_t *memory = NULL;
    if (len > SLOT_DATA_MAX || is_cached(file->fd, header->data, len)) {
        return;
    }
    struct run_slot *slot =
        claim(store->ahead, place->segment, place->offset, &cleared, &memory);
    if (!slot) {
        return;
    }
    const uint8_t *data = read_direct(store, place->segment, header->data, len, memory);
    if (data && !is_sound(store, place, header, data)) {
        data = NULL;
    }
    loaded(store->ahead, slot, cleared, data, len);
}

struct ahead_job {
    struct job job; // first: the pool gives it back
    struct chunk_store *store;
    struct object_id object;
    struct reading reading;
};

static bool load_next(struct ahead_job *one)
{
    struct chunk_store *store = one->store;
    struct reading *reading = &one->reading;
    struct run_place place;
    if (store_locate(store, &one->object, reading->chunk, &place)) {
        return false;
    }
    if (place.memory) {
        volatile_run_unref(place.memory);
        return false;
    }
    struct segment_file *file = NULL;
    struct run_header *header = NULL;
    if (store_open_run(store, &place, &file, &header)) {
        return false;
    }
    uint32_t high = place.first + place.n - header->first;
    struct span span;
    if (run_next_span(reading, header->table, header->first, high, &span)) {
        load(store, &place, header, file);
        run_span_done(reading, &span);
    }
    run_header_unref(header);
    segment_table_unref(store->segments, file);
    return true;
}

static void run_job(struct job *job)
{
    struct ahead_job *one = (struct ahead_job *)(void *)job;
    bool goes_on = true;
    while (goes_on && one->reading.len > 0) {
        goes_on = load_next(one);
    }
    free(one);
}

void chunk_store_read_ahead(struct chunk_store *store, const struct object_id *object,
                            uint32_t first, uint64_t offset, size_t len)
{
    struct run_ahead *ahead = store->ahead;
    struct ahead_job *one = calloc(1, sizeof(*one));
    if (!one) {
        return;
    }
    *one = (struct ahead_job){
        .job = {.run = run_job},
        .store = store,
        .object = *object,
        .reading = {.chunk = first, .skip = offset, .len = len},
    };
    lock_acquire(&ahead->lock);
    if (!ahead->pool && !ahead->is_over &&
        worker_pool_new(READ_THREADS, "store-read", &ahead->pool)) {
        ahead->pool = NULL;
    }
    if (ahead->pool) {
        worker_pool_submit(ahead->pool, &one->job, JOB_DEMAND);
        one = NULL;
    }
    lock_release(&ahead->lock);
    free(one);
}
