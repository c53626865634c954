// SPDX-License-Identifier: Apache-2.0
// What is to be committed next: the walk of the overlay. Only what is sealed is taken, and a name
// that a file was moved away from only together with the file: a commit never loses one.
//
// A folder that was moved is taken whole, with every file of the base that is in it, for the commit
// API knows files only. What was changed in it comes as what it is now.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

struct taking {
    struct overlay *overlay;
    struct overlay_items *items;
    size_t capacity;
    size_t n_max;
    int64_t now_ms;
    struct snapshot_view view;
    char **out_folder;
};

static struct overlay_item *add(struct taking *taking, enum overlay_op op, char *path)
{
    struct overlay_items *items = taking->items;
    if (items->n == taking->capacity) {
        size_t capacity = taking->capacity == 0 ? 64 : taking->capacity * 2;
        struct overlay_item *grown =
            realloc(items->items, capacity * sizeof(*items->items));
        if (grown == NULL) {
            free(path);
            return NULL;
        }
        items->items = grown;
        taking->capacity = capacity;
    }
    struct overlay_item *item = &items->items[items->n++];
    *item = (struct overlay_item){.op = op, .path = path};
    return item;
}

static void set_under(struct overlay_item *item, const struct overlay_under *under)
{
    item->under_exists = under->exists;
    item->under_is_folder = under->exists && under->kind == ENTRY_DIRECTORY;
    item->under_oid = under->oid;
    item->under_commit = under->commit;
}

// Where the folder stands, and those above it. New ones get a place in the repository with the first
// file in them.
static enum err note_folders(struct overlay_node *dir, bool has_files)
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

static bool is_moved(const struct overlay_node *folder)
{
    if (folder->parent == NULL || folder->base_path == NULL) {
        return false;
    }
    const struct overlay_name *entry =
        overlay_name_find(folder->parent, folder->name, strlen(folder->name));
    return entry != NULL && entry->node == folder && overlay_name_is_change(entry);
}

// Below a folder that was moved nothing has to be deleted: its old place goes as a whole.
static bool is_below_moved(const struct overlay_node *folder)
{
    while (folder != NULL && !is_moved(folder)) {
        folder = folder->parent;
    }
    return folder != NULL;
}

static enum err take_file(struct taking *taking, struct overlay_node *dir,
                          struct overlay_name *entry, const char *path)
{
    struct overlay_node *node = entry->node;
    struct local_file_info info;
    char *copy = strdup(path);
    struct overlay_item *item = copy != NULL ? add(taking, OVERLAY_PUT, copy) : NULL;
    if (item == NULL || note_folders(dir, true) != ERR_NONE) {
        return ERR_NO_MEMORY;
    }
    local_file_info(node->file, &info);
    set_under(item, &entry->under);
    if (is_below_moved(dir)) { // what the base has is where the folder was
        item->under_exists = item->under_is_folder = false;
        item->under_commit = taking->view.commit;
    }
    item->id = node->id;
    item->generation = info.generation;
    item->file = local_file_ref(node->file);
    if (info.is_base) {
        enum err err = local_file_base(node->file, &item->version);
        if (err != ERR_NONE) {
            return err;
        }
        item->has_version = true;
    }
    return ERR_NONE;
}

static bool is_ready(struct taking *taking, const struct overlay_name *entry,
                     const char *path) REQUIRES(taking->overlay->lock)
{
    const struct overlay_node *node = entry->node;
    struct local_file_info info;
    if (node->state != JOURNAL_SEALED || node->is_theirs ||
        node->not_before_ms > taking->now_ms) {
        return false;
    }
    local_file_info(node->file, &info);
    return !info.is_dirty && !overlay_stays_here(taking->overlay, entry, path);
}

// ------------------------------------------------------------------------- moved folders

struct expansion {
    struct taking *taking;
    struct overlay_node *folder; // NULL: nobody has looked into it
    const char *base_path;
    const char *path; // NULL: everything goes
    enum err err;
    char **folders; // to be gone into
    uint64_t *inos;
    size_t n_folders;
};

static enum err take_base(struct expansion *expansion, const char *name,
                          const struct tree_node *node)
{
    struct taking *taking = expansion->taking;
    AUTO_FREE char *from = overlay_join(expansion->base_path, name, strlen(name));
    char *to = overlay_join(expansion->path, name, strlen(name));
    struct overlay_item *item = to != NULL ? add(taking, OVERLAY_PUT, to) : NULL;
    if (from == NULL || item == NULL) {
        return ERR_NO_MEMORY;
    }
    item->under_commit = taking->view.commit;
    item->has_version = true;
    return file_version_of(node, &taking->view.commit, from, &item->version);
}

static enum err delete_base(struct expansion *expansion, const char *name,
                            const struct tree_node *node)
{
    struct taking *taking = expansion->taking;
    char *path = overlay_join(expansion->base_path, name, strlen(name));
    struct overlay_item *item =
        path != NULL ? add(taking, OVERLAY_DELETE_FILE, path) : NULL;
    if (item == NULL) {
        return ERR_NO_MEMORY;
    }
    item->under_exists = true;
    item->under_oid = node->oid;
    item->under_commit = taking->view.commit;
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

NO_THREAD_ANALYSIS static enum err expand(struct taking *taking, uint64_t base_ino,
                                          const char *base_path, const char *path)
{
    struct overlay *overlay = taking->overlay;
    struct expansion expansion = {
        .taking = taking,
        .folder = path != NULL ? overlay_by_base_path(overlay, base_path) : NULL,
        .base_path = base_path,
        .path = path};
    struct tree_dir state = {.complete = false};
    enum err err = tree_store_dir(overlay->mount->tree, base_ino, &state);
    if (err == ERR_ABSENT || (err == ERR_NONE && !state.complete)) {
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
                      : expand(taking, expansion.inos[i], below, to);
        }
        free(expansion.folders[i]);
    }
    free(expansion.folders);
    free(expansion.inos);
    return err;
}

static enum err take_moved(struct taking *taking, struct overlay_node *folder,
                           const char *path) REQUIRES(taking->overlay->lock)
{
    uint64_t base = 0;
    size_t n_before = taking->items->n;
    enum err err = overlay_base_of(taking->overlay, folder, &base);
    if (err == ERR_ABSENT) {
        *taking->out_folder = strdup(folder->base_path);
    }
    if (err == ERR_NONE) {
        err = expand(taking, base, folder->base_path, path);
    }
    if (err == ERR_NONE) {
        err = note_folders(folder, taking->items->n > n_before);
    }
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

// Something else took the place of a folder: its files go one by one, for what is there now may be
// a folder of the same name.
NO_THREAD_ANALYSIS static enum err take_replaced(struct taking *taking,
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
    if (err == ERR_NONE && node.kind == ENTRY_DIRECTORY) {
        return expand(taking, node.ino, path, NULL);
    }
    return err == ERR_NONE || err == ERR_NOT_FOUND ? ERR_NONE : err;
}

// --------------------------------------------------------------------------------- the walk

static bool may_delete(struct taking *taking, const struct overlay_node *dir,
                       const struct overlay_name *entry) REQUIRES(taking->overlay->lock)
{
    if (!entry->under.exists || entry->is_taken || is_below_moved(dir)) {
        return false;
    }
    struct overlay_node *moved =
        entry->moved_to != 0 ? overlay_by_id(taking->overlay, entry->moved_to) : NULL;
    return moved == NULL || moved->parent == NULL || moved->kind == ENTRY_DIRECTORY ||
           moved->state == JOURNAL_SEALED || moved->state == JOURNAL_CLEAN;
}

static enum err take_name(struct taking *taking, struct overlay_node *dir,
                          struct overlay_name *entry, const char *path)
    REQUIRES(taking->overlay->lock)
{
    struct overlay_node *node = entry->node;
    if (node == NULL && dir->base_path == NULL) {
        return ERR_NONE; // the repository has no such folder
    }
    if (node == NULL) {
        // In the repository it stands where the folder did there.
        char *old = may_delete(taking, dir, entry)
                        ? overlay_join(dir->base_path, entry->name, entry->len)
                        : NULL;
        if (old == NULL) {
            return ERR_NONE;
        }
        struct overlay_item *item =
            add(taking,
                entry->under.kind == ENTRY_DIRECTORY ? OVERLAY_DELETE_FOLDER
                                                     : OVERLAY_DELETE_FILE,
                old);
        if (item == NULL) {
            return ERR_NO_MEMORY;
        }
        set_under(item, &entry->under);
        return ERR_NONE;
    }
    bool is_folder = node->kind == ENTRY_DIRECTORY;
    if (!is_folder && !is_ready(taking, entry, path)) {
        return ERR_NONE;
    }
    enum err err = ERR_NONE;
    if (is_below_moved(dir)) {
        // Its old place goes as a whole.
    } else if (entry->under.exists && entry->under.kind == ENTRY_DIRECTORY &&
               dir->base_path != NULL && (!is_folder || overlay_name_is_change(entry))) {
        err = take_replaced(taking, dir, entry);
    } else if (entry->under.exists && is_folder && overlay_name_is_change(entry) &&
               dir->base_path != NULL) {
        char *old = overlay_join(dir->base_path, entry->name, entry->len);
        struct overlay_item *item =
            old != NULL ? add(taking, OVERLAY_DELETE_FILE, old) : NULL;
        err = item == NULL ? ERR_NO_MEMORY : ERR_NONE;
        if (item != NULL) {
            set_under(item, &entry->under);
        }
    }
    if (err != ERR_NONE) {
        return err;
    }
    if (!is_folder) {
        return take_file(taking, dir, entry, path);
    }
    return is_moved(node) ? take_moved(taking, node, path) : ERR_NONE;
}

NO_THREAD_ANALYSIS static enum err take_folder(struct taking *taking,
                                               struct overlay_node *dir)
{
    AUTO_FREE char *path = overlay_node_path(dir);
    if (path == NULL) {
        return ERR_NONE; // nothing names it
    }
    enum err err = ERR_NONE;
    for (struct overlay_name *entry = dir->names; entry != NULL && err == ERR_NONE;
         entry = entry->hh.next) {
        AUTO_FREE char *below = overlay_join(path, entry->name, entry->len);
        err = below == NULL ? ERR_NO_MEMORY : take_name(taking, dir, entry, below);
    }
    return err;
}

static int by_path(const void *a, const void *b)
{
    const struct overlay_item *left = a;
    const struct overlay_item *right = b;
    int order = strcmp(left->path, right->path);
    return order != 0 ? order : (int)right->op - (int)left->op; // deletions first
}

// Files that moved belong to the deletions of where they were: those commits are not cut.
static bool has_moves(const struct overlay_items *items)
{
    for (size_t i = 0; i < items->n; i++) {
        if (items->items[i].op == OVERLAY_PUT && items->items[i].has_version) {
            return true;
        }
    }
    return false;
}

// A path that is deleted and put in one commit is only put.
static void join_twins(struct overlay_items *items)
{
    size_t n = 0;
    for (size_t i = 0; i < items->n; i++) {
        struct overlay_item *item = &items->items[i];
        struct overlay_item *next = i + 1 < items->n ? item + 1 : NULL;
        if (item->op == OVERLAY_DELETE_FILE && next != NULL && next->op == OVERLAY_PUT &&
            strcmp(item->path, next->path) == 0) {
            next->under_exists = item->under_exists;
            next->under_oid = item->under_oid;
            next->under_commit = item->under_commit;
            overlay_item_release(item);
            continue;
        }
        items->items[n++] = *item;
    }
    items->n = n;
}

static void cut(struct taking *taking)
{
    struct overlay_items *items = taking->items;
    if (items->n <= taking->n_max || has_moves(items)) {
        return;
    }
    for (size_t i = taking->n_max; i < items->n; i++) {
        overlay_item_release(&items->items[i]);
    }
    items->n = taking->n_max;
    items->has_more = true;
}

// From here on it is on its way. False: somebody writes to it; the overlay is locked, but not the file.
static bool freeze(struct overlay *overlay, const struct overlay_item *item)
    REQUIRES(overlay->lock)
{
    struct overlay_node *node = item->id != 0 ? overlay_by_id(overlay, item->id) : NULL;
    if (node != NULL && !local_file_freeze(node->file, item->generation)) {
        return false;
    }
    if (node != NULL) {
        node->state = JOURNAL_UPLOADING;
        node->moved_again = false;
    }
    struct overlay_name *entry =
        item->op != OVERLAY_PUT ? overlay_name_at(overlay, item->path) : NULL;
    if (entry != NULL && entry->node == NULL) {
        entry->is_taken = true;
    }
    return true;
}

// How many of them are on their way: all, or those before one that somebody writes to.
static size_t freeze_all(struct overlay *overlay, const struct overlay_items *items)
    REQUIRES(overlay->lock)
{
    for (size_t i = 0; i < items->n; i++) {
        if (!freeze(overlay, &items->items[i])) {
            return i;
        }
    }
    return items->n;
}

// What is remembered of the commit before is over.
static void forget_last(struct overlay *overlay) REQUIRES(overlay->lock)
{
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        free(node->taken_path);
        node->taken_path = NULL;
        node->takes_files = node->vanishes = false;
        for (struct overlay_name *name = node->names; name != NULL;
             name = name->hh.next) {
            name->is_taken = false;
        }
    }
}

NO_THREAD_ANALYSIS static enum err collect(struct taking *taking)
{
    struct overlay *overlay = taking->overlay;
    struct overlay_items *out = taking->items;
    enum err err = ERR_NONE;
    snapshot_current(overlay->mount->snapshot, &taking->view);
    forget_last(overlay);
    for (struct overlay_node *node = overlay->by_ino; node != NULL && err == ERR_NONE;
         node = node->by_ino.next) {
        if (node->names != NULL) {
            err = take_folder(taking, node);
        }
    }
    if (err == ERR_NONE && out->n > 0) {
        qsort(out->items, out->n, sizeof(*out->items), by_path);
        join_twins(out);
        cut(taking);
        err = overlay_note_vanishing(overlay, out, taking->out_folder);
    }
    return err;
}

enum err overlay_take(struct overlay *overlay, size_t n_max, struct overlay_items *out,
                      char **out_folder)
{
    enum { TRIES = 10 };
    *out_folder = NULL;
    for (int i = 0; i < TRIES; i++) {
        struct taking taking = {.overlay = overlay,
                                .items = out,
                                .n_max = n_max,
                                .now_ms = clock_now_ms(),
                                .out_folder = out_folder};
        *out = (struct overlay_items){.n = 0};
        lock_acquire(&overlay->lock);
        enum err err = collect(&taking);
        size_t n = err == ERR_NONE ? freeze_all(overlay, out) : 0;
        if (err == ERR_NONE && n == out->n) {
            overlay->first_sealed_ms = out->has_more ? taking.now_ms : 0;
        }
        lock_release(&overlay->lock);
        if (err == ERR_NONE && n == out->n) {
            return ERR_NONE;
        }
        overlay_returned(overlay, out->items, n, ERR_NONE, NULL, 0);
        overlay_items_release(out);
        if (err != ERR_NONE) {
            return err;
        }
    }
    return ERR_NONE; // nothing: whoever writes there all the time will seal it
}

void overlay_item_release(struct overlay_item *item)
{
    local_file_put(item->file);
    if (item->has_version) {
        file_version_release(&item->version);
    }
    free(item->path);
}

void overlay_items_release(struct overlay_items *items)
{
    for (size_t i = 0; i < items->n; i++) {
        overlay_item_release(&items->items[i]);
    }
    free(items->items);
    *items = (struct overlay_items){.n = 0};
}
