// SPDX-License-Identifier: Apache-2.0
// One's own file is not downloaded again: when a xorb has arrived, its records are read back
// from the unnamed file, decoded, and put into the chunk store. A slice of about 1 MiB a job,
// in the background, so that neither readers nor the rest of the upload wait. What can't be
// stored is fetched later, like anything else.
#include "xet/upload_state.h"

#include "xet/chunk_record.h"

#include <string.h>

enum { SLICE_BYTES = 1024 * 1024 };

struct storing {
    struct record_decoder decoder;
    size_t next; // chunk
    uint64_t at; // of its record
    uint8_t *records;
    uint8_t *bytes;
    uint32_t ends[RUN_CHUNKS_MAX];
    struct digest hashes[RUN_CHUNKS_MAX];
};

static void free_storing(struct storing *storing)
{
    if (storing) {
        record_decoder_release(&storing->decoder);
        free(storing->records);
        free(storing->bytes);
        free(storing);
    }
}

static struct storing *new_storing(void)
{
    struct storing *storing = calloc(1, sizeof(*storing));
    if (!storing) {
        return NULL;
    }
    storing->records = malloc(RECORD_HEADER_BYTES + CHUNK_BYTES_MAX);
    storing->bytes = malloc(SLICE_BYTES);
    if (!storing->records || !storing->bytes || record_decoder_init(&storing->decoder)) {
        free_storing(storing);
        return NULL;
    }
    return storing;
}

// One record of ours, which is never longer than the chunk and its header.
static enum err decode_next(struct flight *flight, uint8_t *to)
{
    struct storing *storing = flight->storing;
    const struct xorb *xorb = &flight->xorb;
    struct chunk_record record;
    uint64_t left = xorb->len - storing->at;
    uint64_t longest = RECORD_HEADER_BYTES + xorb->chunks[storing->next].len;
    enum err err = file_pread(xorb->fd, storing->records,
                              (size_t)(left < longest ? left : longest), storing->at);
    if (!err) {
        err = chunk_record_parse(storing->records, NULL, &record);
    }
    if (!err && (record.len != xorb->chunks[storing->next].len ||
                 record.packed_len + RECORD_HEADER_BYTES > longest)) {
        err = ERR_MALFORMED;
    }
    if (!err) {
        err = chunk_record_decode(&storing->decoder, &record,
                                  storing->records + RECORD_HEADER_BYTES, NULL, to);
        storing->at += RECORD_HEADER_BYTES + record.packed_len;
    }
    return err;
}

static enum err store_slice(struct flight *flight)
{
    struct storing *storing = flight->storing;
    const struct xorb *xorb = &flight->xorb;
    const struct object_id object = {OBJECT_XORB, xorb->hash};
    size_t first = storing->next;
    uint32_t n = 0;
    uint32_t len = 0;
    while (storing->next < xorb->n && n < RUN_CHUNKS_MAX &&
           len + xorb->chunks[storing->next].len <= SLICE_BYTES) {
        enum err err = decode_next(flight, storing->bytes + len);
        if (err) {
            return err;
        }
        storing->hashes[n] = xorb->chunks[storing->next].hash;
        len += xorb->chunks[storing->next++].len;
        storing->ends[n++] = len;
    }
    return chunk_store_put(flight->upload->config.store, &object, (uint32_t)first, n,
                           storing->ends, storing->hashes, storing->bytes, len);
}

static void end_flight(struct flight *flight)
{
    struct xet_upload *upload = flight->upload;
    free_storing(flight->storing);
    flight->storing = NULL;
    xorb_release(&flight->xorb);
    lock_acquire(&upload->bell.lock);
    flight->state = FLIGHT_FREE;
    bell_ring(&upload->bell);
    lock_release(&upload->bell.lock);
}

static void run_store(struct job *job)
{
    struct flight *flight = (struct flight *)job;
    enum err err = store_slice(flight);
    if (err) {
        log_debug("xet", "a part of what was uploaded could not be kept: %s",
                  err_name(err));
    }
    if (!err && flight->storing->next < flight->xorb.n) {
        worker_pool_submit(flight->upload->config.pool, &flight->job, JOB_BACKGROUND);
        return;
    }
    end_flight(flight);
}

void upload_store_begin(struct flight *flight)
{
    struct xet_upload *upload = flight->upload;
    flight->storing = upload->config.store ? new_storing() : NULL;
    if (!flight->storing) {
        end_flight(flight);
        return;
    }
    lock_acquire(&upload->bell.lock);
    flight->state = FLIGHT_STORING;
    lock_release(&upload->bell.lock);
    flight->job.run = run_store;
    worker_pool_submit(upload->config.pool, &flight->job, JOB_BACKGROUND);
}
