// SPDX-License-Identifier: Apache-2.0
// One file's way through the batches. They are filled, decided about and retired in order:
//
//   fill ──hash──> ask ──answers──> decide ──pack──> retire (records to the xorb)
//     └──SHA-256, in order ──────────────────────────^
//
// With a scan there is nothing to cut and to hash, and only what must be sent is read.
// Whichever step can be taken is; the session sleeps when all of them wait for the pool.
#include "xet/upload_run.h"

#include <string.h>

enum { BASE_CHUNKS_MAX = 128 * 1024 };

static struct upload_batch *batch_at(struct run *run, uint64_t number)
{
    return &run->upload->batches[number % UPLOAD_BATCHES];
}

static struct upload_batch *begin_batch(struct run *run)
{
    struct upload_batch *batch = batch_at(run, run->filled);
    batch->serial = ++run->upload->batch_serial;
    batch->offset = run->batched;
    batch->len = 0;
    batch->n = 0;
    batch->is_listed = run->listed != NULL;
    batch->is_asked = false;
    batch->is_decided = false;
    batch->is_stale = false;
    batch->is_hashed = false;
    batch->is_packed = false;
    batch->is_in_sha = false;
    return batch;
}

static void add_chunk(struct upload_batch *batch, uint32_t len)
{
    struct batch_chunk *chunk = &batch->chunks[batch->n];
    *chunk = (struct batch_chunk){
        .at = batch->len, .len = len, .is_first = batch->offset + batch->len == 0};
    batch->n++;
    batch->len += len;
}

// ---------------------------------------------------------------- fill

// Cuts bytes [from, to) of the batch; at the end of the file what is left is a chunk.
static void cut_batch(struct run *run, struct upload_batch *batch, size_t from, size_t to)
{
    while (from < to) {
        bool is_end;
        from += chunker_feed(&run->chunker, batch->bytes + from, to - from, &is_end);
        if (is_end) {
            add_chunk(batch, (uint32_t)from - batch->len);
        }
    }
    if (run->read == run->file->size && batch->len < to) {
        add_chunk(batch, (uint32_t)to - batch->len);
    }
    run->carry_len = to - batch->len;
    memcpy(run->carry, batch->bytes + batch->len, run->carry_len);
}

static enum err fill_by_reading(struct run *run)
{
    struct upload_batch *batch = begin_batch(run);
    size_t at = run->carry_len;
    uint64_t left = run->file->size - run->read;
    size_t len = left < BATCH_BYTES - at ? (size_t)left : BATCH_BYTES - at;
    memcpy(batch->bytes, run->carry, at);
    enum err err = run->file->read(run->file->ctx, run->read, batch->bytes + at, len,
                                   &run->upload->why);
    if (err) {
        return err;
    }
    run->read += len;
    cut_batch(run, batch, at, at + len);
    run->batched += batch->len;
    run->filled++;
    batch_hash(batch);
    batch_sha(batch);
    return ERR_NONE;
}

static void fill_by_list(struct run *run)
{
    struct upload_batch *batch = begin_batch(run);
    while (run->next_listed < run->listed->n && batch->n < BATCH_CHUNKS &&
           batch->len + run->listed->chunks[run->next_listed].len <= BATCH_BYTES) {
        const struct xet_chunk *listed = &run->listed->chunks[run->next_listed++];
        add_chunk(batch, listed->len);
        batch->chunks[batch->n - 1].hash = listed->hash;
    }
    run->batched += batch->len;
    run->filled++;
    batch->is_hashed = true;
}

static bool has_hashes(struct run *run, struct upload_batch *batch)
{
    lock_acquire(&run->upload->bell.lock);
    bool is_hashed = batch->is_hashed;
    lock_release(&run->upload->bell.lock);
    return is_hashed;
}

static bool may_decide(struct run *run, struct upload_batch *batch)
{
    return batch->is_asked && (!upload_is_asking(run->upload, batch) ||
                               clock_now_ms() >= batch->wait_until_ms);
}

// ---------------------------------------------------------------- retire

static bool may_retire(struct run *run, struct upload_batch *batch)
{
    lock_acquire(&run->upload->bell.lock);
    bool is_done = batch->is_decided && batch->is_packed && !batch->is_in_sha;
    lock_release(&run->upload->bell.lock);
    return is_done;
}

static enum err retire(struct run *run, struct upload_batch *batch)
{
    struct xet_upload *upload = run->upload;
    if (batch->is_stale) {
        return why_set(&upload->why, ERR_STALE,
                       "the content changed while it was being uploaded");
    }
    enum err err = upload_append(upload, batch);
    if (!err) {
        err = upload_reap_flights(upload);
    }
    run->retired++;
    upload->progress.read += batch->len;
    upload_tell_progress(upload);
    return err;
}

// ---------------------------------------------------------------- the steps

static bool is_filled_up(struct run *run)
{
    return run->listed ? run->next_listed == run->listed->n
                       : run->read == run->file->size;
}

static void ask(struct run *run)
{
    for (uint64_t i = run->decided; i < run->filled; i++) {
        struct upload_batch *batch = batch_at(run, i);
        if (!has_hashes(run, batch)) {
            return;
        }
        if (!batch->is_asked) {
            upload_ask(run->upload, batch, run->file->size - batch->offset);
        }
    }
}

// Takes one step, if any can be taken.
static enum err take_step(struct run *run, bool *out_moved)
{
    *out_moved = true;
    if (run->retired < run->decided && may_retire(run, batch_at(run, run->retired))) {
        return retire(run, batch_at(run, run->retired));
    }
    upload_take_answers(run->upload);
    ask(run);
    if (run->decided < run->filled && may_decide(run, batch_at(run, run->decided))) {
        return run_decide(run, batch_at(run, run->decided));
    }
    if (!is_filled_up(run) && run->filled - run->retired < UPLOAD_BATCHES) {
        if (run->listed) {
            fill_by_list(run);
            return ERR_NONE;
        }
        return fill_by_reading(run);
    }
    *out_moved = false;
    return ERR_NONE;
}

static bool is_over(struct run *run)
{
    return is_filled_up(run) && run->retired == run->filled;
}

// Sleeps until a job or an answer has come since the bell was looked at.
static enum err sleep_a_while(struct run *run, uint64_t rings)
{
    int64_t until = DEADLINE_NONE;
    if (run->decided < run->filled && batch_at(run, run->decided)->is_asked) {
        until = batch_at(run, run->decided)->wait_until_ms;
    }
    return upload_wait(run->upload, rings, until);
}

static enum err run_steps(struct run *run)
{
    enum err err = ERR_NONE;
    while (!err && !is_over(run)) {
        bool has_moved;
        uint64_t rings = bell_rings(&run->upload->bell);
        err =
            upload_is_cancelled(run->upload) ? ERR_CANCELLED : take_step(run, &has_moved);
        if (!err && !has_moved) {
            err = sleep_a_while(run, rings);
        }
    }
    return err;
}

static enum err begin_run(struct run *run)
{
    struct xet_upload *upload = run->upload;
    term_list_init(&run->terms);
    chunker_init(&run->chunker);
    upload->crew.sha = run->listed ? NULL : sha_new(SHA_256);
    if (!run->listed && !upload->crew.sha) {
        return ERR_NO_MEMORY;
    }
    chunk_index_free(upload->base);
    upload->base = chunk_index_new(BASE_CHUNKS_MAX);
    if (!upload->base) {
        return ERR_NO_MEMORY;
    }
    run->base_is_known = !run->file->has_base ||
                         upload_learn_base(upload, &run->file->base, 0, run->file->size);
    return ERR_NONE;
}

static void end_run(struct run *run, enum err err)
{
    struct xet_upload *upload = run->upload;
    batch_crew_settle(&upload->crew);
    if (!err && run->listed) {
        run->file->sha256 = run->listed->sha256;
    } else if (!err) {
        sha_final_256(upload->crew.sha, &run->file->sha256);
    }
    sha_free(upload->crew.sha);
    upload->crew.sha = NULL;
    if (!err) {
        term_list_finish(&run->terms, &run->file->hash);
        free(run->file->terms);
        run->file->terms = STEAL_POINTER(run->terms.terms);
        run->file->n = run->terms.n;
    }
    term_list_release(&run->terms);
}

enum err upload_run_file(struct xet_upload *upload, struct upload_file *file,
                         const struct xet_chunk_list *listed)
{
    AUTO_FREE struct run *run = calloc(1, sizeof(*run));
    if (!run) {
        return upload_fail(upload, ERR_NO_MEMORY);
    }
    run->upload = upload;
    run->file = file;
    run->listed = listed;
    enum err err = begin_run(run);
    if (!err) {
        err = run_steps(run);
    }
    end_run(run, err);
    return err ? upload_fail(upload, err) : ERR_NONE;
}
