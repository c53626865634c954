// SPDX-License-Identifier: Apache-2.0
// A piece of a file on its way through an upload: about 1 MiB of whole chunks. It is cut (or
// listed, where a scan has the chunks already), hashed, decided about, packed, and retired in
// order; the steps of several batches run beside each other on the pool.
#pragma once

#include "xet/chunk_index.h"
#include "xet/chunker.h"
#include "xet/record_packer.h"
#include "xet/xorb_builder.h"

enum {
    BATCH_BYTES = 1024 * 1024,
    BATCH_CHUNKS = BATCH_BYTES / CHUNK_BYTES_MIN + 2,
};

struct batch_chunk {
    struct digest hash;
    uint32_t at; // in the batch's bytes
    uint32_t len;
    bool is_first;
    bool is_fresh;       // must be sent
    uint32_t xorb;       // that has it, or that a fresh one goes to
    uint32_t number;     // in that xorb
    uint32_t record_end; // in the batch's records, when packed
};

struct upload_batch {
    struct job hash_job; // first: the pool gives it back
    struct job pack_job;
    struct upload_batch *next_sha;
    struct batch_crew *crew;
    uint8_t *bytes;
    uint8_t *records;
    struct record_packer packer;
    uint64_t serial; // of all batches of the session
    uint64_t offset; // in the file
    uint32_t len;    // of the whole chunks
    uint32_t n;
    struct batch_chunk chunks[BATCH_CHUNKS];
    bool is_listed; // by a scan: bytes are read when it has been decided about
    bool is_asked;  // global deduplication, where it was worth it
    bool is_decided;
    bool is_stale;         // the bytes are not those of the scan
    int64_t wait_until_ms; // for the answers
    // With the bell's lock:
    bool is_hashed;
    bool is_packed;
    bool is_in_sha; // done with when false
};

// What jobs and callbacks ring when something has come, and the session listens to. The lock
// guards all that they tell.
struct bell {
    struct lock lock;
    struct condition rung;
    uint64_t rings;
};
void bell_init(struct bell *bell);
void bell_destroy(struct bell *bell);
void bell_ring(struct bell *bell) REQUIRES(bell->lock);
uint64_t bell_rings(struct bell *bell);

// The batches' way through the pool. The bell is the session's.
struct batch_crew {
    struct worker_pool *pool;
    struct bell *bell;
    unsigned running; // jobs
    struct job sha_job;
    struct sha *sha; // of the file; the lane's while it runs
    struct upload_batch *sha_head;
    struct upload_batch **sha_tail;
};

NODISCARD enum err upload_batch_init(struct upload_batch *batch, struct batch_crew *crew);
void upload_batch_release(struct upload_batch *batch);

void batch_crew_init(struct batch_crew *crew, struct worker_pool *pool,
                     struct bell *bell);

// Jobs, each of which ends with a change of the batch's fields and a broadcast.
void batch_hash(struct upload_batch *batch); // is_hashed
void batch_sha(struct upload_batch *batch);  // in the order of the calls; not is_in_sha
void batch_pack(struct upload_batch *batch); // is_packed; checks listed chunks' hashes
// Whether the bytes of a chunk that a scan has listed, read since, are those that it has seen: others must
// not get out under its hash. True for a chunk that was not listed.
bool batch_is_as_listed(const struct upload_batch *batch,
                        const struct batch_chunk *chunk);
// Until no job runs.
void batch_crew_settle(struct batch_crew *crew);
