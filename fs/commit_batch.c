// SPDX-License-Identifier: Apache-2.0
// A PUT of something that only moved is read like a file that was never changed: over its version.
#include "fs/commit_batch.h"

#include "fs/commit_ask.h"

enum { LISTINGS_MAX = 10000 };

const struct oid *commit_item_ours(const struct commit_item *item)
{
    return item->item->op == OVERLAY_PUT ? &item->oid : NULL;
}

// --------------------------------------------------------------------------------- taking

static void note_version(struct commit_item *item, const struct file_version *version)
{
    item->has_ours = true;
    item->size = version->size;
    item->oid = version->oid;
    item->sha256 = version->sha256;
    item->is_lfs = version->has_sha256;
    item->has_xet = version->has_xet;
    item->xet_hash = version->xet_hash;
}

static enum err open_reader(struct commit_work *work, struct commit_item *item)
{
    const struct overlay_item *from = item->item;
    const struct local_file_parts parts = {work->journal, work->mount->contents,
                                           &work->mount->repo};
    if (from->op != OVERLAY_PUT) {
        return ERR_NONE;
    }
    if (from->has_version) {
        note_version(item, &from->version);
    }
    if (from->file == NULL) {
        return local_file_new(&parts, from->id, &from->version, &item->reader);
    }
    item->reader = local_file_ref(from->file);
    if (!from->has_version) {
        item->size = local_file_flight_size(from->file);
    }
    return ERR_NONE;
}

static enum err open_items(struct commit_work *work, struct commit_batch *batch)
{
    batch->items = calloc(batch->taken.n, sizeof(*batch->items));
    if (batch->items == NULL) {
        return ERR_NO_MEMORY;
    }
    batch->n = batch->taken.n;
    enum err err = ERR_NONE;
    for (size_t i = 0; i < batch->n; i++) {
        batch->items[i].item = &batch->taken.items[i];
        if (err == ERR_NONE) {
            err = open_reader(work, &batch->items[i]);
        }
    }
    return err;
}

enum err commit_batch_take(struct commit_work *work, struct commit_batch *out,
                           struct why *why)
{
    enum err err = ERR_ABSENT;
    struct commit_batch batch = {.n = 0};
    struct overlay_waiting waiting;
    overlay_waiting(work->overlay, &waiting);
    if (waiting.n_waiting == 0) {
        *out = batch;
        return ERR_NONE;
    }
    enum err rules = overlay_read_rules(work->overlay, &work->owner, why);
    if (rules == ERR_TOO_LARGE || rules == ERR_ACCESS) {
        log_warn("fs", "what .hubignore says is not known: %s", why_text(why, rules));
    } else if (rules != ERR_NONE) {
        return rules;
    }
    for (int i = 0; err == ERR_ABSENT && i < LISTINGS_MAX; i++) {
        AUTO_FREE char *folder = NULL;
        err = overlay_take(work->overlay, COMMIT_FILES_MAX, &batch.taken, &folder);
        if (err != ERR_ABSENT || folder == NULL) {
            break;
        }
        enum err listed = commit_ask_listing(work, folder, why);
        if (listed != ERR_NONE) {
            return listed;
        }
    }
    if (err != ERR_NONE || batch.taken.n == 0) {
        *out = (struct commit_batch){.n = 0};
        return err;
    }
    err = open_items(work, &batch);
    if (err != ERR_NONE) {
        overlay_returned(work->overlay, batch.taken.items, batch.taken.n, ERR_NONE, NULL,
                         0);
        commit_batch_release(work, &batch);
        return err;
    }
    *out = batch;
    return ERR_NONE;
}

void commit_batch_release(struct commit_work *work, struct commit_batch *batch)
{
    overlay_taken_is_over(work->overlay);
    for (size_t i = 0; i < batch->n; i++) {
        if (batch->items[i].reader != NULL) {
            local_file_put(batch->items[i].reader);
        }
    }
    free(batch->items);
    overlay_items_release(&batch->taken);
    *batch = (struct commit_batch){.n = 0};
}

// ------------------------------------------------------------------------------- settling

static void give_back(struct commit_work *work, struct commit_item *item, enum err err,
                      const struct why *why, int64_t pause_ms)
{
    item->fate = COMMIT_FATE_SETTLED;
    item->has_failed = true;
    overlay_returned(work->overlay, item->item, 1, err, why, pause_ms);
    work->listener.settled(work->listener.ctx, item->item, err, why);
}

void commit_settle_returned(struct commit_work *work, struct commit_item *item,
                            enum err err, const struct why *why, int64_t pause_ms)
{
    log_warn("fs", "\"%s\" is not committed: %s", item->item->path, why_text(why, err));
    give_back(work, item, err, why, pause_ms);
}

void commit_settle_put_off(struct commit_work *work, struct commit_item *item,
                           const struct why *why)
{
    give_back(work, item, ERR_BUSY, why, 0);
}

void commit_settle_conflict(struct commit_work *work, struct commit_item *item,
                            const struct file_version *theirs)
{
    struct why why = {""};
    (void)why_set(&why, ERR_CONFLICT, "somebody else has %s \"%s\" meanwhile",
                  theirs != NULL ? "changed" : "deleted", item->item->path);
    item->fate = COMMIT_FATE_SETTLED;
    item->has_failed = true;
    overlay_conflict(work->overlay, item->item, theirs);
    work->listener.settled(work->listener.ctx, item->item, ERR_CONFLICT, &why);
}

void commit_settle_rest(struct commit_work *work, struct commit_batch *batch,
                        enum err err, const struct why *why)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct commit_item *item = &batch->items[i];
        if (item->fate == COMMIT_FATE_OPEN) {
            give_back(work, item, err, why, 0);
        } else if (item->fate == COMMIT_FATE_THERE) { // that is found out again
            give_back(work, item, ERR_NONE, NULL, 0);
        }
    }
}

enum err commit_read(void *ctx, uint64_t offset, void *to, size_t len, struct why *why)
{
    struct commit_reading *reading = ctx;
    struct commit_work *work = reading->work;
    enum err err =
        local_file_read_flight(reading->item->reader, &work->owner, offset, to, len, why);
    if (err != ERR_NONE) {
        reading->err = err;
    }
    return err;
}
