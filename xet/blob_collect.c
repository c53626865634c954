// SPDX-License-Identifier: Apache-2.0
// Such blobs are the files of a repository that people read first (configurations, code,
// licences), and they have a hash that covers them whole: SHA-1 over git's header and the
// content. The queue bounds how many bytes are being collected at a time.
#include "xet/blob_collect.h"

#include "xet/blob_store.h"
#include "xet/commit_blobs.h"
#include "xet/fetch_unit.h"

#include <string.h>

struct blob_collect {
    struct job job;          // first: the pool gives it back
    struct fetch_unit *unit; // a reference
    size_t size;
    size_t len;
    uint8_t bytes[];
};

static void finish(struct blob_collect *collect, uint64_t missing, enum err err,
                   struct why *why)
{
    struct fetch_unit *unit = collect->unit;
    free(collect);
    fetch_unit_round_over(unit, missing, err, why);
}

static void submit(struct blob_collect *collect, void (*run)(struct job *job))
{
    collect->job.run = run;
    worker_pool_submit(collect->unit->file->xet->pool, &collect->job,
                       collect->unit->class == HUB_DEMAND ? JOB_DEMAND : JOB_BACKGROUND);
}

static enum err check_oid(const struct blob_collect *collect, struct why *why)
{
    struct oid oid;
    enum err err = sha_of_git_object("blob", collect->bytes, collect->len, &oid);
    if (err) {
        return err;
    }
    if (!oid_equal(&oid, &collect->unit->file->content.oid)) {
        return why_set(
            why, ERR_DAMAGED,
            "what the Hub sent is not the content that it lists (another git object id)");
    }
    return ERR_NONE;
}

static void check_and_store(struct job *job)
{
    struct blob_collect *collect = (struct blob_collect *)job;
    struct xet *xet = collect->unit->file->xet;
    struct why why = {{0}};
    enum err err = check_oid(collect, &why);
    if (!err) {
        err = chunk_store_put_blob(xet->store, &collect->unit->file->blob, 0,
                                   collect->bytes, collect->len);
    }
    if (!err) {
        atomic_fetch_add(&xet->bytes_fetched, collect->len);
        blob_publish(collect->unit);
    }
    finish(collect, err ? 0 : collect->size, err, &why);
}

static bool on_bytes(void *ctx, const uint8_t *data, size_t len)
{
    struct blob_collect *collect = ctx;
    size_t room = collect->size - collect->len;
    size_t take = len < room ? len : room;
    memcpy(collect->bytes + collect->len, data, take);
    collect->len += take;
    atomic_store(&collect->unit->has_bytes, true);
    return true;
}

static void on_done(void *ctx, enum err err, const struct why *why)
{
    struct blob_collect *collect = ctx;
    if (err) {
        struct why said = why ? *why : (struct why){{0}};
        finish(collect, 0, err, &said);
        return;
    }
    submit(collect, check_and_store);
}

static void end_stored(struct job *job)
{
    struct blob_collect *collect = (struct blob_collect *)job;
    struct why why = {{0}};
    blob_publish(collect->unit);
    finish(collect, collect->size, ERR_NONE, &why);
}

// Another process or a fetch of many may have brought it. A unit's end begins the next one, so that
// is a job's work: thousands may be queued, and would end inside each other.
void blob_collect_begin(struct fetch_unit *unit, const struct hub_call *call)
{
    struct xet_file *file = unit->file;
    size_t size = (size_t)file->content.size;
    bool is_stored = blob_is_stored(file);
    if (!is_stored && commit_blobs_take(unit)) {
        return;
    }
    struct blob_collect *collect = malloc(sizeof(*collect) + (is_stored ? 0 : size));
    if (!collect) {
        struct why why = {{0}};
        fetch_unit_round_over(unit, 0, ERR_NO_MEMORY, &why);
        return;
    }
    *collect = (struct blob_collect){.unit = unit, .size = size};
    if (is_stored) {
        submit(collect, end_stored);
        return;
    }
    struct hub_sink sink = {on_bytes, on_done, collect};
    hub_ticket ticket = hub_read_range(file->xet->hub, call, &unit->source->hub,
                                       unit->source->path, 0, size - 1, sink);
    fetch_unit_set_ticket(unit, ticket, call->class);
}
