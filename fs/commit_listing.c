// SPDX-License-Identifier: Apache-2.0
// A commit names its parent, so a folder holds what it held there but for what the commit has changed.
// What is written down stays for ever: a folder's id, which the Hub has told, must be that of what is
// written down for it. It is not when there are executables or symlinks; then nothing is. The Hub tells
// no id of a root.
#include "fs/commit_listing.h"

#include "fs/git_tree_id.h"
#include "fs/tree_path.h"

enum {
    ENTRIES_MAX = 1000
}; // of a page of the Hub: what is larger costs more than asking

// Something that the commit may have changed.
struct touched {
    const char *path;
    const struct commit_there *there;
};

struct keeping {
    struct tree_store *tree;
    struct touched *touched; // by path
    size_t n_touched;
    uint64_t parent_root;
    uint64_t root;
    // Of the folder in hand:
    const char *folder;
    struct tree_entry *entries;
    size_t n;
    enum err err;
};

static int by_path(const void *a, const void *b)
{
    const struct touched *left = a;
    const struct touched *right = b;
    return strcmp(left->path, right->path);
}

static bool is_touched(const struct keeping *keeping, const char *path)
{
    const struct touched key = {path, NULL};
    return bsearch(&key, keeping->touched, keeping->n_touched, sizeof(key), by_path) !=
           NULL;
}

// ----------------------------------------------------------------------------- the entries

// `path` is malloc'd, and its own from here on.
static enum err add(struct keeping *keeping, char *path, const struct tree_node *node)
{
    struct tree_entry *grown =
        realloc(keeping->entries, (keeping->n + 1) * sizeof(*keeping->entries));
    keeping->entries = grown != NULL ? grown : keeping->entries;
    if (grown == NULL || path == NULL) {
        free(path);
        return ERR_NO_MEMORY;
    }
    grown[keeping->n++] = (struct tree_entry){.path = path,
                                              .kind = node->kind,
                                              .executable = node->executable,
                                              .has_sha256 = node->has_sha256,
                                              .has_xet = node->has_xet,
                                              .masked = node->masked,
                                              .size = node->size,
                                              .oid = node->oid,
                                              .sha256 = node->sha256,
                                              .xet_hash = node->xet_hash};
    return ERR_NONE;
}

static void drop_entries(struct keeping *keeping)
{
    for (size_t i = 0; i < keeping->n; i++) {
        free((char *)(uintptr_t)keeping->entries[i].path);
    }
    free(keeping->entries);
    keeping->entries = NULL;
    keeping->n = 0;
}

static bool on_old(void *ctx, uint64_t position, const char *name,
                   const struct tree_node *node)
{
    struct keeping *keeping = ctx;
    const char *slash = keeping->folder[0] != '\0' ? "/" : "";
    char *path = NULL;
    (void)position;
    if (asprintf(&path, "%s%s%s", keeping->folder, slash, name) < 0) {
        path = NULL; // glibc leaves it undefined
    }
    if (path != NULL && is_touched(keeping, path)) {
        free(path);
        return true;
    }
    keeping->err = add(keeping, path, node);
    return keeping->err == ERR_NONE;
}

static bool is_child(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    const char *name = path + len + (len > 0);
    return strncmp(path, folder, len) == 0 && (len == 0 || path[len] == '/') &&
           strchr(name, '/') == NULL;
}

static enum err add_touched(struct keeping *keeping)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < keeping->n_touched; i++) {
        const struct touched *touched = &keeping->touched[i];
        if (!touched->there->exists || !is_child(touched->path, keeping->folder)) {
            continue;
        }
        struct tree_node node = file_version_node(&touched->there->version);
        node.kind = touched->there->kind;
        err = add(keeping, strdup(touched->path), &node);
    }
    return err;
}

// ----------------------------------------------------------------------------- the folders

// What the folder held at the parent. ERR_ABSENT: not all of that is known.
static enum err gather_old(struct keeping *keeping)
{
    uint64_t old = 0;
    struct tree_dir dir = {.complete = false};
    enum err err =
        tree_path_folder(keeping->tree, keeping->parent_root, keeping->folder, &old);
    if (err != ERR_NONE) {
        return err == ERR_NOT_FOUND ? ERR_NONE : err; // it is new
    }
    err = tree_store_dir(keeping->tree, old, &dir);
    if (err != ERR_NONE || !dir.complete || dir.entries > ENTRIES_MAX) {
        return err != ERR_NONE ? err : ERR_ABSENT;
    }
    err = tree_store_list(keeping->tree, old, 0, on_old, keeping);
    return err == ERR_NONE ? keeping->err : err;
}

static enum err check(const struct keeping *keeping, uint64_t ino)
{
    struct tree_node node;
    struct oid oid;
    if (keeping->folder[0] == '\0') {
        return ERR_NONE;
    }
    enum err err = tree_store_node(keeping->tree, ino, &node);
    if (err == ERR_NONE) {
        err = git_tree_id(keeping->entries, keeping->n, &oid);
    }
    return err == ERR_NONE && !oid_equal(&oid, &node.oid) ? ERR_ABSENT : err;
}

// A folder that is not known whole has at least what has changed in it.
static enum err keep_some(struct keeping *keeping, uint64_t ino)
{
    drop_entries(keeping);
    enum err err = add_touched(keeping);
    for (size_t i = 0; err == ERR_NONE && i < keeping->n; i++) {
        struct tree_node node;
        err = tree_store_put_single(keeping->tree, ino, &keeping->entries[i], &node);
    }
    return err;
}

static enum err keep(struct keeping *keeping, const char *folder)
{
    uint64_t ino = 0;
    struct tree_dir dir = {.complete = false};
    keeping->folder = folder;
    keeping->err = ERR_NONE;
    enum err err = tree_path_folder(keeping->tree, keeping->root, folder, &ino);
    if (err == ERR_NONE && tree_store_dir(keeping->tree, ino, &dir) == ERR_NONE &&
        dir.complete) {
        return ERR_NONE;
    }
    if (err == ERR_NONE) {
        err = gather_old(keeping);
        err = err == ERR_NONE ? add_touched(keeping) : err;
        err = err == ERR_NONE ? check(keeping, ino) : err;
        err = err == ERR_NONE ? tree_store_put_page(keeping->tree, ino, keeping->entries,
                                                    keeping->n, NULL, NULL)
              : err == ERR_ABSENT ? keep_some(keeping, ino)
                                  : err;
    }
    drop_entries(keeping);
    return err;
}

// A folder is above many files.
static void drop_twins(struct keeping *keeping)
{
    size_t n = 0;
    for (size_t i = 0; i < keeping->n_touched; i++) {
        const struct touched *touched = &keeping->touched[i];
        if (n == 0 || strcmp(touched->path, keeping->touched[n - 1].path) != 0) {
            keeping->touched[n++] = *touched;
        }
    }
    keeping->n_touched = n;
}

enum err commit_listing_keep(struct commit_work *work, const struct oid *parent,
                             const struct oid *commit, const char *const *paths,
                             const struct commit_there *there, size_t n)
{
    struct mount *mount = work->mount;
    AUTO_FREE struct touched *touched = calloc(n + 1, sizeof(*touched));
    struct keeping keeping = {.tree = mount->tree, .touched = touched, .n_touched = n};
    if (touched == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err =
        tree_store_find_root(mount->tree, mount->repo_row, parent, &keeping.parent_root);
    if (err == ERR_NONE) {
        err = tree_store_root(mount->tree, mount->repo_row, commit, clock_wall_s(),
                              &keeping.root);
    }
    for (size_t i = 0; i < n; i++) {
        touched[i] = (struct touched){paths[i], &there[i]};
    }
    qsort(touched, n, sizeof(*touched), by_path);
    drop_twins(&keeping);
    err = err == ERR_NONE ? keep(&keeping, "") : err;
    for (size_t i = 0; err == ERR_NONE && i < keeping.n_touched; i++) {
        const struct commit_there *it = touched[i].there;
        if (it->exists && it->kind == ENTRY_DIRECTORY) {
            err = keep(&keeping, touched[i].path);
        }
    }
    return err;
}
