// SPDX-License-Identifier: Apache-2.0
// Invariants:
//   (1) a block holds whole records only, each with its header; a record that does not fit
//       into the rest of a block begins a new one. The header tells the length in time, so
//       no byte is ever moved a second time;
//   (2) when a block can't be had, the run is handed over and the splitter holds none: what
//       a paused transfer keeps is at most 8 bytes of a header;
//   (3) a blob's stream has no headers; it is given some (plain, 64 KiB), so that everything
//       after the splitter treats blobs and xorbs alike.
//
// One transfer, one thread: no lock.
#include "xet/record_splitter.h"

#include <string.h>

// Bytes after which an eager splitter hands a run over: at first, and doubled with each such run. Who
// waits has the beginning soon; that a stream catches up with every transfer does not make its runs
// short, for each costs a job, a write and rows of the index.
enum { EAGER_FIRST = 64 << 10, EAGER_MOST = 512 << 10 };

void record_run_free(struct record_run *run, struct block_pool *pool)
{
    if (run) {
        block_pool_give(pool, run->blocks);
        free(run);
    }
}

void record_splitter_init(struct record_splitter *splitter, struct block_pool *pool,
                          struct block_waiter *waiter, uint32_t first, uint32_t end,
                          struct splitter_receiver receiver)
{
    *splitter = (struct record_splitter){
        .pool = pool,
        .waiter = waiter,
        .receiver = receiver,
        .next = first,
        .end = end,
        .eager_at = EAGER_FIRST,
    };
}

void record_splitter_init_blob(struct record_splitter *splitter, struct block_pool *pool,
                               struct block_waiter *waiter, uint32_t first, uint64_t len,
                               struct splitter_receiver receiver)
{
    uint64_t blocks = (len + BLOB_BLOCK_BYTES - 1) / BLOB_BLOCK_BYTES;
    record_splitter_init(splitter, pool, waiter, first, first + (uint32_t)blocks,
                         receiver);
    splitter->is_blob = true;
    splitter->blob_left = len;
}

void record_splitter_release(struct record_splitter *splitter)
{
    record_run_free(splitter->run, splitter->pool);
    splitter->run = NULL;
    splitter->tail = NULL;
}

static void hand_over(struct record_splitter *splitter)
{
    struct record_run *run = splitter->run;
    splitter->run = NULL;
    splitter->tail = NULL;
    if (run) {
        splitter->receiver.on_run(splitter->receiver.ctx, run);
    }
}

static bool block_has_room(const struct record_splitter *splitter,
                           const struct chunk_record *record)
{
    return splitter->tail && NETWORK_BLOCK_BYTES - splitter->tail->len >=
                                 RECORD_HEADER_BYTES + record->packed_len;
}

// Whether `record` has to begin a new run: the open one is full, or it would need a further
// block while other transfers need their first.
static bool run_is_full(const struct record_splitter *splitter,
                        const struct chunk_record *record)
{
    const struct record_run *run = splitter->run;
    if (run->n == RUN_CHUNKS_MAX || run->len + record->len > RUN_BYTES_MAX) {
        return true;
    }
    return !block_has_room(splitter, record) && !block_pool_is_roomy(splitter->pool);
}

// Sees to it that there is a run that may take `record`.
static enum err open_run(struct record_splitter *splitter,
                         const struct chunk_record *record)
{
    if (splitter->run && run_is_full(splitter, record)) {
        hand_over(splitter);
    }
    if (splitter->run) {
        return ERR_NONE;
    }
    struct record_run *run = calloc(1, sizeof(*run));
    if (!run) {
        return ERR_NO_MEMORY;
    }
    run->first = splitter->next;
    run->at = splitter->at;
    splitter->run = run;
    return ERR_NONE;
}

// Sees to it that the run's last block has room for `record`. ERR_PARKED: none to be had.
static enum err open_block(struct record_splitter *splitter,
                           const struct chunk_record *record)
{
    if (block_has_room(splitter, record)) {
        return ERR_NONE;
    }
    struct network_block *block = block_pool_take(splitter->pool, splitter->waiter);
    if (!block) {
        if (splitter->tail) {
            hand_over(splitter);
        } else {
            record_splitter_release(splitter);
        }
        return ERR_PARKED;
    }
    if (splitter->tail) {
        splitter->tail->next = block;
    } else {
        splitter->run->blocks = block;
    }
    splitter->tail = block;
    return ERR_NONE;
}

// Puts the header of the next record into a block; its packed bytes follow.
static enum err open_record(struct record_splitter *splitter,
                            const struct chunk_record *record, struct why *why)
{
    const struct splitter_receiver *receiver = &splitter->receiver;
    enum err err = open_run(splitter, record);
    if (!err) {
        err = open_block(splitter, record);
    }
    if (!err) {
        err = receiver->on_chunk(receiver->ctx, splitter->next, splitter->at, why);
    }
    if (!err && splitter->next + 1 == splitter->end) {
        err = receiver->on_chunk(receiver->ctx, splitter->end, splitter->at + record->len,
                                 why);
    }
    if (err) {
        return err;
    }
    memcpy(splitter->tail->bytes + splitter->tail->len, splitter->header,
           RECORD_HEADER_BYTES);
    splitter->tail->len += RECORD_HEADER_BYTES;
    splitter->run->n++;
    splitter->run->len += record->len;
    splitter->next++;
    splitter->at += record->len;
    splitter->blob_left -= splitter->is_blob ? record->len : 0;
    splitter->header_len = 0;
    splitter->record = *record;
    splitter->left = record->packed_len;
    return ERR_NONE;
}

// Completes the header that is being collected; returns how many bytes that took.
static size_t take_header(struct record_splitter *splitter, const uint8_t *bytes,
                          size_t len)
{
    if (splitter->is_blob) {
        uint32_t block = splitter->blob_left < BLOB_BLOCK_BYTES
                             ? (uint32_t)splitter->blob_left
                             : BLOB_BLOCK_BYTES;
        splitter->header[0] = 0;
        store_u24(splitter->header + 1, block);
        splitter->header[4] = RECORD_PLAIN;
        store_u24(splitter->header + 5, block);
        splitter->header_len = RECORD_HEADER_BYTES;
        return 0;
    }
    size_t take = RECORD_HEADER_BYTES - splitter->header_len;
    take = take < len ? take : len;
    memcpy(splitter->header + splitter->header_len, bytes, take);
    splitter->header_len += (uint32_t)take;
    return take;
}

static enum err begin_record(struct record_splitter *splitter, struct why *why)
{
    if (splitter->next == splitter->end) {
        return why_set(why, ERR_BAD_ANSWER, "there are more bytes than its %u chunks",
                       splitter->end);
    }
    struct chunk_record record;
    enum err err = chunk_record_parse(splitter->header, why, &record);
    if (err) {
        return why_prefix(why, err, "chunk %u", splitter->next);
    }
    return open_record(splitter, &record, why);
}

static size_t take_packed(struct record_splitter *splitter, const uint8_t *bytes,
                          size_t len)
{
    size_t take = splitter->left < len ? splitter->left : len;
    memcpy(splitter->tail->bytes + splitter->tail->len, bytes, take);
    splitter->tail->len += take;
    splitter->left -= (uint32_t)take;
    bool is_last = splitter->next == splitter->end;
    bool is_enough = splitter->is_eager && splitter->run->len >= splitter->eager_at;
    if (splitter->left == 0 && (is_last || is_enough)) {
        splitter->eager_at *= splitter->eager_at < EAGER_MOST ? 2 : 1;
        hand_over(splitter);
    }
    return take;
}

enum err record_splitter_feed(struct record_splitter *splitter, const uint8_t *bytes,
                              size_t len, struct why *why)
{
    size_t at = splitter->skip < len ? (size_t)splitter->skip : len;
    splitter->skip -= at;
    // A complete header whose block was refused is tried again even without further bytes.
    while (at < len || splitter->header_len == RECORD_HEADER_BYTES) {
        if (splitter->left > 0) {
            at += take_packed(splitter, bytes + at, len - at);
            continue;
        }
        if (splitter->header_len < RECORD_HEADER_BYTES) {
            at += take_header(splitter, bytes + at, len - at);
        }
        if (splitter->header_len < RECORD_HEADER_BYTES) {
            continue;
        }
        enum err err = begin_record(splitter, why);
        if (err == ERR_PARKED) {
            splitter->skip += at; // the whole offer will come again
        }
        if (err) {
            return err;
        }
    }
    return ERR_NONE;
}

// Takes the record that is not whole back out of the run.
static void drop_open_record(struct record_splitter *splitter)
{
    struct record_run *run = splitter->run;
    uint32_t here = splitter->record.packed_len - splitter->left;
    splitter->tail->len -= RECORD_HEADER_BYTES + here;
    splitter->next--;
    splitter->at -= splitter->record.len;
    splitter->left = 0;
    run->n--;
    run->len -= splitter->record.len;
    if (run->n == 0) {
        record_splitter_release(splitter);
    }
}

enum err record_splitter_finish(struct record_splitter *splitter, struct why *why)
{
    if (splitter->left > 0) {
        drop_open_record(splitter);
    }
    hand_over(splitter);
    if (splitter->next != splitter->end) {
        return why_set(why, ERR_TRUNCATED, "its bytes end before chunk %u of %u",
                       splitter->next, splitter->end);
    }
    return ERR_NONE;
}
