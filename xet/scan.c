// SPDX-License-Identifier: Apache-2.0
// What is fed is collected in blocks. Each goes through two lanes, one that adds it to the
// SHA-256 and one that cuts it into chunks and hashes them; a lane takes its blocks in order,
// one job at a time, so the two run beside each other on two threads. Blocks are given back
// when both are done.
#include "xet/xet.h"

#include "xet/chunker.h"
#include "xet/xet_hash.h"

#include <stddef.h>
#include <string.h>

enum { SCAN_BLOCK_BYTES = 256 * 1024, SCAN_BLOCKS = 4, SCAN_CHUNKS_FIRST = 64 };

enum scan_lane_kind { SCAN_LANE_SHA, SCAN_LANE_CHUNKS, SCAN_LANES };

struct scan_block {
    struct scan_block *next[SCAN_LANES];
    struct scan_block *next_free;
    unsigned lanes_left;
    size_t len;
    uint8_t bytes[SCAN_BLOCK_BYTES];
};

struct scan_lane {
    struct job job; // first: the pool gives it back
    struct xet_scan *scan;
    enum scan_lane_kind kind;
    struct scan_block *head GUARDED_BY(lock);
    struct scan_block **tail GUARDED_BY(lock);
    bool is_running GUARDED_BY(lock);
};

struct xet_scan {
    struct worker_pool *pool;
    uint64_t size;            // fed
    struct scan_block *block; // the feeder's, being filled
    bool is_finished;
    // The SHA lane's, and the finisher's after it:
    struct sha *sha;
    struct digest sha256;
    // The chunk lane's, and the finisher's after it:
    struct chunker chunker;
    uint8_t *carry; // the beginning of the open chunk, from blocks before
    size_t carry_len;
    struct xet_chunk *chunks;
    size_t n;
    size_t places;

    struct lock lock;
    struct condition moved;
    struct scan_lane lanes[SCAN_LANES] GUARDED_BY(lock);
    struct scan_block *free_blocks GUARDED_BY(lock);
    unsigned n_blocks GUARDED_BY(lock);
    bool is_dropped GUARDED_BY(lock); // blocks pass without a look
    bool is_broken GUARDED_BY(lock);  // out of memory
};

// ---------------------------------------------------------------- the lanes' work

static bool add_chunk(struct xet_scan *scan, const uint8_t *bytes, size_t len)
{
    if (scan->n == scan->places) {
        size_t places = scan->places + scan->places / 2 + SCAN_CHUNKS_FIRST;
        struct xet_chunk *chunks = realloc(scan->chunks, places * sizeof(*chunks));
        if (!chunks) {
            return false;
        }
        scan->chunks = chunks;
        scan->places = places;
    }
    struct xet_chunk *chunk = &scan->chunks[scan->n++];
    chunk->len = (uint32_t)len;
    xet_hash_chunk(bytes, len, &chunk->hash);
    return true;
}

static void carry_over(struct xet_scan *scan, const uint8_t *bytes, size_t len)
{
    memcpy(scan->carry + scan->carry_len, bytes, len);
    scan->carry_len += len;
}

// A chunk that lies within the block is hashed there; one that began before is carried.
static bool cut_block(struct xet_scan *scan, const struct scan_block *block)
{
    size_t at = 0;
    while (at < block->len) {
        bool is_end;
        const uint8_t *bytes = block->bytes + at;
        size_t len = chunker_feed(&scan->chunker, bytes, block->len - at, &is_end);
        bool is_whole = is_end && scan->carry_len == 0;
        if (!is_whole) {
            carry_over(scan, bytes, len);
        }
        if (is_end && !add_chunk(scan, is_whole ? bytes : scan->carry,
                                 is_whole ? len : scan->carry_len)) {
            return false;
        }
        scan->carry_len = is_end ? 0 : scan->carry_len;
        at += len;
    }
    return true;
}

static bool look_at(struct scan_lane *lane, const struct scan_block *block)
{
    if (lane->kind == SCAN_LANE_SHA) {
        sha_update(lane->scan->sha, block->bytes, block->len);
        return true;
    }
    return cut_block(lane->scan, block);
}

// ---------------------------------------------------------------- blocks

static void give_back(struct xet_scan *scan, struct scan_block *block)
    REQUIRES(scan->lock)
{
    if (--block->lanes_left == 0) {
        block->next_free = scan->free_blocks;
        scan->free_blocks = block;
    }
}

// One block, and then to the end of the pool's queue: a long content keeps no thread.
static void run_lane(struct job *job)
{
    struct scan_lane *lane = (struct scan_lane *)job;
    struct xet_scan *scan = lane->scan;
    lock_acquire(&scan->lock);
    struct scan_block *block = lane->head;
    bool must_look = !scan->is_dropped && !scan->is_broken;
    lock_release(&scan->lock);
    bool is_good = !must_look || look_at(lane, block);
    lock_acquire(&scan->lock);
    scan->is_broken = scan->is_broken || !is_good;
    lane->head = block->next[lane->kind];
    if (!lane->head) {
        lane->tail = &lane->head;
    }
    lane->is_running = lane->head != NULL;
    give_back(scan, block);
    if (lane->is_running) {
        worker_pool_submit(scan->pool, &lane->job, JOB_BACKGROUND);
    }
    condition_broadcast(&scan->moved);
    lock_release(&scan->lock);
}

static void send_block(struct xet_scan *scan)
{
    struct scan_block *block = STEAL_POINTER(scan->block);
    block->lanes_left = SCAN_LANES;
    lock_acquire(&scan->lock);
    for (size_t i = 0; i < SCAN_LANES; i++) {
        struct scan_lane *lane = &scan->lanes[i];
        block->next[i] = NULL;
        *lane->tail = block;
        lane->tail = &block->next[i];
        if (!lane->is_running) {
            lane->is_running = true;
            worker_pool_submit(scan->pool, &lane->job, JOB_BACKGROUND);
        }
    }
    lock_release(&scan->lock);
}

// An empty block for the feeder; false when there is no memory.
static bool take_block(struct xet_scan *scan)
{
    lock_acquire(&scan->lock);
    while (!scan->free_blocks && scan->n_blocks == SCAN_BLOCKS) {
        condition_wait(&scan->moved, &scan->lock);
    }
    struct scan_block *block = scan->free_blocks;
    if (block) {
        scan->free_blocks = block->next_free;
    } else {
        block = malloc(sizeof(*block));
        scan->n_blocks += block ? 1 : 0;
        scan->is_broken = scan->is_broken || !block;
    }
    lock_release(&scan->lock);
    if (block) {
        block->len = 0;
        scan->block = block;
    }
    return block != NULL;
}

static void wait_for_lanes(struct xet_scan *scan)
{
    lock_acquire(&scan->lock);
    while (scan->lanes[SCAN_LANE_SHA].is_running ||
           scan->lanes[SCAN_LANE_CHUNKS].is_running) {
        condition_wait(&scan->moved, &scan->lock);
    }
    lock_release(&scan->lock);
}

// ---------------------------------------------------------------- the verbs

struct xet_scan *xet_scan_new(struct worker_pool *pool)
{
    struct xet_scan *scan = calloc(1, sizeof(*scan));
    if (!scan) {
        return NULL;
    }
    scan->pool = pool;
    lock_init(&scan->lock);
    condition_init(&scan->moved);
    for (size_t i = 0; i < SCAN_LANES; i++) {
        struct scan_lane *lane = &scan->lanes[i];
        lane->job.run = run_lane;
        lane->scan = scan;
        lane->kind = (enum scan_lane_kind)i;
        lane->tail = &lane->head;
    }
    scan->sha = sha_new(SHA_256);
    scan->carry = malloc(CHUNK_BYTES_MAX);
    if (!scan->sha || !scan->carry) {
        xet_scan_free(scan);
        return NULL;
    }
    return scan;
}

void xet_scan_feed(struct xet_scan *scan, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;
    scan->size += len;
    while (len > 0 && (scan->block || take_block(scan))) {
        struct scan_block *block = scan->block;
        size_t room = SCAN_BLOCK_BYTES - block->len;
        size_t part = len < room ? len : room;
        memcpy(block->bytes + block->len, from, part);
        block->len += part;
        from += part;
        len -= part;
        if (block->len == SCAN_BLOCK_BYTES) {
            send_block(scan);
        }
    }
}

uint64_t xet_scan_size(const struct xet_scan *scan)
{
    return scan->size;
}

static void finish(struct xet_scan *scan)
{
    if (scan->block) {
        send_block(scan);
    }
    wait_for_lanes(scan);
    if (scan->carry_len > 0 && !add_chunk(scan, scan->carry, scan->carry_len)) {
        lock_acquire(&scan->lock);
        scan->is_broken = true;
        lock_release(&scan->lock);
    }
    sha_final_256(scan->sha, &scan->sha256);
    scan->is_finished = true;
}

enum err xet_scan_finish(struct xet_scan *scan, struct xet_chunk_list *out)
{
    if (!scan->is_finished) {
        finish(scan);
    }
    lock_acquire(&scan->lock);
    bool is_broken = scan->is_broken;
    lock_release(&scan->lock);
    if (is_broken) {
        return ERR_NO_MEMORY;
    }
    *out = (struct xet_chunk_list){scan->sha256, scan->size, scan->chunks, scan->n};
    return ERR_NONE;
}

void xet_scan_free(struct xet_scan *scan)
{
    if (!scan) {
        return;
    }
    lock_acquire(&scan->lock);
    scan->is_dropped = true;
    lock_release(&scan->lock);
    wait_for_lanes(scan);
    while (scan->free_blocks) {
        struct scan_block *block = scan->free_blocks;
        scan->free_blocks = block->next_free;
        free(block);
    }
    free(scan->block);
    sha_free(scan->sha);
    free(scan->carry);
    free(scan->chunks);
    condition_destroy(&scan->moved);
    lock_destroy(&scan->lock);
    free(scan);
}
