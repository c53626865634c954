// SPDX-License-Identifier: Apache-2.0
// What a commit has made of the repository that an earlier process sent and did not live to see made.
// Names that were changed since then stand on what that commit has there: without that a deletion
// of what was on its way would be taken for one of somebody else's file.
#include "fs/overlay_node.h"

// The item that brought what the base has under a name: where the name is for a PUT, where its folder
// stood in the repository for a deletion. NULL: none did.
static const struct overlay_item *find(const struct overlay_item *items, size_t n,
                                       const char *put, const char *deleted)
{
    for (size_t i = 0; i < n; i++) {
        const char *path = items[i].op == OVERLAY_PUT ? put : deleted;
        if (path != NULL && strcmp(items[i].path, path) == 0) {
            return &items[i];
        }
    }
    return NULL;
}

static void learn(struct overlay *overlay, struct journal_change *change,
                  struct overlay_node *dir, struct overlay_name *name,
                  const struct overlay_item *item, const struct oid *commit)
    REQUIRES(overlay->lock)
{
    bool is_put = item->op == OVERLAY_PUT;
    name->under = (struct overlay_under){.exists = is_put, .commit = *commit};
    if (is_put) {
        name->under.kind = ENTRY_FILE;
        name->under.oid = item->under_oid;
    }
    if (is_put || name->node != NULL) {
        overlay_row_name(overlay, change, dir, name);
    } else { // it was deleted, and is gone
        overlay_row_no_name(change, dir, name);
        overlay_name_drop(dir, name);
    }
}

static void learn_folder(struct overlay *overlay, struct journal_change *change,
                         struct overlay_node *dir, const struct overlay_item *items,
                         size_t n, const struct oid *commit) REQUIRES(overlay->lock)
{
    AUTO_FREE char *here = dir->names != NULL ? overlay_node_path(dir) : NULL;
    struct overlay_name *next = NULL;
    for (struct overlay_name *name = here != NULL ? dir->names : NULL; name != NULL;
         name = next) {
        next = name->hh.next;
        AUTO_FREE char *put = overlay_join(here, name->name, name->len);
        AUTO_FREE char *deleted =
            dir->base_path != NULL ? overlay_join(dir->base_path, name->name, name->len)
                                   : NULL;
        bool is_folder = name->node != NULL && name->node->kind == ENTRY_DIRECTORY;
        const struct overlay_item *item =
            put != NULL && !is_folder && overlay_name_is_change(name)
                ? find(items, n, put, deleted)
                : NULL;
        if (item != NULL) {
            learn(overlay, change, dir, name, item, commit);
        }
    }
}

// Folders stand in the repository where what was sent of them does.
static void learn_places(struct overlay *overlay, struct journal_change *change,
                         const struct overlay_items *items) REQUIRES(overlay->lock)
{
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        if (node->kind == ENTRY_DIRECTORY && node->parent != NULL) {
            free(node->taken_path);
            node->taken_path = overlay_node_path(node);
        }
    }
    overlay_settle_folders(overlay, change, items);
}

void overlay_learn(struct overlay *overlay, struct overlay_item *items, size_t n,
                   const struct oid *commit)
{
    struct journal_change *change = journal_change_new();
    const struct overlay_items sent = {.items = items, .n = n};
    lock_acquire(&overlay->lock);
    learn_places(overlay, change, &sent);
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        learn_folder(overlay, change, node, items, n, commit);
    }
    journal_submit(overlay->journal, change, false, NULL, NULL);
    lock_release(&overlay->lock);
}
