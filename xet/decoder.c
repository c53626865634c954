// SPDX-License-Identifier: Apache-2.0
// A plain chunk stays where it is. Others are hashed right after they were written, while they are in
// the cache of the core. There are never more decoders than pool threads, because only a running job holds
// one.
//
// Lock: pool->lock, innermost.
#include "xet/decoder.h"

#include "xet/xet_hash.h"

struct decoder_pool {
    struct lock lock;
    struct decoder *unused GUARDED_BY(lock);
};

struct decoder_pool *decoder_pool_new(void)
{
    struct decoder_pool *pool = calloc(1, sizeof(*pool));
    if (pool) {
        lock_init(&pool->lock);
    }
    return pool;
}

void decoder_pool_free(struct decoder_pool *pool)
{
    if (pool) {
        decoder_pool_trim(pool);
        lock_destroy(&pool->lock);
        free(pool);
    }
}

struct decoder *decoder_pool_take(struct decoder_pool *pool)
{
    lock_acquire(&pool->lock);
    struct decoder *decoder = pool->unused;
    if (decoder) {
        pool->unused = decoder->next;
    }
    lock_release(&pool->lock);
    if (decoder) {
        return decoder;
    }
    decoder = malloc(sizeof(*decoder));
    if (decoder && record_decoder_init(&decoder->record)) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void decoder_pool_give(struct decoder_pool *pool, struct decoder *decoder)
{
    lock_acquire(&pool->lock);
    decoder->next = pool->unused;
    pool->unused = decoder;
    lock_release(&pool->lock);
}

void decoder_pool_trim(struct decoder_pool *pool)
{
    lock_acquire(&pool->lock);
    struct decoder *list = pool->unused;
    pool->unused = NULL;
    lock_release(&pool->lock);
    while (list) {
        struct decoder *decoder = list;
        list = decoder->next;
        record_decoder_release(&decoder->record);
        free(decoder);
    }
}

// The record at the head of `left`; *to is where there is room for it.
static enum err decode_one(struct decoder *decoder, struct cursor *left, uint8_t **to,
                           bool hash, struct why *why)
{
    const uint8_t *header;
    const uint8_t *packed;
    struct chunk_record record;
    enum err err = cursor_take_bytes(left, RECORD_HEADER_BYTES, &header);
    if (!err) {
        err = chunk_record_parse(header, why, &record);
    }
    if (!err) {
        err = cursor_take_bytes(left, record.packed_len, &packed);
    }
    if (!err &&
        (decoder->n == RUN_CHUNKS_MAX || decoder->len + record.len > RUN_BYTES_MAX)) {
        err = ERR_TOO_LARGE;
    }
    bool is_plain = !err && record.scheme == RECORD_PLAIN;
    if (!err && !is_plain) {
        err = chunk_record_decode(&decoder->record, &record, packed, why, *to);
    }
    if (err) {
        return err;
    }
    const uint8_t *chunk = is_plain ? packed : *to;
    *to += is_plain ? 0 : record.len;
    if (hash) {
        xet_hash_chunk(chunk, record.len, &decoder->hashes[decoder->n]);
    }
    decoder->len += record.len;
    decoder->chunks[decoder->n] = chunk;
    decoder->ends[decoder->n++] = decoder->len;
    return ERR_NONE;
}

enum err decoder_decode(struct decoder *decoder, const struct record_run *run, bool hash,
                        struct why *why)
{
    decoder->n = 0;
    decoder->len = 0;
    uint8_t *to = decoder->data;
    for (const struct network_block *block = run->blocks; block; block = block->next) {
        struct cursor left = cursor_init(block->bytes, block->len);
        while (cursor_left(&left) > 0) {
            enum err err = decode_one(decoder, &left, &to, hash, why);
            if (err) {
                return why_prefix(why, err, "chunk %u", run->first + decoder->n);
            }
        }
    }
    return ERR_NONE;
}
