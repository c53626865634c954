// SPDX-License-Identifier: Apache-2.0
// What is to be committed next: the walk of the overlay. Only what is sealed is taken, and a name
// that a file was moved away from only together with the file: a commit never loses one.
//
// A folder that was moved is taken whole, with every file of the base that is in it, for the commit
// API knows files only. What was changed in it comes as what it is now.
#include "fs/overlay_taking.h"

#include "fs/mount_parts.h"

enum { THAW_AGAIN_MS = 10000 };

struct overlay_item *overlay_take_item(struct overlay_taking *taking, enum overlay_op op,
                                       char *path)
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

// The name of a folder that was moved; NULL: it was not.
static const struct overlay_name *moved_name(const struct overlay_node *folder)
{
    if (folder->parent == NULL || folder->base_path == NULL) {
        return NULL;
    }
    const struct overlay_name *entry =
        overlay_name_find(folder->parent, folder->name, strlen(folder->name));
    bool is_moved =
        entry != NULL && entry->node == folder && overlay_name_is_change(entry);
    return is_moved ? entry : NULL;
}

const struct overlay_name *overlay_moved_above(const struct overlay_node *folder)
{
    const struct overlay_name *entry = NULL;
    for (; folder != NULL && entry == NULL; folder = folder->parent) {
        entry = moved_name(folder);
    }
    return entry;
}

// Below a folder that was moved nothing has to be deleted: its old place goes as a whole.
static bool is_below_moved(const struct overlay_node *folder)
{
    return overlay_moved_above(folder) != NULL;
}

static enum err take_file(struct overlay_taking *taking, struct overlay_node *dir,
                          struct overlay_name *entry, const char *path)
{
    struct overlay_node *node = entry->node;
    struct local_file_info info;
    char *copy = strdup(path);
    struct overlay_item *item =
        copy != NULL ? overlay_take_item(taking, OVERLAY_PUT, copy) : NULL;
    if (item == NULL || overlay_take_places(dir, true) != ERR_NONE) {
        return ERR_NO_MEMORY;
    }
    local_file_info(node->file, &info);
    set_under(item, &entry->under);
    const struct overlay_name *moved = overlay_moved_above(dir);
    if (moved != NULL && !entry->under.is_after_move) {
        // What the base has is where the folder was.
        item->under_exists = item->under_is_folder = false;
        item->under_commit = moved->under.commit;
    }
    item->moved_with = moved != NULL ? moved->node->id : 0;
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

NO_THREAD_ANALYSIS static bool is_ready(struct overlay_taking *taking,
                                        const struct overlay_name *entry,
                                        const char *path)
{
    struct overlay_node *node = entry->node;
    struct local_file_info info;
    if (node->state != JOURNAL_SEALED || node->is_theirs ||
        node->not_before_ms > taking->now_ms) {
        return false;
    }
    if (!overlay_thaw(taking->overlay, node)) {
        node->not_before_ms = taking->now_ms + THAW_AGAIN_MS; // it holds up nobody else
        return false;
    }
    local_file_info(node->file, &info);
    return !info.is_dirty && !overlay_stays_here(taking->overlay, entry, path);
}

// --------------------------------------------------------------------------------- the walk

static bool may_delete(struct overlay_taking *taking, const struct overlay_node *dir,
                       const struct overlay_name *entry) REQUIRES(taking->overlay->lock)
{
    if (!entry->under.exists || entry->is_taken || entry->is_settled ||
        is_below_moved(dir)) {
        return false;
    }
    struct overlay_node *moved =
        entry->moved_to != 0 ? overlay_by_id(taking->overlay, entry->moved_to) : NULL;
    return moved == NULL || moved->parent == NULL || moved->kind == ENTRY_DIRECTORY ||
           moved->state == JOURNAL_SEALED || moved->state == JOURNAL_CLEAN;
}

// In the repository the name stands where the folder did there.
static enum err take_deletion(struct overlay_taking *taking, enum overlay_op op,
                              const struct overlay_node *dir,
                              const struct overlay_name *entry)
{
    char *old = overlay_join(dir->base_path, entry->name, entry->len);
    struct overlay_item *item = old != NULL ? overlay_take_item(taking, op, old) : NULL;
    if (item == NULL) {
        return ERR_NO_MEMORY;
    }
    set_under(item, &entry->under);
    item->moved_to = entry->node == NULL ? entry->moved_to : 0;
    return ERR_NONE;
}

// The version under a file that is elsewhere than it was and can't be committed yet: where it is deleted
// the repository would lose it.
static enum err note_source(struct overlay_taking *taking,
                            const struct overlay_node *node)
{
    struct local_file_info info;
    struct file_version base = {.path = NULL};
    if (node->file == NULL || node->parent == NULL || node->is_theirs) {
        return ERR_NONE;
    }
    local_file_info(node->file, &info);
    bool can_go = !info.is_dirty &&
                  (node->state == JOURNAL_SEALED || node->state == JOURNAL_CLEAN ||
                   node->state == JOURNAL_UPLOADING);
    if (can_go || local_file_base(node->file, &base) != ERR_NONE) {
        return ERR_NONE;
    }
    char **grown =
        realloc(taking->sources, (taking->n_sources + 1) * sizeof(*taking->sources));
    char *path = grown != NULL ? strdup(base.path) : NULL;
    taking->sources = grown != NULL ? grown : taking->sources;
    if (path != NULL) {
        grown[taking->n_sources++] = path;
    }
    file_version_release(&base);
    return path != NULL ? ERR_NONE : ERR_NO_MEMORY;
}

static bool loses_source(const struct overlay_taking *taking, const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < taking->n_sources; i++) {
        const char *source = taking->sources[i];
        if (strncmp(source, path, len) == 0 &&
            (source[len] == '\0' || source[len] == '/')) {
            return true;
        }
    }
    return false;
}

static void forget_sources(struct overlay_taking *taking)
{
    for (size_t i = 0; i < taking->n_sources; i++) {
        free(taking->sources[i]);
    }
    free(taking->sources);
}

static enum err take_absence(struct overlay_taking *taking, struct overlay_node *dir,
                             const struct overlay_name *entry)
    REQUIRES(taking->overlay->lock)
{
    if (dir->base_path == NULL || !may_delete(taking, dir, entry)) {
        return ERR_NONE; // the repository has no such folder, or the file is not there yet
    }
    if (entry->under.kind == ENTRY_DIRECTORY) {
        AUTO_FREE char *old = overlay_join(dir->base_path, entry->name, entry->len);
        if (old == NULL || loses_source(taking, old)) {
            return old == NULL ? ERR_NO_MEMORY : ERR_NONE;
        }
    }
    return take_deletion(taking,
                         entry->under.kind == ENTRY_DIRECTORY ? OVERLAY_DELETE_FOLDER
                                                              : OVERLAY_DELETE_FILE,
                         dir, entry);
}

// What the repository has under a name where something else stands by now, and one of both is a folder.
static enum err take_old(struct overlay_taking *taking, struct overlay_node *dir,
                         const struct overlay_name *entry) REQUIRES(taking->overlay->lock)
{
    bool is_folder = entry->node->kind == ENTRY_DIRECTORY;
    if (!entry->under.exists || dir->base_path == NULL || is_below_moved(dir) ||
        (is_folder && !overlay_name_is_change(entry))) {
        return ERR_NONE; // there is nothing, or it goes as a whole
    }
    if (entry->under.kind == ENTRY_DIRECTORY) {
        return overlay_take_replaced(taking, dir, entry);
    }
    return is_folder ? take_deletion(taking, OVERLAY_DELETE_FILE, dir, entry) : ERR_NONE;
}

static enum err take_name(struct overlay_taking *taking, struct overlay_node *dir,
                          struct overlay_name *entry, const char *path)
    REQUIRES(taking->overlay->lock)
{
    struct overlay_node *node = entry->node;
    if (node == NULL) {
        return take_absence(taking, dir, entry);
    }
    bool is_folder = node->kind == ENTRY_DIRECTORY;
    if (!is_folder && !is_ready(taking, entry, path)) {
        return ERR_NONE;
    }
    enum err err = take_old(taking, dir, entry);
    if (err != ERR_NONE) {
        return err;
    }
    if (!is_folder) {
        return take_file(taking, dir, entry, path);
    }
    return moved_name(node) != NULL ? overlay_take_moved(taking, node, path) : ERR_NONE;
}

NO_THREAD_ANALYSIS static enum err take_folder(struct overlay_taking *taking,
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

// The file that stood where the deletion is and is put elsewhere by now; NULL: there is none.
static struct overlay_node *moved_by(struct overlay *overlay,
                                     const struct overlay_item *item)
    REQUIRES(overlay->lock)
{
    struct overlay_node *node =
        item->moved_to != 0 ? overlay_by_id(overlay, item->moved_to) : NULL;
    bool is_put = node != NULL && node->kind == ENTRY_FILE && node->parent != NULL &&
                  node->state == JOURNAL_SEALED;
    return is_put ? node : NULL;
}

// The first ones go. A deletion that belongs to a file goes when that does, whatever its own place.
NO_THREAD_ANALYSIS static void cut(struct overlay_taking *taking)
{
    struct overlay *overlay = taking->overlay;
    struct overlay_items *items = taking->items;
    size_t n_going = 0;
    size_t n = 0;
    if (items->n <= taking->n_max || has_moves(items)) {
        return;
    }
    for (size_t i = 0; i < items->n; i++) {
        struct overlay_item *item = &items->items[i];
        bool goes = moved_by(overlay, item) != NULL || n_going++ < taking->n_max;
        if (!goes && item->id != 0) {
            overlay_by_id(overlay, item->id)->is_put_off = true;
        }
        item->is_put_off = !goes;
    }
    for (size_t i = 0; i < items->n; i++) {
        struct overlay_item *item = &items->items[i];
        const struct overlay_node *moved = moved_by(overlay, item);
        if (item->is_put_off || (moved != NULL && moved->is_put_off)) {
            overlay_none_above_vanishes(overlay, item->path);
            overlay_item_release(item);
        } else {
            items->items[n++] = *item;
        }
    }
    items->has_more = n < items->n;
    items->n = n;
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
    } else if (item->op != OVERLAY_PUT) {
        overlay->n_unnamed++;
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

// What is remembered of the commit before is over: also what was deleted while it was on its way into a
// folder that did not come to be.
static void forget_last(struct overlay *overlay) REQUIRES(overlay->lock)
{
    overlay_nothing_vanishes(overlay);
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        struct overlay_name *next = NULL;
        free(node->taken_path);
        node->taken_path = NULL;
        node->takes_files = false;
        node->is_put_off = false;
        for (struct overlay_name *name = node->names; name != NULL; name = next) {
            next = name->hh.next;
            name->is_taken = false;
            bool has_gone = name->node == NULL && node->base_path == NULL;
            name->is_settled |= has_gone && overlay->is_expecting;
            if (has_gone && !overlay->is_expecting) {
                overlay_name_forget(overlay, node, name);
            }
        }
    }
}

NO_THREAD_ANALYSIS static enum err collect(struct overlay_taking *taking)
{
    struct overlay *overlay = taking->overlay;
    struct overlay_items *out = taking->items;
    enum err err = ERR_NONE;
    snapshot_current(overlay->mount->snapshot, &taking->view);
    overlay->taken_over = taking->view.commit;
    forget_last(overlay);
    for (struct overlay_node *node = overlay->by_ino; node != NULL && err == ERR_NONE;
         node = node->by_ino.next) {
        err = note_source(taking, node);
    }
    for (struct overlay_node *node = overlay->by_ino; node != NULL && err == ERR_NONE;
         node = node->by_ino.next) {
        if (node->names != NULL) {
            err = take_folder(taking, node);
        }
    }
    forget_sources(taking);
    if (err == ERR_NONE && out->n > 0) {
        qsort(out->items, out->n, sizeof(*out->items), by_path);
        join_twins(out);
        cut(taking);
        err = overlay_note_vanishing(overlay, out, taking->out_folder);
    }
    return err;
}

void overlay_taken_is_over(struct overlay *overlay)
{
    lock_acquire(&overlay->lock);
    overlay->n_unnamed = 0;
    lock_release(&overlay->lock);
}

enum err overlay_take(struct overlay *overlay, size_t n_max, struct overlay_items *out,
                      char **out_folder)
{
    enum { TRIES = 10 };
    *out_folder = NULL;
    for (int i = 0; i < TRIES; i++) {
        struct overlay_taking taking = {.overlay = overlay,
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
        overlay_taken_is_over(overlay);
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
