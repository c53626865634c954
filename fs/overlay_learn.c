// SPDX-License-Identifier: Apache-2.0
// What a commit has made of the repository that an earlier process sent and did not live to see made.
// Names that were changed since then stand on what that commit has there: without that a deletion
// of what was on its way would be taken for one of somebody else's file.
#include "fs/overlay_node.h"

static bool has_put_below(const struct overlay_items *items, const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < items->n; i++) {
        const struct overlay_item *item = &items->items[i];
        if (item->op == OVERLAY_PUT && strncmp(item->path, path, len) == 0 &&
            item->path[len] == '/') {
            return true;
        }
    }
    return false;
}

// Folders stand in the repository where what was sent of them does.
static void learn_places(struct overlay *overlay, const struct overlay_items *items)
    REQUIRES(overlay->lock)
{
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        free(node->taken_path);
        node->taken_path = NULL;
        AUTO_FREE char *path = node->kind == ENTRY_DIRECTORY && node->parent != NULL
                                   ? overlay_node_path(node)
                                   : NULL;
        if (path != NULL && has_put_below(items, path)) {
            node->taken_path = path;
            path = NULL;
        }
    }
}

static void learn_puts(struct overlay *overlay, struct journal_change *change,
                       const struct overlay_items *items, const struct oid *commit)
    REQUIRES(overlay->lock)
{
    for (size_t i = 0; i < items->n; i++) {
        const struct overlay_item *item = &items->items[i];
        const char *name = NULL;
        struct overlay_node *dir = overlay_folder_at(overlay, item->path, &name);
        struct overlay_name *entry =
            dir != NULL ? overlay_name_find(dir, name, strlen(name)) : NULL;
        if (item->op == OVERLAY_PUT && entry != NULL && overlay_name_is_change(entry)) {
            entry->under =
                (struct overlay_under){true, ENTRY_FILE, item->under_oid, *commit};
            overlay_row_name(overlay, change, dir, entry);
        }
    }
}

void overlay_learn(struct overlay *overlay, struct overlay_item *items, size_t n,
                   const struct overlay_commit *commit)
{
    AUTO_FREE struct file_version *versions = calloc(n + 1, sizeof(*versions));
    struct journal_change *change = journal_change_new();
    const struct overlay_items sent = {.items = items, .n = n};
    enum err err = versions != NULL ? ERR_NONE : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        versions[i].oid = items[i].under_oid;
    }
    lock_acquire(&overlay->lock);
    if (err == ERR_NONE) {
        learn_places(overlay, &sent);
        err = overlay_rebase(overlay, change, &sent, versions, &commit->oid);
    }
    if (err == ERR_NONE) {
        learn_puts(overlay, change, &sent, &commit->oid);
        overlay_show_commit(overlay, change, commit);
    }
    journal_submit(overlay->journal, change, false, NULL, NULL);
    lock_release(&overlay->lock);
    if (err != ERR_NONE) {
        log_error("fs", "what was committed is taken for somebody else's: %s",
                  err_sentence(err));
    }
}
