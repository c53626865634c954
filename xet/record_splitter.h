// SPDX-License-Identifier: Apache-2.0
// Cuts the byte stream of one transfer into runs: whole records, at most 1 MiB and 128
// chunks when decoded, in blocks of the pool. A run is what one decode job works on and what
// one chunk_store_put() stores, so nothing is copied between the socket and the decoder but
// once.
//
// The splitter sees every header pass in order, so a run knows which chunks it holds and how
// far into the range they lie; runs can then be decoded in any order.
#pragma once

#include "base/base.h"
#include "cache/cache.h"
#include "xet/block_pool.h"
#include "xet/chunk_record.h"

enum { RUN_BYTES_MAX = 1024 * 1024 };

struct record_run {
    struct job job;               // the receiver's
    void *owner;                  // the receiver's
    struct network_block *blocks; // whole records, in order
    uint32_t first;               // index of the first chunk in its object
    uint32_t n;                   // chunks, 1..RUN_CHUNKS_MAX
    uint64_t at;                  // decoded bytes of the range that precede the run
    uint32_t len;                 // decoded bytes of the run, <= RUN_BYTES_MAX
};

// Gives the blocks back and frees the run.
void record_run_free(struct record_run *run, struct block_pool *pool);

struct splitter_receiver {
    // Chunk `index` begins `at` decoded bytes into the range. Told before the run that it is
    // in is handed over; for the last chunk also with the index and place of its end.
    enum err (*on_chunk)(void *ctx, uint32_t index, uint64_t at, struct why *why);
    // Takes ownership.
    void (*on_run)(void *ctx, struct record_run *run);
    void *ctx;
};

struct record_splitter {
    struct block_pool *pool;
    struct block_waiter *waiter;
    struct splitter_receiver receiver;
    bool is_blob;  // no headers in the stream: BLOB_BLOCK_BYTES and a shorter last one
    bool is_eager; // a reader waits: short runs at first
    uint32_t eager_at;   // how long the next one is to be
    uint64_t blob_left;  // bytes of the blob range that are not in a record yet
    uint32_t next;       // index of the next chunk
    uint32_t end;        // index after the last one
    uint64_t at;         // decoded bytes before `next`
    uint64_t skip;       // bytes of the offer that were taken before the transfer paused
    uint32_t header_len; // bytes of the next header that are here
    uint8_t header[RECORD_HEADER_BYTES];
    struct chunk_record record; // the last one that began
    uint32_t left;              // packed bytes of it that are not here yet
    struct record_run *run;     // being filled; NULL between runs
    struct network_block *tail; // its last block
};

// For chunks [first, end) of a xorb, as records.
void record_splitter_init(struct record_splitter *splitter, struct block_pool *pool,
                          struct block_waiter *waiter, uint32_t first, uint32_t end,
                          struct splitter_receiver receiver);
// For `len` bytes of a blob beginning with block `first`.
void record_splitter_init_blob(struct record_splitter *splitter, struct block_pool *pool,
                               struct block_waiter *waiter, uint32_t first, uint64_t len,
                               struct splitter_receiver receiver);
// Gives back what was not handed over.
void record_splitter_release(struct record_splitter *splitter);

// Takes the next bytes. ERR_PARKED when the pool is empty: the transfer must pause and offer
// the same bytes again (what was taken of them is skipped then). Other errors: the stream is
// unusable, `why` says for which chunk.
NODISCARD enum err record_splitter_feed(struct record_splitter *splitter,
                                        const uint8_t *bytes, size_t len,
                                        struct why *why);
// The stream is over: hands over the last run. ERR_TRUNCATED when a record or chunks are
// missing (those that are whole have been handed over).
NODISCARD enum err record_splitter_finish(struct record_splitter *splitter,
                                          struct why *why);
