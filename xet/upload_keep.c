// SPDX-License-Identifier: Apache-2.0
// What is sent goes to the chunk store when it has arrived (upload_store.c). What the server has
// already, but this machine has not, goes there now, while its bytes are at hand: nobody downloads what
// he has written himself.
#include "xet/upload_run.h"

// Chunks [from, from + n) of the batch are chunks [first, first + n) of an xorb.
struct stretch {
    uint32_t from;
    uint32_t n;
    uint32_t xorb;
    uint32_t first;
};

// Those of this session are stored when they have arrived.
static bool is_elsewhere(const struct xet_upload *upload, const struct batch_chunk *chunk)
{
    const struct xet_uploads *uploads = upload->uploads;
    return !chunk->is_fresh && ((chunk->xorb & FOREIGN_XORB) != 0 ||
                                uploads->xorbs[chunk->xorb].session != uploads->sessions);
}

static struct stretch stretch_at(const struct xet_upload *upload,
                                 const struct upload_batch *batch, uint32_t from)
{
    const struct batch_chunk *chunks = batch->chunks;
    struct stretch stretch = {from, 1, chunks[from].xorb, chunks[from].number};
    while (from + stretch.n < batch->n && stretch.n < RUN_CHUNKS_MAX) {
        const struct batch_chunk *next = &chunks[from + stretch.n];
        if (!is_elsewhere(upload, next) || next->xorb != stretch.xorb ||
            next->number != stretch.first + stretch.n) {
            break;
        }
        stretch.n++;
    }
    return stretch;
}

static bool is_here(const struct xet_upload *upload, const struct object_id *object,
                    const struct stretch *stretch)
{
    uint32_t n = 0;
    uint64_t bytes = 0;
    chunk_store_extent(upload->config.store, object, stretch->first, stretch->n, &n,
                       &bytes);
    return n == stretch->n;
}

static bool are_as_listed(const struct upload_batch *batch, const struct stretch *stretch)
{
    for (uint32_t i = 0; i < stretch->n; i++) {
        if (!batch_is_as_listed(batch, &batch->chunks[stretch->from + i])) {
            return false;
        }
    }
    return true;
}

static enum err keep(struct run *run, struct upload_batch *batch,
                     const struct stretch *stretch)
{
    struct xet_upload *upload = run->upload;
    const struct batch_chunk *chunks = batch->chunks + stretch->from;
    const struct object_id object = {OBJECT_XORB,
                                     *upload_xorb_hash(upload, stretch->xorb)};
    uint32_t ends[RUN_CHUNKS_MAX];
    struct digest hashes[RUN_CHUNKS_MAX];
    uint32_t len = 0;
    if (is_here(upload, &object, stretch)) {
        return ERR_NONE;
    }
    enum err err = run_read_listed(run, batch, stretch->from, stretch->from + stretch->n);
    if (err || !are_as_listed(batch, stretch)) {
        return err; // whoever reads it will tell
    }
    for (uint32_t i = 0; i < stretch->n; i++) {
        len += chunks[i].len;
        ends[i] = len;
        hashes[i] = chunks[i].hash;
    }
    err = chunk_store_put(upload->config.store, &object, stretch->first, stretch->n, ends,
                          hashes, batch->bytes + chunks[0].at, len);
    if (err) {
        log_debug("xet", "a part of what the server has could not be kept: %s",
                  err_name(err));
    }
    return ERR_NONE;
}

enum err run_keep(struct run *run, struct upload_batch *batch)
{
    enum err err = ERR_NONE;
    if (!run->upload->config.store) {
        return ERR_NONE;
    }
    for (uint32_t i = 0; i < batch->n && !err;) {
        struct stretch stretch = {.n = 1};
        if (is_elsewhere(run->upload, &batch->chunks[i])) {
            stretch = stretch_at(run->upload, batch, i);
            err = keep(run, batch, &stretch);
        }
        i += stretch.n;
    }
    return err;
}
