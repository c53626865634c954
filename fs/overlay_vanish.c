// SPDX-License-Identifier: Apache-2.0
// Folders that a commit takes away with the last file in them. The repository knows no empty folders,
// but here one stays until somebody removes it.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

enum err overlay_add_vanishing(struct overlay *overlay, const char *path)
{
    size_t len = strlen(path);
    struct overlay_folder *folder = NULL;
    if (overlay_is_vanishing(overlay, path)) {
        return ERR_NONE;
    }
    folder = calloc(1, sizeof(*folder) + len + 1);
    if (folder == NULL) {
        return ERR_NO_MEMORY;
    }
    memcpy(folder->path, path, len + 1);
    HASH_ADD(hh, overlay->vanishing, path[0], len, folder);
    return ERR_NONE;
}

static struct overlay_folder *find_folder(struct overlay *overlay, const char *path,
                                          size_t len) REQUIRES(overlay->lock)
{
    struct overlay_folder *folder = NULL;
    HASH_FIND(hh, overlay->vanishing, path, len, folder);
    return folder;
}

bool overlay_is_vanishing(struct overlay *overlay, const char *path)
{
    return find_folder(overlay, path, strlen(path)) != NULL;
}

static void stays(struct overlay *overlay, struct overlay_folder *folder)
    REQUIRES(overlay->lock)
{
    HASH_DELETE(hh, overlay->vanishing, folder);
    free(folder);
}

void overlay_none_above_vanishes(struct overlay *overlay, const char *path)
{
    for (size_t len = strlen(path); len > 0; len--) {
        struct overlay_folder *folder =
            path[len] == '/' ? find_folder(overlay, path, len) : NULL;
        if (folder != NULL) {
            stays(overlay, folder);
        }
    }
}

void overlay_nothing_vanishes(struct overlay *overlay)
{
    while (overlay->vanishing != NULL) {
        stays(overlay, overlay->vanishing);
    }
}

void overlay_keep_here(struct overlay *overlay, struct journal_change *change,
                       struct overlay_node *folder)
{
    struct overlay_name *entry =
        overlay_name_put(folder->parent, folder->name, strlen(folder->name));
    if (entry == NULL) {
        return;
    }
    if (entry->node == NULL || !overlay_name_is_change(entry)) {
        entry->node = folder;
        entry->under = (struct overlay_under){.exists = false};
    }
    overlay_drop_base_path(overlay, folder);
    overlay_row_node(overlay, change, folder);
    overlay_row_name(overlay, change, folder->parent, entry);
}

static bool is_lost(struct overlay *overlay, struct overlay_node *dir,
                    const struct overlay_node *node) REQUIRES(overlay->lock)
{
    struct overlay_found found;
    return node->parent == dir && node->base_path != NULL &&
           overlay_name_find(dir, node->name, strlen(node->name)) == NULL &&
           overlay_seek_base(overlay, dir, node->name, &found) == ERR_NOT_FOUND &&
           overlay_holds_work(overlay, node);
}

void overlay_keep_changed(struct overlay *overlay, struct overlay_node *dir)
{
    for (struct overlay_node *node = dir->n_children > 0 ? overlay->by_ino : NULL;
         node != NULL; node = node->by_ino.next) {
        if (is_lost(overlay, dir, node)) {
            struct journal_change *change = journal_change_new();
            overlay_keep_here(overlay, change, node);
            journal_submit(overlay->journal, change, false, NULL, NULL);
            overlay_keep_changed(overlay,
                                 node); // those in it have no place in the base either
        }
    }
}

struct leaving {
    struct overlay *overlay;
    const struct overlay_items *items; // by path
    char **out_folder;
};

// What of a folder's names in the base stays, as far as that is told without looking further.
struct census {
    struct leaving *leaving;
    struct overlay_node *dir;
    bool remains;
    char **folders; // to be looked into: paths
    size_t n_folders;
    bool has_failed;
};

static size_t find_item(const struct overlay_items *items, const char *path)
{
    size_t low = 0;
    size_t high = items->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(items->items[middle].path, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_deleted(const struct overlay_items *items, const char *path)
{
    size_t at = find_item(items, path);
    return at < items->n && items->items[at].op != OVERLAY_PUT &&
           strcmp(items->items[at].path, path) == 0;
}

static bool has_below(const struct overlay_items *items, const char *folder, bool puts)
{
    AUTO_FREE char *below = overlay_join(folder, "", 0);
    if (below == NULL) {
        return puts;
    }
    size_t len = strlen(below);
    for (size_t at = find_item(items, below);
         at < items->n && strncmp(items->items[at].path, below, len) == 0; at++) {
        if ((items->items[at].op == OVERLAY_PUT) == puts) {
            return true;
        }
    }
    return false;
}

static void look_into(struct census *census, char *path)
{
    char **grown =
        realloc(census->folders, (census->n_folders + 1) * sizeof(*census->folders));
    if (grown == NULL) {
        census->has_failed = true;
        free(path);
        return;
    }
    census->folders = grown;
    grown[census->n_folders++] = path;
}

NO_THREAD_ANALYSIS static bool on_base(void *ctx, uint64_t position, const char *name,
                                       const struct tree_node *node)
{
    struct census *census = ctx;
    const struct overlay_items *items = census->leaving->items;
    const struct overlay_name *entry = overlay_name_find(census->dir, name, strlen(name));
    char *path = overlay_join(census->dir->base_path, name, strlen(name));
    (void)position;
    if (path == NULL) {
        census->has_failed = true;
        return false;
    }
    bool is_same =
        entry == NULL || (entry->node != NULL && !overlay_name_is_change(entry));
    if (is_same && node->kind == ENTRY_DIRECTORY && has_below(items, path, false)) {
        look_into(census, path);
        return !census->has_failed;
    }
    census->remains = is_same || !(is_deleted(items, path) ||
                                   overlay_is_vanishing(census->leaving->overlay, path));
    free(path);
    return !census->remains;
}

static enum err list(struct leaving *leaving, struct census *census)
    REQUIRES(leaving->overlay->lock)
{
    uint64_t base = 0;
    struct tree_dir state = {.complete = false};
    struct tree_store *tree = leaving->overlay->mount->tree;
    enum err err = overlay_base_of(leaving->overlay, census->dir, &base);
    if (err == ERR_NONE) {
        err = tree_store_dir(tree, base, &state);
    }
    if (err == ERR_ABSENT || (err == ERR_NONE && !state.complete)) {
        *leaving->out_folder = strdup(census->dir->base_path);
        return *leaving->out_folder != NULL ? ERR_ABSENT : ERR_NO_MEMORY;
    }
    if (err == ERR_NONE) {
        err = tree_store_list(tree, base, 0, on_base, census);
    }
    return err == ERR_NONE && census->has_failed ? ERR_NO_MEMORY : err;
}

NO_THREAD_ANALYSIS static enum err look(struct leaving *leaving, struct overlay_node *dir)
{
    AUTO_FREE char *path = overlay_node_path(dir);
    struct census census = {.leaving = leaving, .dir = dir};
    if (path == NULL || strcmp(path, dir->base_path) != 0 ||
        overlay_is_vanishing(leaving->overlay, path) ||
        has_below(leaving->items, path, true)) {
        return ERR_NONE; // it is moved, or goes on
    }
    enum err err = list(leaving, &census);
    for (size_t i = 0; i < census.n_folders; i++) {
        struct overlay_node *child =
            overlay_by_base_path(leaving->overlay, census.folders[i]);
        if (err == ERR_NONE && !census.remains && child != NULL) {
            err = look(leaving, child);
        }
        census.remains |=
            child == NULL || !overlay_is_vanishing(leaving->overlay, census.folders[i]);
        free(census.folders[i]);
    }
    free(census.folders);
    if (err == ERR_NONE && !census.remains) {
        err = overlay_add_vanishing(leaving->overlay, path);
    }
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum err overlay_note_vanishing(struct overlay *overlay,
                                const struct overlay_items *items, char **out_folder)
{
    struct leaving leaving = {overlay, items, out_folder};
    AUTO_FREE char *last = NULL;
    enum err err = ERR_NONE;
    for (size_t i = 0; i < items->n && err == ERR_NONE; i++) {
        AUTO_FREE char *above = strdup(items->items[i].path);
        char *slash = above != NULL ? strrchr(above, '/') : NULL;
        if (items->items[i].op == OVERLAY_PUT || slash == NULL) {
            continue;
        }
        *slash = '\0';
        if (last != NULL && strcmp(last, above) == 0) {
            continue;
        }
        free(last);
        last = strdup(above);
        for (; err == ERR_NONE && slash != NULL; slash = strrchr(above, '/')) {
            *slash = '\0';
            struct overlay_node *dir = overlay_by_base_path(overlay, above);
            if (dir == overlay->root) {
                break;
            }
            err = dir != NULL ? look(&leaving, dir) : ERR_NONE;
            if (dir != NULL && !overlay_is_vanishing(overlay, above)) {
                break;
            }
        }
    }
    return err;
}
