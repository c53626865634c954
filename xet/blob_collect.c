// SPDX-License-Identifier: Apache-2.0
// Such blobs are the files of a repository that people read first (configurations, code,
// licences), and they have a hash that covers them whole: SHA-1 over git's header and the
// content. The queue bounds how many bytes are being collected at a time.
#include "xet/blob_collect.h"

#include "xet/fetch_unit.h"
#include "xet/publish.h"

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

static enum err check_oid(const struct blob_collect *collect, struct why *why)
{
    struct sha *sha = sha_new_git_object("blob", collect->size);
    if (!sha) {
        return ERR_NO_MEMORY;
    }
    struct oid oid;
    sha_update(sha, collect->bytes, collect->len);
    sha_final_1(sha, &oid);
    sha_free(sha);
    if (!oid_equal(&oid, &collect->unit->file->content.oid)) {
        return why_set(
            why, ERR_DAMAGED,
            "what the Hub sent is not the content that it lists (another git object id)");
    }
    return ERR_NONE;
}

// One run: at most 1 MiB from `at`.
static enum err store_run(const struct blob_collect *collect, size_t at, size_t len,
                          struct publisher *publisher)
{
    const struct xet_file *file = collect->unit->file;
    uint32_t ends[RUN_BYTES_MAX / BLOB_BLOCK_BYTES];
    uint32_t n = 0;
    for (size_t end = 0; end < len; n++) {
        end = len - end < BLOB_BLOCK_BYTES ? len : end + BLOB_BLOCK_BYTES;
        ends[n] = (uint32_t)end;
    }
    struct piece piece = {at, len, file->blob, (uint32_t)(at / BLOB_BLOCK_BYTES), n};
    enum err err = chunk_store_put(file->xet->store, &file->blob, piece.first, n, ends,
                                   NULL, collect->bytes + at, len);
    if (!err) {
        publish_piece(publisher, &piece);
    }
    return err;
}

static void check_and_store(struct job *job)
{
    struct blob_collect *collect = (struct blob_collect *)job;
    struct xet_file *file = collect->unit->file;
    struct publisher publisher = {
        .file = file,
        .is_ahead = collect->unit->class != HUB_DEMAND,
    };
    struct why why = {{0}};
    enum err err = check_oid(collect, &why);
    for (size_t at = 0; !err && at < collect->len; at += RUN_BYTES_MAX) {
        size_t left = collect->len - at;
        err = store_run(collect, at, left < RUN_BYTES_MAX ? left : RUN_BYTES_MAX,
                        &publisher);
    }
    if (!err) {
        atomic_fetch_add(&file->xet->bytes_fetched, collect->len);
        publish_flush(&publisher);
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
    collect->job.run = check_and_store;
    worker_pool_submit(collect->unit->file->xet->pool, &collect->job,
                       collect->unit->class == HUB_DEMAND ? JOB_DEMAND : JOB_BACKGROUND);
}

void blob_collect_begin(struct fetch_unit *unit, const struct hub_call *call)
{
    struct xet_file *file = unit->file;
    size_t size = (size_t)file->content.size;
    struct blob_collect *collect = malloc(sizeof(*collect) + size);
    if (!collect) {
        struct why why = {{0}};
        fetch_unit_round_over(unit, 0, ERR_NO_MEMORY, &why);
        return;
    }
    collect->unit = unit;
    collect->size = size;
    collect->len = 0;
    struct hub_sink sink = {on_bytes, on_done, collect};
    hub_ticket ticket = hub_read_range(file->xet->hub, call, &unit->source->hub,
                                       unit->source->path, 0, size - 1, sink);
    fetch_unit_set_ticket(unit, ticket, call->class);
}
