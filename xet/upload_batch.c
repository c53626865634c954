// SPDX-License-Identifier: Apache-2.0
#include "xet/upload_batch.h"

#include "xet/xet_hash.h"

#include <stddef.h>

// How many chunks share one look at what compresses them best.
enum { SCHEME_RUN = 32 };

enum err upload_batch_init(struct upload_batch *batch, struct batch_crew *crew)
{
    batch->crew = crew;
    batch->bytes = malloc(BATCH_BYTES);
    batch->records = malloc(BATCH_BYTES + BATCH_CHUNKS * RECORD_HEADER_BYTES);
    if (!batch->bytes || !batch->records) {
        return ERR_NO_MEMORY;
    }
    return record_packer_init(&batch->packer);
}

void upload_batch_release(struct upload_batch *batch)
{
    free(batch->bytes);
    free(batch->records);
    record_packer_release(&batch->packer);
}

void bell_init(struct bell *bell)
{
    lock_init(&bell->lock);
    condition_init(&bell->rung);
    bell->rings = 0;
}

void bell_destroy(struct bell *bell)
{
    condition_destroy(&bell->rung);
    lock_destroy(&bell->lock);
}

void bell_ring(struct bell *bell)
{
    bell->rings++;
    condition_broadcast(&bell->rung);
}

uint64_t bell_rings(struct bell *bell)
{
    lock_acquire(&bell->lock);
    uint64_t rings = bell->rings;
    lock_release(&bell->lock);
    return rings;
}

static void submit(struct batch_crew *crew, struct job *job) REQUIRES(crew->bell->lock)
{
    crew->running++;
    worker_pool_submit(crew->pool, job, JOB_BACKGROUND);
}

// ---------------------------------------------------------------- chunk hashes

static void run_hash(struct job *job)
{
    struct upload_batch *batch = (struct upload_batch *)job;
    struct batch_crew *crew = batch->crew;
    for (uint32_t i = 0; i < batch->n; i++) {
        struct batch_chunk *chunk = &batch->chunks[i];
        xet_hash_chunk(batch->bytes + chunk->at, chunk->len, &chunk->hash);
    }
    lock_acquire(&crew->bell->lock);
    batch->is_hashed = true;
    crew->running--;
    bell_ring(crew->bell);
    lock_release(&crew->bell->lock);
}

void batch_hash(struct upload_batch *batch)
{
    batch->hash_job.run = run_hash;
    lock_acquire(&batch->crew->bell->lock);
    submit(batch->crew, &batch->hash_job);
    lock_release(&batch->crew->bell->lock);
}

// ---------------------------------------------------------------- SHA-256

static void run_sha(struct job *job)
{
    struct batch_crew *crew =
        (struct batch_crew *)((char *)job - offsetof(struct batch_crew, sha_job));
    lock_acquire(&crew->bell->lock);
    struct upload_batch *batch = crew->sha_head;
    lock_release(&crew->bell->lock);
    sha_update(crew->sha, batch->bytes, batch->len);
    lock_acquire(&crew->bell->lock);
    crew->sha_head = batch->next_sha;
    batch->is_in_sha = false;
    crew->running--;
    if (crew->sha_head) {
        submit(crew, &crew->sha_job);
    } else {
        crew->sha_tail = &crew->sha_head;
    }
    bell_ring(crew->bell);
    lock_release(&crew->bell->lock);
}

void batch_crew_init(struct batch_crew *crew, struct worker_pool *pool, struct bell *bell)
{
    *crew = (struct batch_crew){.pool = pool, .bell = bell};
    crew->sha_job.run = run_sha;
    crew->sha_tail = &crew->sha_head;
}

void batch_sha(struct upload_batch *batch)
{
    struct batch_crew *crew = batch->crew;
    lock_acquire(&crew->bell->lock);
    bool is_idle = !crew->sha_head;
    batch->is_in_sha = true;
    batch->next_sha = NULL;
    *crew->sha_tail = batch;
    crew->sha_tail = &batch->next_sha;
    if (is_idle) {
        submit(crew, &crew->sha_job);
    }
    lock_release(&crew->bell->lock);
}

// ---------------------------------------------------------------- records

bool batch_is_as_listed(const struct upload_batch *batch, const struct batch_chunk *chunk)
{
    struct digest hash;
    if (!batch->is_listed) {
        return true;
    }
    xet_hash_chunk(batch->bytes + chunk->at, chunk->len, &hash);
    return digest_equal(&hash, &chunk->hash);
}

static bool pack_chunks(struct upload_batch *batch)
{
    enum record_scheme scheme = RECORD_LZ4;
    uint32_t end = 0;
    uint32_t packed = 0;
    bool is_good = true;
    for (uint32_t i = 0; i < batch->n && is_good; i++) {
        struct batch_chunk *chunk = &batch->chunks[i];
        const uint8_t *bytes = batch->bytes + chunk->at;
        if (chunk->is_fresh) {
            if (packed++ % SCHEME_RUN == 0) {
                scheme = record_packer_choose(bytes, chunk->len);
            }
            is_good = batch_is_as_listed(batch, chunk);
            end += (uint32_t)record_packer_pack(&batch->packer, scheme, bytes, chunk->len,
                                                batch->records + end);
        }
        chunk->record_end = end;
    }
    return is_good;
}

static void run_pack(struct job *job)
{
    struct upload_batch *batch =
        (struct upload_batch *)((char *)job - offsetof(struct upload_batch, pack_job));
    struct batch_crew *crew = batch->crew;
    bool is_good = pack_chunks(batch);
    lock_acquire(&crew->bell->lock);
    batch->is_stale = !is_good;
    batch->is_packed = true;
    crew->running--;
    bell_ring(crew->bell);
    lock_release(&crew->bell->lock);
}

void batch_pack(struct upload_batch *batch)
{
    batch->pack_job.run = run_pack;
    lock_acquire(&batch->crew->bell->lock);
    submit(batch->crew, &batch->pack_job);
    lock_release(&batch->crew->bell->lock);
}

void batch_crew_settle(struct batch_crew *crew)
{
    lock_acquire(&crew->bell->lock);
    while (crew->running > 0) {
        condition_wait(&crew->bell->rung, &crew->bell->lock);
    }
    lock_release(&crew->bell->lock);
}
