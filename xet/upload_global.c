// SPDX-License-Identifier: Apache-2.0
// Who asks waits: the answer about a file's first chunk decides about megabytes. But never
// longer than sending what is left of the file would take on a fast line, and at most a
// second, and when several questions have failed none is asked any more.
#include "xet/upload_state.h"

#include "xet/shard_reader.h"

#include <string.h>

enum {
    WAIT_MS_MAX = 1000,
    BYTES_PER_MS = 20000, // 20 MB/s
    QUERY_MS = 5000,
    FAILURES_MAX = 3,
    CHUNKS_A_KEY = 64 * 1024,
};

static void answer_query(void *ctx, enum err err, const struct why *why,
                         const uint8_t *shard, size_t len)
{
    struct query *query = ctx;
    struct xet_upload *upload = query->upload;
    (void)why;
    uint8_t *copy = NULL;
    if (!err && len > 0) {
        copy = malloc(len);
        err = copy ? ERR_NONE : ERR_NO_MEMORY;
    }
    if (copy) {
        memcpy(copy, shard, len);
    }
    lock_acquire(&upload->bell.lock);
    query->err = err;
    query->shard = copy;
    query->len = copy ? len : 0;
    query->is_answered = true;
    bell_ring(&upload->bell);
    lock_release(&upload->bell.lock);
}

static struct query *free_query(struct xet_upload *upload)
{
    for (size_t i = 0; i < UPLOAD_QUERIES; i++) {
        if (!upload->queries[i].is_busy) {
            return &upload->queries[i];
        }
    }
    return NULL;
}

static bool may_ask(struct xet_upload *upload, const struct batch_chunk *chunk)
{
    struct chunk_place place;
    return shard_chunk_is_global(&chunk->hash, chunk->is_first) &&
           !upload_find(upload, &chunk->hash, NULL, &place);
}

void upload_ask(struct xet_upload *upload, struct upload_batch *batch,
                uint64_t bytes_left)
{
    int64_t patience = (int64_t)(bytes_left / BYTES_PER_MS);
    batch->is_asked = true;
    batch->wait_until_ms =
        clock_now_ms() + (patience < WAIT_MS_MAX ? patience : WAIT_MS_MAX);
    if (upload->is_alone || upload->failed_queries >= FAILURES_MAX) {
        return;
    }
    for (uint32_t i = 0; i < batch->n; i++) {
        struct query *query = free_query(upload);
        if (!query) {
            return;
        }
        if (!may_ask(upload, &batch->chunks[i])) {
            continue;
        }
        const struct hub_call call = {.class = HUB_AHEAD,
                                      .deadline_ms = clock_now_ms() + QUERY_MS,
                                      .reason = "dedup"};
        *query =
            (struct query){.upload = upload, .is_busy = true, .batch = batch->serial};
        query->ticket = cas_query_chunk(upload->config.hub, &call, &upload->config.target,
                                        &batch->chunks[i].hash, answer_query, query);
    }
}

bool upload_is_asking(const struct xet_upload *upload, const struct upload_batch *batch)
{
    for (size_t i = 0; i < UPLOAD_QUERIES; i++) {
        if (upload->queries[i].is_busy && upload->queries[i].batch == batch->serial) {
            return true;
        }
    }
    return false;
}

// ---------------------------------------------------------------- answers

// The set of this key, made in place of the oldest one if there is none.
static struct key_set *take_set(struct xet_upload *upload,
                                const struct shard_answer *answer)
{
    for (size_t i = 0; i < UPLOAD_KEYS; i++) {
        struct key_set *set = &upload->keys[i];
        if (set->is_used && digest_equal(&set->key, &answer->key)) {
            return set;
        }
    }
    struct key_set *set = &upload->keys[upload->next_key++ % UPLOAD_KEYS];
    if (!set->chunks) {
        set->chunks = chunk_index_new(CHUNKS_A_KEY);
    } else {
        chunk_index_clear(set->chunks);
    }
    set->is_used = set->chunks != NULL;
    set->is_keyed = answer->is_keyed;
    set->key = answer->key;
    return set->is_used ? set : NULL;
}

static void take_in(struct xet_upload *upload, const uint8_t *shard, size_t len)
{
    struct shard_answer answer;
    struct shard_answer_xorb xorb;
    struct key_set *set = NULL;
    if (!shard_answer_open(shard, len, &answer)) {
        set = take_set(upload, &answer);
    }
    if (!set) {
        log_debug("xet", "a deduplication answer could not be used bytes=%zu", len);
        return;
    }
    set->expires_s = answer.expires_s;
    while (shard_answer_next(&answer, &xorb)) {
        uint32_t number;
        if (upload_foreign_number(upload, &xorb.hash, &number)) {
            return;
        }
        for (uint32_t i = 0; i < xorb.n; i++) {
            struct digest name;
            uint32_t chunk_len;
            shard_answer_chunk(&xorb, i, &name, &chunk_len);
            chunk_index_add(set->chunks, &name, (struct chunk_place){number, i});
        }
    }
}

static bool is_answered(struct query *query)
{
    lock_acquire(&query->upload->bell.lock);
    bool is_answered = query->is_answered;
    lock_release(&query->upload->bell.lock);
    return is_answered;
}

void upload_take_answers(struct xet_upload *upload)
{
    for (size_t i = 0; i < UPLOAD_QUERIES; i++) {
        struct query *query = &upload->queries[i];
        if (!query->is_busy || !is_answered(query)) {
            continue;
        }
        if (query->shard) {
            take_in(upload, query->shard, query->len);
        }
        bool is_failure = query->err != ERR_NONE && query->err != ERR_NOT_FOUND;
        upload->failed_queries = is_failure ? upload->failed_queries + 1 : 0;
        free(query->shard);
        query->shard = NULL;
        query->is_busy = false;
    }
}

void upload_end_queries(struct xet_upload *upload)
{
    for (size_t i = 0; i < UPLOAD_QUERIES; i++) {
        struct query *query = &upload->queries[i];
        if (!query->is_busy) {
            continue;
        }
        hub_cancel(upload->config.hub, query->ticket);
        lock_acquire(&upload->bell.lock);
        while (!query->is_answered) {
            condition_wait(&upload->bell.rung, &upload->bell.lock);
        }
        lock_release(&upload->bell.lock);
        free(query->shard);
        query->shard = NULL;
        query->is_busy = false;
    }
}
