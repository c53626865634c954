// SPDX-License-Identifier: Apache-2.0
// An item's extra is git's id of what it brings; a deletion has none, and a folder, which only says
// where it stood.
#include "fs/commit_journal.h"

#include "fs/commit_ask.h"

enum { STATE_COMMITTING = 1 };

struct rows {
    struct journal_item *rows; // the paths of folders are malloc'd
    size_t n;
    size_t n_items;
};

static enum err add_folder(void *ctx, const struct overlay_item *item)
{
    struct rows *rows = ctx;
    struct journal_item *grown = realloc(rows->rows, (rows->n + 1) * sizeof(*rows->rows));
    char *copy = strdup(item->path);
    if (grown != NULL) {
        rows->rows = grown;
    }
    if (grown == NULL || copy == NULL) {
        free(copy);
        return ERR_NO_MEMORY;
    }
    rows->rows[rows->n++] = (struct journal_item){.op = (uint32_t)item->op,
                                                  .path = copy,
                                                  .path_len = strlen(copy),
                                                  .inode = item->id,
                                                  .generation = item->generation};
    return ERR_NONE;
}

static enum err gather(struct commit_work *work, struct commit_item *const *items,
                       size_t n, struct rows *out)
{
    out->rows = calloc(n, sizeof(*out->rows));
    if (out->rows == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        const struct overlay_item *item = items[i]->item;
        const struct oid *ours = commit_item_ours(items[i]);
        if (items[i]->fate != COMMIT_FATE_OPEN) {
            continue;
        }
        out->rows[out->n++] = (struct journal_item){
            .op = (uint32_t)item->op,
            .path = item->path,
            .path_len = strlen(item->path),
            .inode = item->id,
            .generation = item->generation,
            .extra = ours != NULL ? ours->bytes : NULL,
            .extra_len = ours != NULL ? sizeof(ours->bytes) : 0,
        };
    }
    out->n_items = out->n;
    return overlay_each_place(work->overlay, add_folder, out);
}

static void rows_release(struct rows *rows)
{
    for (size_t i = rows->n_items; i < rows->n; i++) {
        free((char *)(uintptr_t)rows->rows[i].path);
    }
    free(rows->rows);
}

enum err commit_journal_put(struct commit_work *work, const char *id,
                            const struct oid *parent, const char *description,
                            struct commit_item *const *items, size_t n, struct why *why)
{
    struct journal_batch batch = {
        .id = id,
        .parent = parent->bytes,
        .parent_len = sizeof(parent->bytes),
        .state = STATE_COMMITTING,
        .description = description,
        .at_s = clock_wall_s(),
    };
    struct rows rows = {.n = 0};
    enum err err = gather(work, items, n, &rows);
    if (err == ERR_NONE) {
        struct journal_change *change = journal_change_new();
        journal_change_put_batch(change, &batch, rows.rows, rows.n);
        err = commit_ask_journal(work, change, why);
    }
    rows_release(&rows);
    return err;
}

void commit_journal_drop(struct commit_work *work, const char *id)
{
    struct journal_change *change = journal_change_new();
    journal_change_drop_batch(change, id);
    journal_submit(work->journal, change, false, NULL, NULL);
}

void commit_journal_keep(struct commit_work *work, const char *id,
                         const struct oid *parent)
{
    size_t n = work->n_unsettled + 1;
    struct commit_unsettled *grown = realloc(work->unsettled, n * sizeof(*grown));
    if (grown != NULL) {
        work->unsettled = grown;
        work->unsettled[n - 1] = (struct commit_unsettled){strdup(id), *parent};
        work->n_unsettled = n;
    }
}

void commit_journal_drop_kept(struct commit_work *work, const struct oid *head)
{
    size_t n = 0;
    for (size_t i = 0; i < work->n_unsettled; i++) {
        struct commit_unsettled *unsettled = &work->unsettled[i];
        if (oid_equal(&unsettled->parent, head)) {
            work->unsettled[n++] = *unsettled;
            continue;
        }
        if (unsettled->id != NULL) {
            commit_journal_drop(work, unsettled->id);
        }
        free(unsettled->id);
    }
    work->n_unsettled = n;
}
