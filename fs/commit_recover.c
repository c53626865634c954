// SPDX-License-Identifier: Apache-2.0
// A batch that was not made is simply sealed files again: the overlay has them. What one that is made
// late brings is remembered as ours (commit_own.h) too.
#include "fs/commit_recover.h"

#include "fs/commit_ask.h"
#include "fs/commit_base.h"
#include "fs/commit_id.h"
#include "fs/commit_journal.h"
#include "fs/commit_land.h"
#include "fs/commit_place.h"
#include "fs/commit_uploads.h"

// -------------------------------------------------------------------------------- loading

static enum err on_batch(void *ctx, const struct journal_batch *row)
{
    struct commit_work *work = ctx;
    size_t n = work->n_recovered + 1;
    struct commit_recovered *grown =
        realloc(work->recovered, n * sizeof(*work->recovered));
    if (grown == NULL) {
        return ERR_NO_MEMORY;
    }
    work->recovered = grown;
    struct commit_recovered *batch = &grown[n - 1];
    *batch = (struct commit_recovered){.id = strdup(row->id)};
    if (batch->id == NULL) {
        return ERR_NO_MEMORY;
    }
    work->n_recovered = n;
    if (row->parent_len == sizeof(batch->parent.bytes)) {
        memcpy(batch->parent.bytes, row->parent, row->parent_len);
    }
    return ERR_NONE;
}

static enum err on_item(void *ctx, const char *batch_id, const struct journal_item *row)
{
    struct commit_work *work = ctx;
    (void)batch_id; // of the batch before
    if (work->n_recovered == 0) {
        return ERR_DAMAGED;
    }
    struct commit_recovered *batch = &work->recovered[work->n_recovered - 1];
    size_t n = batch->n + 1;
    struct overlay_item *grown = realloc(batch->items, n * sizeof(*grown));
    if (grown == NULL) {
        return ERR_NO_MEMORY;
    }
    batch->items = grown;
    struct overlay_item *item = &grown[n - 1];
    *item = (struct overlay_item){.op = (enum overlay_op)row->op,
                                  .path = strndup(row->path, row->path_len),
                                  .id = row->inode,
                                  .generation = row->generation};
    if (item->path == NULL) {
        return ERR_NO_MEMORY;
    }
    batch->n = n;
    bool has_oid = row->extra_len == sizeof(item->under_oid.bytes);
    if (has_oid) {
        memcpy(item->under_oid.bytes, row->extra, row->extra_len);
    }
    if (overlay_op_is_item(item->op)) {
        commit_own_note_sent(&work->own, item->path, has_oid ? &item->under_oid : NULL);
    }
    return ERR_NONE;
}

static enum err on_meta(void *ctx, const char *key, const void *value, size_t len)
{
    struct commit_work *work = ctx;
    if (strcmp(key, COMMIT_META_MESSAGE) == 0) {
        free(work->message);
        work->message = strndup(value, len);
    }
    commit_uploads_load(work, key, value, len);
    return commit_place_recall(work, key, value, len);
}

enum err commit_recover_load(struct commit_work *work, struct why *why)
{
    const struct journal_visitor visitor = {
        .batch = on_batch, .item = on_item, .meta = on_meta, .ctx = work};
    return journal_load(work->journal, &visitor, why);
}

static void free_batch(struct commit_recovered *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        free(batch->items[i].path);
    }
    free(batch->items);
    free(batch->id);
}

void commit_recover_release(struct commit_work *work)
{
    for (size_t i = 0; i < work->n_recovered; i++) {
        free_batch(&work->recovered[i]);
    }
    free(work->recovered);
    work->recovered = NULL;
    work->n_recovered = 0;
}

void commit_recover_forget(struct commit_work *work)
{
    size_t n = 0;
    for (size_t i = 0; i < work->n_recovered; i++) {
        struct commit_recovered *batch = &work->recovered[i];
        if (batch->known == COMMIT_IS_OPEN) {
            work->recovered[n++] = *batch;
        } else {
            free_batch(batch);
        }
    }
    work->n_recovered = n;
}

// -------------------------------------------------------------------------------- looking

void commit_recover_hold(struct commit_work *work)
{
    struct snapshot_view view;
    struct why why = {""};
    if (work->n_recovered == 0) {
        return;
    }
    for (size_t i = 0; i < work->n_recovered; i++) {
        overlay_expect(work->overlay, work->recovered[i].items, work->recovered[i].n);
    }
    const struct oid *parent = &work->recovered[work->n_recovered - 1].parent;
    struct head head = commit_base_head(work, parent);
    enum err err = commit_base_view(work, &head, &why, &view);
    if (err != ERR_NONE) {
        log_info("fs", "what the journal is about cannot be shown: %s",
                 why_text(&why, err));
        return;
    }
    overlay_show_own(work->overlay, &view);
    overlay_hold(work->overlay);
}

// Only a commit of what the mount shows is shown: after an older one others may have come.
static enum err learn(struct commit_work *work, struct commit_recovered *batch,
                      struct why *why)
{
    struct head head = commit_base_head(work, &batch->commit);
    struct snapshot_view now;
    struct snapshot_view view;
    struct overlay_commit commit = {.oid = batch->commit, .batch = batch->id};
    snapshot_current(work->mount->snapshot, &now);
    if (oid_equal(&now.commit, &batch->parent)) {
        enum err err = commit_base_view(work, &head, why, &view);
        if (err != ERR_NONE) {
            return err;
        }
        commit.view = &view;
    }
    commit_own_note_step(&work->own, &batch->parent, &batch->commit);
    overlay_learn(work->overlay, batch->items, batch->n, &commit);
    return ERR_NONE;
}

static enum err look(struct commit_work *work, struct commit_recovered *batch,
                     const struct head *head, struct why *why)
{
    struct hub_found_commit found = {.found = false};
    char needle[COMMIT_TRAILER_SIZE];
    commit_trailer(batch->id, needle);
    enum err err = commit_ask_found(work, &batch->parent, needle, why, &found);
    if (err == ERR_NONE && found.found) {
        batch->commit = found.oid;
        log_info("fs", "a commit that was under way has been made id=%s", batch->id);
        overlay_expect(work->overlay, batch->items, batch->n);
        err = learn(work, batch, why);
        batch->known = err == ERR_NONE ? COMMIT_IS_FOUND : batch->known;
    } else if (err == ERR_NONE && !oid_equal(&head->ref.sha, &batch->parent)) {
        log_info("fs", "a commit that was under way was not made id=%s", batch->id);
        batch->known = COMMIT_NEVER_COMES;
        commit_journal_drop(work, batch->id);
    } else if (err == ERR_NONE) {
        batch->known = COMMIT_IS_OPEN;
    }
    return err;
}

static bool has(const struct commit_work *work, enum commit_knowledge known)
{
    for (size_t i = 0; i < work->n_recovered; i++) {
        if (work->recovered[i].known == known) {
            return true;
        }
    }
    return false;
}

bool commit_recover_is_open(const struct commit_work *work)
{
    return has(work, COMMIT_IS_OPEN);
}

void commit_recover_close(struct commit_work *work)
{
    if (!commit_recover_is_open(work)) {
        return;
    }
    for (size_t i = 0; i < work->n_recovered; i++) {
        struct commit_recovered *batch = &work->recovered[i];
        if (batch->known == COMMIT_IS_OPEN) {
            batch->known = COMMIT_NEVER_COMES;
            commit_journal_drop(work, batch->id);
        }
    }
    overlay_expect_no_more(work->overlay);
}

// The head is asked for first: what is not in the history after that comes never, or on top of it.
enum err commit_recover_look(struct commit_work *work, struct why *why)
{
    struct head head;
    if (work->n_recovered == 0) {
        return ERR_NONE;
    }
    enum err err = commit_ask_head(work, why, &head);
    for (size_t i = 0; err == ERR_NONE && i < work->n_recovered; i++) {
        struct commit_recovered *batch = &work->recovered[i];
        if (batch->known == COMMIT_IS_NOT_LOOKED_FOR || batch->known == COMMIT_IS_OPEN) {
            err = look(work, batch, &head, why);
        }
    }
    if (err != ERR_NONE || commit_recover_is_open(work)) {
        return err;
    }
    overlay_expect_no_more(work->overlay);
    return commit_base_follow(work, why, NULL);
}

// -------------------------------------------------------------------------------- landing

static bool is_in(const struct commit_recovered *batch, const struct overlay_item *item)
{
    for (size_t i = 0; i < batch->n; i++) {
        const struct overlay_item *row = &batch->items[i];
        if (row->op == item->op && row->id == item->id &&
            row->generation == item->generation && strcmp(row->path, item->path) == 0) {
            return true;
        }
    }
    return false;
}

static enum commit_end land_from(struct commit_work *work, struct commit_batch *batch,
                                 const struct commit_recovered *recovered)
{
    AUTO_FREE struct commit_item **items = calloc(batch->n, sizeof(*items));
    const struct commit_landing landing = {
        .parent = recovered->parent, .commit = recovered->commit, .is_shown = true};
    size_t n = 0;
    if (items == NULL) {
        return commit_pause(work, ERR_NO_MEMORY, NULL);
    }
    for (size_t i = 0; i < batch->n; i++) {
        struct commit_item *item = &batch->items[i];
        if (item->fate == COMMIT_FATE_OPEN && is_in(recovered, item->item)) {
            items[n++] = item;
        }
    }
    return n > 0 ? commit_land(work, items, n, &landing) : COMMIT_END_DONE;
}

enum commit_end commit_recover_land(struct commit_work *work, struct commit_batch *batch)
{
    enum commit_end end = COMMIT_END_DONE;
    for (size_t i = 0; end == COMMIT_END_DONE && i < work->n_recovered; i++) {
        if (work->recovered[i].known == COMMIT_IS_FOUND) {
            end = land_from(work, batch, &work->recovered[i]);
        }
    }
    return end;
}
