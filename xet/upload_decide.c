// SPDX-License-Identifier: Apache-2.0
// What becomes of each chunk: it is somewhere already, or it is sent.
#include "xet/upload_run.h"

enum { BASE_AROUND = 256 * 1024 };

// How many chunks from i on lie one after the other from `place` on; one that lasts to the
// end of the batch counts as long.
static uint32_t run_length(struct run *run, const struct upload_batch *batch, uint32_t i,
                           struct chunk_place place)
{
    for (uint32_t n = 1; i + n < batch->n; n++) {
        struct chunk_place wanted = {place.xorb, place.chunk + n};
        struct chunk_place found;
        if (!upload_find(run->upload, &batch->chunks[i + n].hash, &wanted, &found) ||
            found.xorb != wanted.xorb || found.chunk != wanted.chunk) {
            return n;
        }
    }
    return BATCH_CHUNKS;
}

static bool find_elsewhere(struct run *run, const struct upload_batch *batch, uint32_t i,
                           struct chunk_place *out)
{
    struct chunk_place next;
    bool has_next = term_list_next(&run->terms, &next);
    if (!upload_find(run->upload, &batch->chunks[i].hash, has_next ? &next : NULL, out)) {
        return false;
    }
    bool goes_on = has_next && out->xorb == next.xorb && out->chunk == next.chunk;
    return goes_on || run->terms.n < RANGES_WATCHED ||
           !term_list_refuses(&run->terms, run_length(run, batch, i, *out));
}

static void note_use(struct xet_upload *upload, uint32_t xorb)
{
    if (xorb & FOREIGN_XORB) {
        upload->uses_others = true;
        return;
    }
    struct own_xorb *own = &upload->uploads->xorbs[xorb];
    own->is_used = true;
    upload->uses_others =
        upload->uses_others || own->session != upload->uploads->sessions;
}

static enum err decide_chunk(struct run *run, struct upload_batch *batch, uint32_t i)
{
    struct xet_upload *upload = run->upload;
    struct batch_chunk *chunk = &batch->chunks[i];
    struct chunk_place place;
    chunk->is_fresh = !find_elsewhere(run, batch, i, &place);
    if (chunk->is_fresh) {
        enum err err = upload_place_fresh(upload, &chunk->hash, chunk->len, &place);
        if (err) {
            return err;
        }
        upload->progress.fresh += chunk->len;
    }
    chunk->xorb = place.xorb;
    chunk->number = place.chunk;
    note_use(upload, place.xorb);
    return term_list_add(&run->terms, place, &chunk->hash, chunk->len);
}

enum err run_read_listed(struct run *run, struct upload_batch *batch, uint32_t from,
                         uint32_t end)
{
    if (!batch->is_listed || from == end) {
        return ERR_NONE;
    }
    uint32_t at = batch->chunks[from].at;
    uint32_t to = batch->chunks[end - 1].at + batch->chunks[end - 1].len;
    return run->file->read(run->file->ctx, batch->offset + at, batch->bytes + at, to - at,
                           &run->upload->why);
}

// What a listed batch has to send is read now, neighbours at once.
static enum err read_fresh(struct run *run, struct upload_batch *batch)
{
    enum err err = ERR_NONE;
    for (uint32_t i = 0; i < batch->n && !err;) {
        uint32_t end = i;
        while (end < batch->n && batch->chunks[end].is_fresh) {
            end++;
        }
        err = run_read_listed(run, batch, i, end);
        i = end + 1;
    }
    return err;
}

enum err run_decide(struct run *run, struct upload_batch *batch)
{
    uint64_t from = batch->offset < BASE_AROUND ? 0 : batch->offset - BASE_AROUND;
    bool has_fresh = false;
    enum err err = ERR_NONE;
    if (run->file->has_base && !run->base_is_known) {
        (void)upload_learn_base(run->upload, &run->file->base, from,
                                batch->offset + batch->len + BASE_AROUND);
    }
    for (uint32_t i = 0; i < batch->n && !err; i++) {
        err = decide_chunk(run, batch, i);
        has_fresh = has_fresh || batch->chunks[i].is_fresh;
    }
    err = err ? err : run_keep(run, batch);
    err = err ? err : read_fresh(run, batch);
    if (err) {
        return err;
    }
    batch->is_decided = true;
    run->decided++;
    if (has_fresh) {
        batch_pack(batch);
    } else {
        batch->is_packed = true;
    }
    return ERR_NONE;
}
