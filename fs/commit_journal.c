// SPDX-License-Identifier: Apache-2.0
// An item's extra is git's id of what it brings; a deletion has none.
#include "fs/commit_journal.h"

#include "fs/commit_ask.h"

enum { STATE_COMMITTING = 1 };

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
    AUTO_FREE struct journal_item *rows = calloc(n, sizeof(*rows));
    struct journal_change *change = journal_change_new();
    if (rows == NULL || change == NULL) {
        journal_change_free(change);
        return ERR_NO_MEMORY;
    }
    size_t n_rows = 0;
    for (size_t i = 0; i < n; i++) {
        const struct overlay_item *item = items[i]->item;
        const struct oid *ours = commit_item_ours(items[i]);
        if (items[i]->fate != COMMIT_FATE_OPEN) {
            continue;
        }
        rows[n_rows++] = (struct journal_item){
            .op = (uint32_t)item->op,
            .path = item->path,
            .path_len = strlen(item->path),
            .inode = item->id,
            .generation = item->generation,
            .extra = ours != NULL ? ours->bytes : NULL,
            .extra_len = ours != NULL ? sizeof(ours->bytes) : 0,
        };
    }
    journal_change_put_batch(change, &batch, rows, n_rows);
    return commit_ask_journal(work, change, why);
}

void commit_journal_drop(struct commit_work *work, const char *id)
{
    struct journal_change *change = journal_change_new();
    journal_change_drop_batch(change, id);
    journal_submit(work->journal, change, false, NULL, NULL);
}

void commit_journal_keep(struct commit_work *work, const char *id)
{
    size_t n = work->n_unsettled + 1;
    char **grown = realloc(work->unsettled, n * sizeof(*grown));
    if (grown != NULL) {
        work->unsettled = grown;
        work->unsettled[n - 1] = strdup(id);
        work->n_unsettled = n;
    }
}

void commit_journal_drop_kept(struct commit_work *work)
{
    for (size_t i = 0; i < work->n_unsettled; i++) {
        if (work->unsettled[i] != NULL) {
            commit_journal_drop(work, work->unsettled[i]);
        }
        free(work->unsettled[i]);
    }
    work->n_unsettled = 0;
}
