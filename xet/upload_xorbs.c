// SPDX-License-Identifier: Apache-2.0
// Decisions run ahead of records: a fresh chunk gets its place in a xorb when it is decided
// about, and its record arrives there, in the same order, when it has been packed. Both sides
// know the limits by the plain lengths alone, so they agree where a xorb ends.
#include "xet/upload_state.h"

// A xorb of 64 MiB may take long on a slow line; the caller can cancel at any time, and what
// stalls altogether is noticed by hub/.
enum { SEND_MS = 30 * 60 * 1000 };

// ---------------------------------------------------------------- places

enum err upload_place_fresh(struct xet_upload *upload, const struct digest *hash,
                            uint32_t len, struct chunk_place *out)
{
    bool is_full =
        upload->open_n == XORB_CHUNKS_MAX || upload->open_raw + len > XORB_RAW_MAX;
    if (!upload->has_open || is_full) {
        enum err err = uploads_open_xorb(upload->uploads, &upload->open_xorb);
        if (err) {
            return err;
        }
        upload->has_open = true;
        upload->open_n = 0;
        upload->open_raw = 0;
    }
    *out = (struct chunk_place){upload->open_xorb, upload->open_n++};
    upload->open_raw += len;
    chunk_index_add(upload->uploads->chunks, hash, *out);
    return ERR_NONE;
}

// ---------------------------------------------------------------- flights

static void xorb_sent(void *ctx, enum err err, const struct why *why)
{
    struct flight *flight = ctx;
    struct xet_upload *upload = flight->upload;
    lock_acquire(&upload->bell.lock);
    flight->err = err;
    flight->why = why ? *why : (struct why){{0}};
    flight->state = FLIGHT_SENT;
    bell_ring(&upload->bell);
    lock_release(&upload->bell.lock);
}

static enum err land(struct xet_upload *upload, struct flight *flight)
{
    struct own_xorb *own = &upload->uploads->xorbs[flight->number];
    if (flight->err) {
        own->state = OWN_DEAD;
        upload->why = upload->err ? upload->why : flight->why;
        enum err err = flight->err;
        xorb_release(&flight->xorb);
        lock_acquire(&upload->bell.lock);
        flight->state = FLIGHT_FREE;
        lock_release(&upload->bell.lock);
        return upload_fail(upload, err);
    }
    own->state = OWN_UP;
    upload->progress.sent += flight->xorb.len;
    upload_store_begin(flight);
    return ERR_NONE;
}

static enum flight_state state_of(struct flight *flight)
{
    lock_acquire(&flight->upload->bell.lock);
    enum flight_state state = flight->state;
    lock_release(&flight->upload->bell.lock);
    return state;
}

enum err upload_reap_flights(struct xet_upload *upload)
{
    for (size_t i = 0; i < UPLOAD_FLIGHTS; i++) {
        struct flight *flight = &upload->flights[i];
        if (state_of(flight) == FLIGHT_SENT) {
            enum err err = land(upload, flight);
            if (err) {
                return err;
            }
            upload_tell_progress(upload);
        }
    }
    return upload->err;
}

static struct flight *free_flight(struct xet_upload *upload)
{
    unsigned sending = 0;
    struct flight *found = NULL;
    lock_acquire(&upload->bell.lock);
    for (size_t i = 0; i < UPLOAD_FLIGHTS; i++) {
        struct flight *flight = &upload->flights[i];
        sending += flight->state == FLIGHT_SENDING || flight->state == FLIGHT_SENT;
        if (flight->state == FLIGHT_FREE) {
            found = flight;
        }
    }
    lock_release(&upload->bell.lock);
    return sending < UPLOAD_SENDING_MAX ? found : NULL;
}

static enum err await_flight(struct xet_upload *upload, struct flight **out)
{
    for (;;) {
        uint64_t rings = bell_rings(&upload->bell);
        enum err err = upload_reap_flights(upload);
        if (err) {
            return err;
        }
        *out = free_flight(upload);
        if (*out) {
            return ERR_NONE;
        }
        err = upload_wait(upload, rings, DEADLINE_NONE);
        if (err) {
            return upload_fail(upload, err);
        }
    }
}

// ---------------------------------------------------------------- cutting and sending

static enum err cut(struct xet_upload *upload)
{
    struct flight *flight;
    enum err err = await_flight(upload, &flight);
    if (err) {
        return err;
    }
    xorb_builder_finish(upload->builder, &flight->xorb);
    xorb_builder_free(upload->builder);
    upload->builder = NULL;
    flight->number = upload->building;
    err = uploads_cut_xorb(upload->uploads, flight->number, &flight->xorb, &upload->why);
    if (err) {
        xorb_release(&flight->xorb);
        return upload_fail(upload, err);
    }
    upload->uploads->xorbs[flight->number].state = OWN_SENT;
    lock_acquire(&upload->bell.lock);
    flight->state = FLIGHT_SENDING;
    lock_release(&upload->bell.lock);
    const struct hub_call call = {
        .class = HUB_DEMAND, .deadline_ms = clock_now_ms() + SEND_MS, .reason = "upload"};
    flight->ticket = cas_upload_xorb(
        upload->config.hub, &call, &upload->config.target, &flight->xorb.hash,
        flight->xorb.fd, 0, flight->xorb.len, flight->xorb.crc64nvme, xorb_sent, flight);
    return ERR_NONE;
}

static enum err append_group(struct xet_upload *upload, const struct upload_batch *batch,
                             uint32_t first, uint32_t end)
{
    struct xorb_chunk chunks[BATCH_CHUNKS];
    size_t n = 0;
    for (uint32_t i = first; i < end; i++) {
        const struct batch_chunk *chunk = &batch->chunks[i];
        if (chunk->is_fresh) {
            chunks[n++] = (struct xorb_chunk){chunk->hash, chunk->len, chunk->is_first};
        }
    }
    uint32_t from = first > 0 ? batch->chunks[first - 1].record_end : 0;
    uint32_t to = batch->chunks[end - 1].record_end;
    enum err err = upload->builder ? ERR_NONE
                                   : xorb_builder_new(upload->uploads->dir, &upload->why,
                                                      &upload->builder);
    if (!err) {
        err = xorb_builder_add(upload->builder, chunks, n, batch->records + from,
                               to - from, &upload->why);
    }
    return err ? upload_fail(upload, err) : ERR_NONE;
}

enum err upload_append(struct xet_upload *upload, const struct upload_batch *batch)
{
    for (uint32_t i = 0; i < batch->n;) {
        if (!batch->chunks[i].is_fresh) {
            i++;
            continue;
        }
        uint32_t xorb = batch->chunks[i].xorb;
        enum err err =
            upload->builder && upload->building != xorb ? cut(upload) : ERR_NONE;
        uint32_t end = i + 1;
        while (end < batch->n &&
               (!batch->chunks[end].is_fresh || batch->chunks[end].xorb == xorb)) {
            end++;
        }
        if (!err) {
            upload->building = xorb;
            err = append_group(upload, batch, i, end);
        }
        if (err) {
            return err;
        }
        i = end;
    }
    return ERR_NONE;
}

// ---------------------------------------------------------------- the end

static bool is_sending(struct xet_upload *upload)
{
    bool is_sending = false;
    lock_acquire(&upload->bell.lock);
    for (size_t i = 0; i < UPLOAD_FLIGHTS; i++) {
        enum flight_state state = upload->flights[i].state;
        is_sending = is_sending || state == FLIGHT_SENDING || state == FLIGHT_SENT;
    }
    lock_release(&upload->bell.lock);
    return is_sending;
}

enum err upload_send_all(struct xet_upload *upload)
{
    enum err err = upload->builder ? cut(upload) : ERR_NONE;
    upload->has_open = false;
    while (!err && is_sending(upload)) {
        uint64_t rings = bell_rings(&upload->bell);
        err = upload_reap_flights(upload);
        if (!err && is_sending(upload)) {
            err = upload_wait(upload, rings, DEADLINE_NONE);
        }
    }
    return err ? upload_fail(upload, err) : ERR_NONE;
}

// A xorb that arrives while it is being cancelled has arrived nevertheless.
void upload_end_flights(struct xet_upload *upload)
{
    for (size_t i = 0; i < UPLOAD_FLIGHTS; i++) {
        struct flight *flight = &upload->flights[i];
        if (state_of(flight) == FLIGHT_SENDING) {
            hub_cancel(upload->config.hub, flight->ticket);
        }
    }
    for (size_t i = 0; i < UPLOAD_FLIGHTS; i++) {
        struct flight *flight = &upload->flights[i];
        lock_acquire(&upload->bell.lock);
        while (flight->state == FLIGHT_SENDING) {
            condition_wait(&upload->bell.rung, &upload->bell.lock);
        }
        bool is_sent = flight->state == FLIGHT_SENT;
        lock_release(&upload->bell.lock);
        if (is_sent) {
            (void)!land(upload, flight);
        }
        lock_acquire(&upload->bell.lock);
        while (flight->state != FLIGHT_FREE) {
            condition_wait(&upload->bell.rung, &upload->bell.lock);
        }
        lock_release(&upload->bell.lock);
    }
}
