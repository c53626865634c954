// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/xet/fake_splitter.h"

#include "tests/unit/xet/fake_records.h"

#include <stdlib.h>

static void no_wake(void *ctx, uint64_t ticket)
{
    (void)ctx;
    (void)ticket;
}

void fake_split_begin(struct fake_split *split, size_t blocks)
{
    *split = (struct fake_split){.out = buffer_init(SIZE_MAX / 4)};
    split->pool = block_pool_new(blocks * NETWORK_BLOCK_BYTES, no_wake, NULL);
    split->decoders = decoder_pool_new();
    split->decoder = decoder_pool_take(split->decoders);
}

void fake_split_end(struct fake_split *split)
{
    decoder_pool_give(split->decoders, split->decoder);
    decoder_pool_free(split->decoders);
    block_pool_free(split->pool);
    buffer_release(&split->out);
}

static enum err append_chunks(struct buffer *out, const struct decoder *decoder)
{
    enum err err = ERR_NONE;
    for (uint32_t i = 0; i < decoder->n && !err; i++) {
        uint32_t begin = i > 0 ? decoder->ends[i - 1] : 0;
        err = buffer_append(out, decoder->chunks[i], decoder->ends[i] - begin);
    }
    return err;
}

static void decode(struct fake_split *split, struct record_run *run)
{
    struct why why = {{0}};
    enum err err = decoder_decode(split->decoder, run, true, &why);
    const struct decoder *decoder = split->decoder;
    bool fits = !err && run->first == split->next && run->at == split->out.len &&
                decoder->n == run->n && decoder->len == run->len;
    if (!err && (!fits || append_chunks(&split->out, decoder))) {
        abort();
    }
    split->next += run->n;
    split->decode_err = split->decode_err ? split->decode_err : err;
    split->runs++;
    record_run_free(run, split->pool);
}

static void decode_held(struct fake_split *split)
{
    struct record_run *oldest_first = NULL;
    while (split->held) {
        struct record_run *run = split->held;
        split->held = run->owner;
        run->owner = oldest_first;
        oldest_first = run;
    }
    while (oldest_first) {
        struct record_run *run = oldest_first;
        oldest_first = run->owner;
        if (split->decode_err) {
            record_run_free(run, split->pool);
        } else {
            decode(split, run);
        }
    }
}

static enum err on_chunk(void *ctx, uint32_t index, uint64_t at, struct why *why)
{
    (void)ctx;
    (void)index;
    (void)at;
    (void)why;
    return ERR_NONE;
}

static void on_run(void *ctx, struct record_run *run)
{
    struct fake_split *split = ctx;
    run->owner = split->held;
    split->held = run;
    if (!split->holds) {
        decode_held(split);
    }
}

enum err fake_split_run(struct fake_split *split, uint32_t first, uint32_t end,
                        uint64_t blob_len, const uint8_t *bytes, size_t len, size_t step,
                        uint64_t seed, bool is_eager)
{
    struct block_waiter waiter = {.ticket = 1, .is_demand = true};
    struct record_splitter splitter;
    struct splitter_receiver receiver = {on_chunk, on_run, split};
    if (blob_len) {
        record_splitter_init_blob(&splitter, split->pool, &waiter, first, blob_len,
                                  receiver);
    } else {
        record_splitter_init(&splitter, split->pool, &waiter, first, end, receiver);
    }
    splitter.is_eager = is_eager;
    split->next = first;
    enum err err = ERR_NONE;
    for (size_t at = 0; !err && at < len;) {
        size_t n = step ? 1 + fake_random(&seed) % step : len;
        n = n < len - at ? n : len - at;
        err = record_splitter_feed(&splitter, bytes + at, n, NULL);
        at += err ? 0 : n;
        if (err == ERR_PARKED) {
            split->parked++;
            decode_held(split);
            err = ERR_NONE;
        }
    }
    err = err ? err : record_splitter_finish(&splitter, NULL);
    record_splitter_release(&splitter);
    decode_held(split);
    block_pool_forget(split->pool, &waiter);
    return err ? err : split->decode_err;
}
