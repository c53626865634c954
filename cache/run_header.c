// SPDX-License-Identifier: Apache-2.0
// The cache of record heads: what saves a second pread, and a second checksum, per read.
//
// A chunk is compared with its checksum the first time this process reads it; then its bit
// says so. The bits live here, beside the ends and checksums that a read needs anyway: 8
// bytes per chunk, at most HEADER_CACHE_BYTES in all, about 30 GB of chunks. A head that was
// pushed out loses its bits, and its chunks are checked once more: bounded memory costs a
// little CPU, never correctness. Segment ids are never used twice, so a head of an evicted
// segment is never found again and ages out.
//
// Lock: `lock`, a leaf, guards links and order; a header itself is immutable but for its
// bits, which are atomic.
#include "cache/run_header.h"

#include <stdatomic.h>

enum { HEADER_BUCKETS = 8192 };

struct run_header_cache {
    struct lock lock;
    struct run_header *buckets[HEADER_BUCKETS] GUARDED_BY(lock);
    struct run_header *newest GUARDED_BY(lock);
    struct run_header *oldest GUARDED_BY(lock);
    uint64_t bytes GUARDED_BY(lock);
};

static uint64_t header_bytes(const struct run_header *header)
{
    return sizeof(*header) + 2 * sizeof(uint32_t) * (uint64_t)header->n;
}

struct run_header *run_header_new(const struct record *record, uint64_t segment,
                                  uint64_t offset, bool checked)
{
    size_t table = 2 * sizeof(uint32_t) * record->n;
    struct run_header *header = calloc(1, sizeof(*header) + table);
    if (!header) {
        return NULL;
    }
    header->object = record->object;
    header->first = record->first;
    header->n = record->n;
    header->segment = segment;
    header->offset = offset;
    header->data = offset + record_head_bytes(record->n);
    memcpy(header->table, record->ends, record->n * sizeof(uint32_t));
    memcpy(header->table + record->n, record->crcs, record->n * sizeof(uint32_t));
    for (size_t i = 0; i < RUN_CHUNKS_MAX / 64; i++) {
        atomic_init(&header->checked[i], checked ? UINT64_MAX : 0);
    }
    atomic_init(&header->refs, 1);
    return header;
}

void run_header_unref(struct run_header *header)
{
    if (header &&
        atomic_fetch_sub_explicit(&header->refs, 1, memory_order_acq_rel) == 1) {
        free(header);
    }
}

bool run_header_is_checked(const struct run_header *header, uint32_t i)
{
    return atomic_load_explicit(&header->checked[i / 64], memory_order_relaxed) >>
               (i % 64) &
           1;
}

void run_header_set_checked(struct run_header *header, uint32_t i)
{
    atomic_fetch_or_explicit(&header->checked[i / 64], UINT64_C(1) << (i % 64),
                             memory_order_relaxed);
}

enum err run_header_cache_new(struct run_header_cache **out)
{
    struct run_header_cache *cache = calloc(1, sizeof(*cache));
    if (!cache) {
        return ERR_NO_MEMORY;
    }
    lock_init(&cache->lock);
    *out = cache;
    return ERR_NONE;
}

static struct run_header **bucket_of(struct run_header_cache *cache, uint64_t segment,
                                     uint64_t offset) REQUIRES(cache->lock)
{
    uint64_t mixed = (segment * UINT64_C(0x9e3779b97f4a7c15)) ^
                     (offset / RECORD_ALIGN * UINT64_C(0xc2b2ae3d27d4eb4f));
    return &cache->buckets[(mixed >> 32) % HEADER_BUCKETS];
}

static void push_newest(struct run_header_cache *cache, struct run_header *header)
    REQUIRES(cache->lock)
{
    header->newer = NULL;
    header->older = cache->newest;
    if (cache->newest) {
        cache->newest->newer = header;
    } else {
        cache->oldest = header;
    }
    cache->newest = header;
}

static void unlink_order(struct run_header_cache *cache, struct run_header *header)
    REQUIRES(cache->lock)
{
    *(header->newer ? &header->newer->older : &cache->newest) = header->older;
    *(header->older ? &header->older->newer : &cache->oldest) = header->newer;
}

static void remove_header(struct run_header_cache *cache, struct run_header *header)
    REQUIRES(cache->lock)
{
    struct run_header **link = bucket_of(cache, header->segment, header->offset);
    while (*link != header) {
        link = &(*link)->next;
    }
    *link = header->next;
    unlink_order(cache, header);
    cache->bytes -= header_bytes(header);
    run_header_unref(header);
}

static struct run_header *find(struct run_header_cache *cache, uint64_t segment,
                               uint64_t offset) REQUIRES(cache->lock)
{
    struct run_header *header = *bucket_of(cache, segment, offset);
    while (header && (header->segment != segment || header->offset != offset)) {
        header = header->next;
    }
    return header;
}

struct run_header *run_header_cache_get(struct run_header_cache *cache, uint64_t segment,
                                        uint64_t offset)
{
    lock_acquire(&cache->lock);
    struct run_header *header = find(cache, segment, offset);
    if (header) {
        atomic_fetch_add_explicit(&header->refs, 1, memory_order_relaxed);
        if (header != cache->newest) {
            unlink_order(cache, header);
            push_newest(cache, header);
        }
    }
    lock_release(&cache->lock);
    return header;
}

void run_header_cache_add(struct run_header_cache *cache, struct run_header *header)
{
    lock_acquire(&cache->lock);
    if (!find(cache, header->segment, header->offset)) {
        atomic_fetch_add_explicit(&header->refs, 1, memory_order_relaxed);
        struct run_header **bucket = bucket_of(cache, header->segment, header->offset);
        header->next = *bucket;
        *bucket = header;
        push_newest(cache, header);
        cache->bytes += header_bytes(header);
        while (cache->bytes > HEADER_CACHE_BYTES && cache->oldest != header) {
            remove_header(cache, cache->oldest);
        }
    }
    lock_release(&cache->lock);
}

void run_header_cache_clear(struct run_header_cache *cache)
{
    lock_acquire(&cache->lock);
    while (cache->oldest) {
        remove_header(cache, cache->oldest);
    }
    lock_release(&cache->lock);
}

void run_header_cache_free(struct run_header_cache *cache)
{
    if (cache) {
        run_header_cache_clear(cache);
        lock_destroy(&cache->lock);
        free(cache);
    }
}
