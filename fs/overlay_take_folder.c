// SPDX-License-Identifier: Apache-2.0
// A folder that was moved or replaced is taken whole, for the commit API knows files only.
#include "fs/overlay_taking.h"

#include "fs/mount_parts.h"
#include "fs/tree_path.h"

struct expansion {
    struct overlay_taking *taking;
    struct overlay_node *folder; // NULL: nobody has looked into it
    const char *base_path;
    const char *path;                 // NULL: everything goes
    const struct overlay_name *moved; // by which it is put at `path`
    enum err err;
    char **folders; // to be gone into
    uint64_t *inos;
    size_t n_folders;
};

static enum err take_base(struct expansion *expansion, const char *name,
                          const struct tree_node *node)
{
    struct overlay_taking *taking = expansion->taking;
    AUTO_FREE char *from = overlay_join(expansion->base_path, name, strlen(name));
    char *to = overlay_join(expansion->path, name, strlen(name));
    struct overlay_item *item =
        to != NULL ? overlay_take_item(taking, OVERLAY_PUT, to) : NULL;
    if (from == NULL || item == NULL) {
        return ERR_NO_MEMORY;
    }
    item->under_commit = expansion->moved->under.commit;
    item->moved_with = expansion->moved->node->id;
    item->has_version = true;
    return file_version_of(node, &taking->view.commit, from, &item->version);
}

static enum err delete_base(struct expansion *expansion, const char *name,
                            const struct tree_node *node)
{
    struct overlay_taking *taking = expansion->taking;
    char *path = overlay_join(expansion->base_path, name, strlen(name));
    struct overlay_item *item =
        path != NULL ? overlay_take_item(taking, OVERLAY_DELETE_FILE, path) : NULL;
    if (item == NULL) {
        return ERR_NO_MEMORY;
    }
    item->under_exists = true;
    item->under_oid = node->oid;
    item->under_commit =
        taking->replaced_at != NULL ? *taking->replaced_at : taking->view.commit;
    return ERR_NONE;
}

static enum err push_folder(struct expansion *expansion, const char *name, uint64_t ino)
{
    size_t n = expansion->n_folders + 1;
    char **folders = realloc(expansion->folders, n * sizeof(*folders));
    if (folders != NULL) {
        expansion->folders = folders;
    }
    uint64_t *inos = realloc(expansion->inos, n * sizeof(*inos));
    if (inos != NULL) {
        expansion->inos = inos;
    }
    char *copy = strdup(name);
    if (folders == NULL || inos == NULL || copy == NULL) {
        free(copy);
        return ERR_NO_MEMORY;
    }
    folders[n - 1] = copy;
    inos[n - 1] = ino;
    expansion->n_folders = n;
    return ERR_NONE;
}

static bool on_base(void *ctx, uint64_t position, const char *name,
                    const struct tree_node *node)
{
    struct expansion *expansion = ctx;
    struct overlay_name *entry =
        expansion->folder != NULL
            ? overlay_name_find(expansion->folder, name, strlen(name))
            : NULL;
    (void)position;
    if (entry != NULL && entry->node == NULL) {
        entry->is_taken = true; // it is left behind
    }
    bool is_memory =
        entry != NULL && entry->node != NULL && !overlay_name_is_change(entry);
    if (entry != NULL && !is_memory) {
        return true; // it is taken as what it is now, or is not there any more
    }
    expansion->err = node->kind == ENTRY_DIRECTORY
                         ? push_folder(expansion, name, node->ino)
                     : expansion->path == NULL ? delete_base(expansion, name, node)
                                               : take_base(expansion, name, node);
    return expansion->err == ERR_NONE;
}

// Every file of a folder of the base, and of those in it, but what was changed in it: at `path` now;
// NULL: each is deleted. ERR_ABSENT with *taking->out_folder: it has to be listed first.
NO_THREAD_ANALYSIS static enum err take_folder(struct overlay_taking *taking,
                                               uint64_t base_ino, const char *base_path,
                                               const char *path,
                                               const struct overlay_name *moved)
{
    struct overlay *overlay = taking->overlay;
    struct expansion expansion = {
        .taking = taking,
        .folder = path != NULL ? overlay_by_base_path(overlay, base_path) : NULL,
        .base_path = base_path,
        .path = path,
        .moved = moved};
    struct tree_dir state = {.complete = false};
    enum err err = tree_store_dir(overlay->mount->tree, base_ino, &state);
    bool is_absent = err == ERR_ABSENT || (err == ERR_NONE && !state.complete);
    if (is_absent && taking->replaced_at != NULL) {
        return ERR_NONE; // what was in it nobody knows any more: it stays
    }
    if (is_absent) {
        *taking->out_folder = strdup(base_path);
        return *taking->out_folder != NULL ? ERR_ABSENT : ERR_NO_MEMORY;
    }
    if (err == ERR_NONE) {
        err = tree_store_list(overlay->mount->tree, base_ino, 0, on_base, &expansion);
    }
    err = err == ERR_NONE ? expansion.err : err;
    for (size_t i = 0; i < expansion.n_folders; i++) {
        const char *name = expansion.folders[i];
        AUTO_FREE char *below = overlay_join(base_path, name, strlen(name));
        AUTO_FREE char *to = path != NULL ? overlay_join(path, name, strlen(name)) : NULL;
        if (err == ERR_NONE) {
            err = below == NULL || (path != NULL && to == NULL)
                      ? ERR_NO_MEMORY
                      : take_folder(taking, expansion.inos[i], below, to, moved);
        }
        free(expansion.folders[i]);
    }
    free(expansion.folders);
    free(expansion.inos);
    return err;
}

enum err overlay_take_places(struct overlay_node *dir, bool has_files)
{
    for (; dir->parent != NULL; dir = dir->parent) {
        char *path = overlay_node_path(dir);
        if (path == NULL) {
            return ERR_NO_MEMORY;
        }
        free(dir->taken_path);
        dir->taken_path = path;
        dir->takes_files |= has_files;
    }
    return ERR_NONE;
}

// Where the folder was moved from there is nothing any more: others have deleted it, or we the last file
// in it. What is to be deleted in it is gone.
static void lose_base(struct overlay *overlay, struct overlay_node *folder)
    REQUIRES(overlay->lock)
{
    struct journal_change *change = journal_change_new();
    struct overlay_name *next = NULL;
    overlay_keep_here(overlay, change, folder);
    journal_submit(overlay->journal, change, false, NULL, NULL);
    overlay_keep_changed(overlay, folder);
    for (struct overlay_name *name = folder->names; name != NULL; name = next) {
        next = name->hh.next;
        if (name->node == NULL) {
            overlay_name_forget(overlay, folder, name);
        }
    }
}

enum err overlay_take_moved(struct overlay_taking *taking, struct overlay_node *folder,
                            const char *path)
{
    uint64_t base = 0;
    size_t n_before = taking->items->n;
    enum err err = overlay_base_of(taking->overlay, folder, &base);
    if (err == ERR_ABSENT) {
        *taking->out_folder = strdup(folder->base_path);
    }
    if (err == ERR_NONE) {
        err = take_folder(taking, base, folder->base_path, path,
                          overlay_moved_above(folder));
    }
    if (err == ERR_NONE) {
        err = overlay_take_places(folder, taking->items->n > n_before);
    }
    if (err == ERR_NOT_FOUND) {
        lose_base(taking->overlay, folder);
        err = ERR_NONE;
    }
    return err;
}

// What the folder held when it was replaced; what others have put there since stays.
static enum err take_earlier(struct overlay_taking *taking, const char *path,
                             const struct oid *commit) REQUIRES(taking->overlay->lock)
{
    const struct mount *mount = taking->overlay->mount;
    uint64_t root = 0;
    uint64_t old = 0;
    if (tree_store_find_root(mount->tree, mount->repo_row, commit, &root) != ERR_NONE ||
        tree_path_folder(mount->tree, root, path, &old) != ERR_NONE) {
        return ERR_NONE; // that is not known any more: all of it stays
    }
    taking->replaced_at = commit;
    enum err err = take_folder(taking, old, path, NULL, NULL);
    taking->replaced_at = NULL;
    return err;
}

// Something else took the place of a folder: its files go one by one, for what is there now may be
// a folder of the same name. One that was moved away has taken with it what others put there.
NO_THREAD_ANALYSIS enum err overlay_take_replaced(struct overlay_taking *taking,
                                                  struct overlay_node *dir,
                                                  const struct overlay_name *entry)
{
    struct overlay *overlay = taking->overlay;
    AUTO_FREE char *path = overlay_join(dir->base_path, entry->name, entry->len);
    struct tree_node node;
    uint64_t base = 0;
    enum err err = path == NULL ? ERR_NO_MEMORY : overlay_base_of(overlay, dir, &base);
    if (err == ERR_NONE) {
        err = namespace_peek(overlay->mount->namespace, base, entry->name, entry->len,
                             &node);
    }
    if (err == ERR_ABSENT) {
        *taking->out_folder = strdup(dir->base_path);
    }
    if (err != ERR_NONE || node.kind != ENTRY_DIRECTORY) {
        return err == ERR_NOT_FOUND ? ERR_NONE : err;
    }
    bool is_same = oid_equal(&entry->under.commit, &taking->view.commit) ||
                   oid_equal(&entry->under.oid, &node.oid);
    if (!is_same && overlay_by_base_path(overlay, path) == NULL) {
        return take_earlier(taking, path, &entry->under.commit);
    }
    err = take_folder(taking, node.ino, path, NULL, NULL);
    return err == ERR_NONE ? overlay_add_vanishing(overlay, path) : err;
}
