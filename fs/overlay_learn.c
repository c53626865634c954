// SPDX-License-Identifier: Apache-2.0
// What a commit has made of the repository that an earlier process sent and did not live to see made.
// Names that were changed since then stand on what that commit has there: without that a deletion
// of what was on its way would be taken for one of somebody else's file.
#include "fs/overlay_node.h"

enum err overlay_each_place(struct overlay *overlay,
                            enum err (*visit)(void *ctx, const struct overlay_item *item),
                            void *ctx)
{
    enum err err = ERR_NONE;
    lock_acquire(&overlay->lock);
    for (struct overlay_node *node = overlay->by_ino; node != NULL && err == ERR_NONE;
         node = node->by_ino.next) {
        const struct overlay_item item = {.op = OVERLAY_FOLDER,
                                          .path = node->taken_path,
                                          .id = node->id,
                                          .generation = !node->takes_files};
        if (node->taken_path != NULL) {
            err = visit(ctx, &item);
        }
    }
    for (struct overlay_folder *folder = overlay->vanishing;
         folder != NULL && err == ERR_NONE; folder = folder->hh.next) {
        const struct overlay_item item = {.op = OVERLAY_VANISHING, .path = folder->path};
        err = visit(ctx, &item);
    }
    lock_release(&overlay->lock);
    return err;
}

// It is kept as a folder of the overlay, which does not know it yet where nothing in it is changed.
static void expect_vanishing(struct overlay *overlay, const char *path)
    REQUIRES(overlay->lock)
{
    AUTO_FREE char *below = overlay_join(path, "", 0);
    bool is_known = overlay_by_base_path(overlay, path) != NULL ||
                    overlay_name_at(overlay, path) != NULL;
    if (below == NULL || (!is_known && overlay_make_folders(overlay, below) == NULL) ||
        overlay_add_vanishing(overlay, path) != ERR_NONE) {
        log_error("fs", "the empty folder \"%s\" is forgotten: out of memory", path);
    }
}

static void expect(struct overlay *overlay, const struct overlay_item *item)
    REQUIRES(overlay->lock)
{
    if (item->op == OVERLAY_VANISHING) {
        expect_vanishing(overlay, item->path);
        return;
    }
    struct overlay_node *node = item->id != 0 ? overlay_by_id(overlay, item->id) : NULL;
    char *place = node != NULL && item->op == OVERLAY_FOLDER ? strdup(item->path) : NULL;
    if (place != NULL) {
        free(node->taken_path);
        node->taken_path = place;
    }
    if (node != NULL) {
        node->takes_files |= place != NULL && item->generation == 0;
        node->may_land |= item->op == OVERLAY_PUT;
    }
}

void overlay_expect(struct overlay *overlay, const struct overlay_item *items, size_t n)
{
    lock_acquire(&overlay->lock);
    overlay->is_expecting = true;
    for (size_t i = 0; i < n; i++) {
        expect(overlay, &items[i]);
    }
    lock_release(&overlay->lock);
}

// What did not come has not to be kept from being seen.
static void forget_settled(struct overlay *overlay, struct overlay_node *dir)
    REQUIRES(overlay->lock)
{
    struct overlay_name *next = NULL;
    for (struct overlay_name *entry = dir->names; entry != NULL; entry = next) {
        next = entry->hh.next;
        if (entry->is_settled) {
            overlay_name_forget(overlay, dir, entry);
        }
    }
}

void overlay_expect_no_more(struct overlay *overlay)
{
    lock_acquire(&overlay->lock);
    overlay->is_expecting = false;
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        node->may_land = false;
        forget_settled(overlay, node);
    }
    lock_release(&overlay->lock);
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
                (struct overlay_under){true, ENTRY_FILE, item->under_oid, *commit, false};
            entry->is_settled = false;
            overlay_row_name(overlay, change, dir, entry);
        }
    }
}

void overlay_learn(struct overlay *overlay, const struct overlay_item *items, size_t n,
                   const struct overlay_commit *commit)
{
    AUTO_FREE struct file_version *versions = calloc(n + 1, sizeof(*versions));
    AUTO_FREE struct overlay_item *copies = calloc(n + 1, sizeof(*copies));
    struct journal_change *change = journal_change_new();
    struct overlay_items sent = {.items = copies};
    enum err err = versions != NULL && copies != NULL ? ERR_NONE : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        if (overlay_op_is_item(items[i].op)) {
            versions[sent.n].oid = items[i].under_oid;
            copies[sent.n++] = items[i];
        }
    }
    lock_acquire(&overlay->lock);
    if (err == ERR_NONE) {
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
