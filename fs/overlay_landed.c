// SPDX-License-Identifier: Apache-2.0
// What became of what was taken. A commit is told in terms of the paths that it had; meanwhile names
// may have changed again, so what stands there by now is looked at: what is not what landed says
// something else than the new base, and is a change of its own.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

struct outcome {
    overlay_done_fn done;
    void *ctx;
};

static void on_stored(void *ctx, const struct journal_result *result)
{
    struct outcome *outcome = ctx;
    struct why why = {""};
    snprintf(why.text, sizeof(why.text), "%s", result->sentence);
    if (outcome->done != NULL) {
        outcome->done(outcome->ctx, result->err, &why);
    }
    free(outcome);
}

struct overlay_node *overlay_folder_at(struct overlay *overlay, const char *path,
                                       const char **out_name)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *dir =
        slash != NULL ? strndup(path, (size_t)(slash - path)) : strdup("");
    *out_name = slash != NULL ? slash + 1 : path;
    return dir != NULL ? overlay_by_base_path(overlay, dir) : NULL;
}

struct overlay_name *overlay_name_at(struct overlay *overlay, const char *path)
{
    const char *name = NULL;
    struct overlay_node *dir = overlay_folder_at(overlay, path, &name);
    return dir != NULL ? overlay_name_find(dir, name, strlen(name)) : NULL;
}

// Folders that only kept a row for what is in them.
static void drop_idle_rows(struct overlay *overlay, struct journal_change *change)
    REQUIRES(overlay->lock)
{
    struct overlay_node *next = NULL;
    for (struct overlay_node *node = overlay->by_ino; node != NULL; node = next) {
        next = node->by_ino.next;
        bool is_kept = node->kind != ENTRY_DIRECTORY || !node->has_row;
        for (struct overlay_name *name = node->names; name != NULL && !is_kept;
             name = name->hh.next) {
            is_kept = name->has_row;
        }
        struct overlay_name *own =
            node->parent != NULL
                ? overlay_name_find(node->parent, node->name, strlen(node->name))
                : NULL;
        if (is_kept || (own != NULL && own->has_row)) {
            continue;
        }
        overlay_row_no_node(change, node);
    }
}

static void land_put(struct overlay *overlay, struct journal_change *change,
                     const struct overlay_item *item, const struct file_version *version,
                     const struct oid *commit) REQUIRES(overlay->lock)
{
    const char *name = NULL;
    struct overlay_under under = {true, ENTRY_FILE, version->oid, *commit, false};
    struct overlay_node *node = item->id != 0 ? overlay_by_id(overlay, item->id) : NULL;
    struct overlay_node *dir = overlay_folder_at(overlay, item->path, &name);
    struct overlay_name *entry =
        dir != NULL ? overlay_name_find(dir, name, strlen(name)) : NULL;
    bool is_here = node != NULL && entry != NULL && entry->node == node;
    uint32_t gone = 0;
    if (node != NULL) {
        struct local_file_info info;
        if (local_file_landed(node->file, version, &gone) != ERR_NONE) {
            log_error("fs",
                      "what was committed is still taken for changed: out of memory");
        }
        local_file_info(node->file, &info);
        bool is_done = info.is_clean && is_here;
        node->state = is_done         ? JOURNAL_CLEAN
                      : info.is_dirty ? JOURNAL_DIRTY
                                      : JOURNAL_SEALED;
        node->moved_again = false;
        node->trouble = (struct why){""};
        if (is_done) {
            overlay_row_no_node(change, node);
        } else if (node->parent != NULL) {
            overlay_row_node(overlay, change, node);
            overlay_note_sealed(overlay);
        }
        if (gone != 0) {
            journal_change_remove_staging(change, node->id, gone);
        }
    }
    if (entry != NULL) {
        entry->under = under;
        if (overlay_name_is_change(entry)) {
            overlay_row_name(overlay, change, dir, entry);
        } else {
            overlay_row_no_name(change, dir, entry);
        }
    } else if (item->id != 0 && dir != NULL &&
               (entry = overlay_name_put(dir, name, strlen(name))) != NULL) {
        entry->under = under; // it was moved or deleted meanwhile
        overlay_row_name(overlay, change, dir, entry);
        overlay_note_sealed(overlay);
    }
}

void overlay_show_commit(struct overlay *overlay, struct journal_change *change,
                         const struct overlay_commit *commit)
{
    if (commit->batch != NULL) {
        journal_change_drop_batch(change, commit->batch);
    }
    if (commit->view != NULL) {
        snapshot_publish(overlay->mount->snapshot, commit->view);
    }
}

enum err overlay_landed(struct overlay *overlay, const struct overlay_items *items,
                        const struct file_version *versions,
                        const struct overlay_commit *commit, overlay_done_fn done,
                        void *ctx)
{
    struct outcome *outcome = calloc(1, sizeof(*outcome));
    struct journal_change *change = journal_change_new();
    if (outcome == NULL || change == NULL) {
        free(outcome);
        journal_change_free(change);
        return ERR_NO_MEMORY;
    }
    *outcome = (struct outcome){done, ctx};
    lock_acquire(&overlay->lock);
    enum err err = overlay_rebase(overlay, change, items, versions, &commit->oid);
    if (err != ERR_NONE) {
        lock_release(&overlay->lock);
        free(outcome);
        journal_change_free(change);
        return err;
    }
    overlay_show_commit(overlay, change, commit);
    for (size_t i = 0; i < items->n; i++) {
        if (items->items[i].op == OVERLAY_PUT) {
            land_put(overlay, change, &items->items[i], &versions[i], &commit->oid);
        }
    }
    drop_idle_rows(overlay, change);
    journal_submit(overlay->journal, change, true, on_stored, outcome);
    lock_release(&overlay->lock);
    return ERR_NONE;
}
