// SPDX-License-Identifier: Apache-2.0
// hub_cancel() is here too, so that a test which makes this Hub links none of hub/ and none
// of the reading fake.
#include "tests/unit/xet/fake_upload_inside.h"

#include "xet/shard_format.h"
#include "xet/xet_hash.h"

#include <string.h>

static const struct digest KEY = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};

struct hub *fake_upload_hub_new(struct worker_pool *pool)
{
    struct hub *hub = calloc(1, sizeof(*hub));
    hub->pool = pool;
    lock_init(&hub->lock);
    return hub;
}

void fake_upload_hub_free(struct hub *hub)
{
    fake_upload_forget(hub);
    lock_destroy(&hub->lock);
    free(hub);
}

void fake_upload_hub_fault(struct hub *hub, enum fake_upload_fault fault, unsigned n)
{
    lock_acquire(&hub->lock);
    hub->fault = fault;
    hub->fault_in = n;
    lock_release(&hub->lock);
}

void fake_upload_hub_answer(struct hub *hub, bool answers, bool is_keyed)
{
    hub->answers = answers;
    hub->is_keyed = is_keyed;
}

struct fake_upload_counts fake_upload_hub_counts(struct hub *hub)
{
    lock_acquire(&hub->lock);
    struct fake_upload_counts counts = hub->counts;
    hub->counts = (struct fake_upload_counts){0};
    lock_release(&hub->lock);
    return counts;
}

// ---------------------------------------------------------------- queries

static void append_answer(struct hub *hub, const struct stored *xorb, struct buffer *out)
{
    uint8_t record[SHARD_RECORD_BYTES] = {0};
    memcpy(record, &xorb->hash, 32);
    store_u32(record + 36, xorb->n);
    (void)!buffer_append(out, record, sizeof(record));
    for (uint32_t i = 0; i < xorb->n; i++) {
        struct digest name = xorb->chunks[i];
        if (hub->is_keyed) {
            xet_hash_keyed(&KEY, &xorb->chunks[i], &name);
        }
        memcpy(record, &name, 32);
        store_u32(record + 32, i > 0 ? xorb->ends[i - 1] : 0);
        store_u32(record + 36, fake_upload_length(xorb, i, i + 1));
        (void)!buffer_append(out, record, sizeof(record));
    }
}

static enum err answer_query(struct hub *hub, const struct digest *chunk,
                             struct buffer *out)
{
    uint8_t header[SHARD_RECORD_BYTES];
    uint8_t footer[SHARD_FOOTER_BYTES] = {1};
    memcpy(header, SHARD_TAG, 32);
    store_u64(header + 32, 2);
    store_u64(header + 40, SHARD_FOOTER_BYTES);
    if (hub->is_keyed) {
        memcpy(footer + SHARD_KEY_AT, KEY.bytes, 32);
    }
    (void)!buffer_append(out, header, sizeof(header));
    (void)!buffer_append(out, SHARD_BOOKEND, SHARD_RECORD_BYTES);
    enum err err = hub->fault == UPLOAD_FAULT_QUERY ? ERR_SERVER : ERR_NOT_FOUND;
    lock_acquire(&hub->lock);
    hub->counts.queries++;
    for (size_t i = 0; i < hub->n_stored && err == ERR_NOT_FOUND && hub->answers; i++) {
        for (uint32_t k = 0; k < hub->stored[i].n; k++) {
            if (digest_equal(&hub->stored[i].chunks[k], chunk)) {
                append_answer(hub, &hub->stored[i], out);
                err = ERR_NONE;
                break;
            }
        }
    }
    lock_release(&hub->lock);
    (void)!buffer_append(out, SHARD_BOOKEND, SHARD_RECORD_BYTES);
    (void)!buffer_append(out, footer, sizeof(footer));
    return err;
}

// ---------------------------------------------------------------- the verbs

static void end_call(struct verb_call *call, enum err err)
{
    struct hub *hub = call->hub;
    struct why why = {"the fake Hub says no"};
    lock_acquire(&hub->lock);
    hub->under_way -= call->verb == VERB_XORB;
    lock_release(&hub->lock);
    call->done(call->ctx, err, &why);
    free(call);
}

static void run_call(struct job *job)
{
    struct verb_call *call = (struct verb_call *)job;
    if (call->verb == VERB_QUERY) {
        AUTO(buffer) struct buffer out = buffer_init(1 << 24);
        enum err err = answer_query(call->hub, &call->hash, &out);
        call->answer(call->ctx, err, NULL, err ? NULL : out.bytes, err ? 0 : out.len);
        free(call);
        return;
    }
    end_call(call, call->verb == VERB_XORB ? fake_upload_take_xorb(call->hub, call)
                                           : fake_upload_take_shard(call->hub, call));
}

static hub_ticket begin_call(struct hub *hub, const struct verb_call *wanted)
{
    struct verb_call *call = malloc(sizeof(*call));
    *call = *wanted;
    call->hub = hub;
    call->job.run = run_call;
    lock_acquire(&hub->lock);
    hub_ticket ticket = call->ticket = ++hub->last_ticket;
    hub->under_way += call->verb == VERB_XORB;
    if (hub->under_way > hub->counts.under_way) {
        hub->counts.under_way = hub->under_way;
    }
    bool hangs = call->verb == VERB_XORB && hub->fault == UPLOAD_FAULT_HANG;
    if (hangs) {
        hub->hanging[hub->n_hanging++] = call;
    }
    lock_release(&hub->lock);
    if (!hangs) {
        worker_pool_submit(hub->pool, &call->job, JOB_DEMAND);
    }
    return ticket;
}

void hub_cancel(struct hub *hub, hub_ticket ticket)
{
    struct verb_call *found = NULL;
    lock_acquire(&hub->lock);
    for (size_t i = 0; i < hub->n_hanging; i++) {
        if (hub->hanging[i] && hub->hanging[i]->ticket == ticket) {
            found = hub->hanging[i];
            hub->hanging[i] = NULL;
        }
    }
    lock_release(&hub->lock);
    if (found) {
        end_call(found, ERR_CANCELLED);
    }
}

hub_ticket cas_query_chunk(struct hub *hub, const struct hub_call *call,
                           const struct hub_target *target, const struct digest *chunk,
                           cas_chunk_query_fn done, void *ctx)
{
    (void)call;
    (void)target;
    return begin_call(
        hub, &(struct verb_call){
                 .verb = VERB_QUERY, .hash = *chunk, .answer = done, .ctx = ctx});
}

hub_ticket cas_upload_xorb(struct hub *hub, const struct hub_call *call,
                           const struct hub_target *target, const struct digest *xorb,
                           int fd, uint64_t offset, uint64_t len, uint64_t crc64nvme,
                           hub_done_fn done, void *ctx)
{
    (void)call;
    (void)target;
    (void)offset;
    return begin_call(hub, &(struct verb_call){.verb = VERB_XORB,
                                               .hash = *xorb,
                                               .fd = fd,
                                               .len = len,
                                               .crc = crc64nvme,
                                               .done = done,
                                               .ctx = ctx});
}

hub_ticket cas_upload_shard(struct hub *hub, const struct hub_call *call,
                            const struct hub_target *target, int fd, uint64_t offset,
                            uint64_t len, hub_done_fn done, void *ctx)
{
    (void)call;
    (void)target;
    (void)offset;
    return begin_call(
        hub, &(struct verb_call){
                 .verb = VERB_SHARD, .fd = fd, .len = len, .done = done, .ctx = ctx});
}
