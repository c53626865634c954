// SPDX-License-Identifier: Apache-2.0
// Turns a run of records into chunks that the chunk store can take: where the bytes of each are, where it
// ends and, for xorbs, its hash.
#pragma once

#include "base/base.h"
#include "xet/record_splitter.h"

// The working memory of one decode job, about 1.2 MiB; a job takes one from the pool and
// puts it back.
struct decoder {
    struct record_decoder record;
    struct decoder *next; // the pool's own
    uint32_t n;
    uint32_t len; // of all chunks
    uint32_t ends[RUN_CHUNKS_MAX];
    const uint8_t *chunks[RUN_CHUNKS_MAX]; // plain ones in the run's blocks
    struct digest hashes[RUN_CHUNKS_MAX];
    uint8_t data[RUN_BYTES_MAX];
};

struct decoder_pool;
struct decoder_pool *decoder_pool_new(void); // NULL when out of memory
void decoder_pool_free(struct decoder_pool *pool);
struct decoder *decoder_pool_take(struct decoder_pool *pool); // NULL when out of memory
void decoder_pool_give(struct decoder_pool *pool, struct decoder *decoder);
// Frees the unused ones: for idle times.
void decoder_pool_trim(struct decoder_pool *pool);

// Decodes the run's records; with `hash`, also hashes them. `why` names the chunk. The blocks have to stay
// as long as the chunks are used.
NODISCARD enum err decoder_decode(struct decoder *decoder, const struct record_run *run,
                                  bool hash, struct why *why);
