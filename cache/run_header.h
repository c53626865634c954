// SPDX-License-Identifier: Apache-2.0
// Heads of records that were read lately, and which of their chunks were checked.
#pragma once

#include "cache/segment_record.h"

struct run_header_cache;

// What reading a run needs to know. Shared; immutable but for the bits.
struct run_header {
    struct object_id object;
    uint32_t first;
    uint32_t n;
    uint64_t segment;
    uint64_t offset;                               // of the record
    uint64_t data;                                 // offset of the data in the segment
    _Atomic uint64_t checked[RUN_CHUNKS_MAX / 64]; // chunks whose checksum was compared
    // The cache's own:
    struct run_header *next;
    struct run_header *newer;
    struct run_header *older;
    _Atomic unsigned refs;
    uint32_t table[]; // n ends, n checksums
};

// A header with one reference, not in the cache. NULL when out of memory. `checked`: every
// chunk counts as checked (this process wrote it).
struct run_header *run_header_new(const struct record *record, uint64_t segment,
                                  uint64_t offset, bool checked);
void run_header_unref(struct run_header *header);

static inline uint32_t run_header_end(const struct run_header *header, uint32_t i)
{
    return header->table[i];
}
static inline uint32_t run_header_begin(const struct run_header *header, uint32_t i)
{
    return i == 0 ? 0 : header->table[i - 1];
}
static inline uint32_t run_header_crc(const struct run_header *header, uint32_t i)
{
    return header->table[header->n + i];
}
bool run_header_is_checked(const struct run_header *header, uint32_t i);
void run_header_set_checked(struct run_header *header, uint32_t i);

NODISCARD enum err run_header_cache_new(struct run_header_cache **out);
void run_header_cache_free(struct run_header_cache *cache);
// A new reference, or NULL.
struct run_header *run_header_cache_get(struct run_header_cache *cache, uint64_t segment,
                                        uint64_t offset);
// Adds it (the cache takes a reference of its own); the oldest ones go when there are more
// than HEADER_CACHE_BYTES.
void run_header_cache_add(struct run_header_cache *cache, struct run_header *header);
void run_header_cache_clear(struct run_header_cache *cache);
