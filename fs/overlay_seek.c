// SPDX-License-Identifier: Apache-2.0
// What stands under a name: first what the overlay says, then what the base has at the commit that
// the mount shows. What was committed here is remembered with the version it became; when the base
// has another one by now, the base is right.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

static void current_view(struct overlay *overlay, struct snapshot_view *out)
{
    snapshot_current(overlay->mount->snapshot, out);
}

// Down a path of folders, from this machine alone.
static enum err peek_path(struct overlay *overlay, uint64_t from, const char *path,
                          uint64_t *out_ino)
{
    uint64_t at = from;
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        struct tree_node node;
        enum err err = namespace_peek(overlay->mount->namespace, at, path, len, &node);
        if (err == ERR_NONE && node.kind != ENTRY_DIRECTORY) {
            err = ERR_NOT_FOUND;
        }
        if (err != ERR_NONE) {
            return err == ERR_NOT_DIRECTORY ? ERR_NOT_FOUND : err;
        }
        at = node.ino;
        path += len;
        path += *path == '/';
    }
    *out_ino = at;
    return ERR_NONE;
}

enum err overlay_base_of(struct overlay *overlay, struct overlay_node *dir,
                         uint64_t *out_ino)
{
    struct snapshot_view view;
    if (dir->base_path == NULL) {
        return ERR_NOT_FOUND;
    }
    current_view(overlay, &view);
    if (!oid_equal(&dir->base_commit, &view.commit)) {
        uint64_t ino = 0;
        enum err err = peek_path(overlay, view.repo_root, dir->base_path, &ino);
        if (err != ERR_NONE && err != ERR_NOT_FOUND) {
            return err;
        }
        dir->base_ino = ino;
        dir->base_commit = view.commit;
    }
    *out_ino = dir->base_ino;
    return dir->base_ino != 0 ? ERR_NONE : ERR_NOT_FOUND;
}

static enum err peek_base(struct overlay *overlay, struct overlay_node *dir,
                          const char *name, size_t len, struct tree_node *out,
                          struct overlay_under *out_under) REQUIRES(overlay->lock)
{
    struct snapshot_view view;
    uint64_t base = 0;
    current_view(overlay, &view);
    enum err err = overlay_base_of(overlay, dir, &base);
    if (err == ERR_NONE) {
        err = namespace_peek(overlay->mount->namespace, base, name, len, out);
    }
    if (err == ERR_NONE || err == ERR_NOT_FOUND) {
        *out_under = (struct overlay_under){.exists = err == ERR_NONE};
        if (dir->base_path != NULL) { // else nobody has looked: the folder is new
            out_under->commit = view.commit;
        }
    }
    if (err == ERR_NONE) {
        out_under->kind = out->kind;
        out_under->oid = out->oid;
    }
    return err;
}

enum err overlay_seek_base(struct overlay *overlay, struct overlay_node *dir,
                           const char *name, struct overlay_found *out)
{
    *out = (struct overlay_found){.entry = NULL};
    return peek_base(overlay, dir, name, strlen(name), &out->base, &out->under);
}

bool overlay_is_outdated(struct overlay *overlay, struct overlay_node *dir,
                         const struct overlay_name *name)
{
    struct snapshot_view view;
    struct tree_node base;
    struct overlay_under now = {.exists = false};
    current_view(overlay, &view);
    if (!name->under.exists || oid_equal(&name->under.commit, &view.commit)) {
        return false;
    }
    enum err err = peek_base(overlay, dir, name->name, name->len, &base, &now);
    return err != ERR_NONE || now.kind != name->under.kind ||
           !oid_equal(&now.oid, &name->under.oid);
}

// Whether the name is a memory of something that was committed, which the base may contradict.
static bool is_memory(const struct overlay_name *entry)
{
    return entry->node != NULL && !overlay_name_is_change(entry);
}

// A memory that the base contradicts: who reads it goes on with it.
static void forget_memory(struct overlay *overlay, struct overlay_node *dir,
                          struct overlay_name *entry) REQUIRES(overlay->lock)
{
    struct overlay_node *node = entry->node;
    overlay_name_forget(overlay, dir, entry);
    overlay_node_unplace(node);
    node->is_outdated = node->kind != ENTRY_DIRECTORY;
    overlay_node_sweep(overlay, node);
}

// ERR_NONE: the memory is right (again), or somebody may write to it yet: over the version that it
// was opened as, so that what is written is a conflict and not lost.
static enum err check_memory(struct overlay *overlay, struct overlay_node *dir,
                             struct overlay_name *entry) REQUIRES(overlay->lock)
{
    struct snapshot_view view;
    struct tree_node base;
    struct overlay_under under;
    current_view(overlay, &view);
    if (oid_equal(&entry->under.commit, &view.commit)) {
        return ERR_NONE;
    }
    enum err err = peek_base(overlay, dir, entry->name, entry->len, &base, &under);
    if (err != ERR_NONE && err != ERR_NOT_FOUND) {
        return err;
    }
    bool is_folder = entry->node->kind == ENTRY_DIRECTORY;
    bool is_same = err == ERR_NONE && (base.kind == ENTRY_DIRECTORY) == is_folder &&
                   (is_folder || oid_equal(&base.oid, &entry->under.oid));
    if (is_same || (is_folder && overlay_has_changes(overlay, entry->node))) {
        entry->under = under;
        return ERR_NONE;
    }
    return overlay_has_writers(overlay, entry->node) ? ERR_NONE : ERR_NOT_FOUND;
}

// A folder that the base has no more, but in which something was changed here, is still there.
static struct overlay_node *find_changed(struct overlay *overlay,
                                         struct overlay_node *dir, const char *name,
                                         size_t len) REQUIRES(overlay->lock)
{
    AUTO_FREE char *path =
        dir->base_path != NULL ? overlay_join(dir->base_path, name, len) : NULL;
    struct overlay_node *node = path != NULL ? overlay_by_base_path(overlay, path) : NULL;
    bool is_here =
        node != NULL && node->parent == dir && overlay_has_changes(overlay, node);
    return is_here ? node : NULL;
}

static enum err seek_base(struct overlay *overlay, struct overlay_node *dir,
                          const char *name, size_t len, struct overlay_found *out)
    REQUIRES(overlay->lock)
{
    enum err err = peek_base(overlay, dir, name, len, &out->base, &out->under);
    if (err == ERR_NOT_FOUND) {
        out->node = find_changed(overlay, dir, name, len);
        return out->node != NULL ? ERR_NONE : ERR_NOT_FOUND;
    }
    if (err == ERR_NONE && out->base.kind == ENTRY_DIRECTORY) {
        out->node = overlay_base_folder(overlay, dir, name, len);
        return out->node != NULL ? ERR_NONE : ERR_NO_MEMORY;
    }
    if (err == ERR_NONE &&
        overlay_by_ino(overlay, overlay_number_of(&out->base)) != NULL) {
        // What was saved over this version and given up since still has its number.
        err = overlay_adopt_base(overlay, dir, name, len, out);
    }
    return err;
}

// A folder that was made here, and that the base has by now too, is one folder.
static void merge_folder(struct overlay *overlay, struct overlay_node *dir,
                         struct overlay_name *entry) REQUIRES(overlay->lock)
{
    struct overlay_node *node = entry->node;
    struct tree_node base;
    struct overlay_under under;
    if (node == NULL || node->kind != ENTRY_DIRECTORY || node->base_path != NULL ||
        dir->base_path == NULL || entry->under.exists ||
        peek_base(overlay, dir, entry->name, entry->len, &base, &under) != ERR_NONE ||
        base.kind != ENTRY_DIRECTORY) {
        return;
    }
    AUTO_FREE char *path = overlay_join(dir->base_path, entry->name, entry->len);
    if (path != NULL && overlay_by_base_path(overlay, path) == NULL &&
        overlay_set_base_path(overlay, node, path) == ERR_NONE) {
        // Written down, for what is in it is from now on written down as of the base.
        struct journal_change *change = journal_change_new();
        entry->under = under;
        overlay_row_node(overlay, change, node);
        overlay_row_no_name(change, dir, entry);
        journal_submit(overlay->journal, change, false, NULL, NULL);
    }
}

enum err overlay_seek(struct overlay *overlay, struct overlay_node *dir, const char *name,
                      size_t len, struct overlay_found *out)
{
    *out = (struct overlay_found){.entry = overlay_name_find(dir, name, len)};
    if (dir->kind != ENTRY_DIRECTORY) {
        return ERR_NOT_DIRECTORY;
    }
    if (out->entry != NULL && is_memory(out->entry)) {
        enum err err = check_memory(overlay, dir, out->entry);
        if (err == ERR_NOT_FOUND) {
            forget_memory(overlay, dir, out->entry);
            out->entry = NULL;
        } else if (err != ERR_NONE) {
            return err;
        }
    }
    if (out->entry == NULL) {
        return seek_base(overlay, dir, name, len, out);
    }
    out->node = out->entry->node;
    out->under = out->entry->under;
    merge_folder(overlay, dir, out->entry);
    return out->node != NULL ? ERR_NONE : ERR_NOT_FOUND;
}

// ------------------------------------------------------------------------------- emptiness

struct census {
    const struct overlay_node *dir;
    bool is_empty;
};

static bool count_base(void *ctx, uint64_t position, const char *name,
                       const struct tree_node *node)
{
    struct census *census = ctx;
    (void)position;
    (void)node;
    if (overlay_name_find(census->dir, name, strlen(name)) == NULL) {
        census->is_empty = false;
    }
    return census->is_empty;
}

enum err overlay_is_empty(struct overlay *overlay, struct overlay_node *dir, bool *out)
{
    struct census census = {dir, true};
    overlay_keep_changed(overlay, dir);
    for (struct overlay_name *name = dir->names; name != NULL; name = name->hh.next) {
        census.is_empty = census.is_empty && name->node == NULL;
    }
    uint64_t base = 0;
    enum err err = overlay_base_of(overlay, dir, &base);
    if (err == ERR_NOT_FOUND || !census.is_empty) {
        *out = census.is_empty;
        return ERR_NONE;
    }
    struct tree_dir state = {.complete = false};
    if (err == ERR_NONE) {
        err = tree_store_dir(overlay->mount->tree, base, &state);
    }
    if (err == ERR_NONE && !state.complete) {
        err = ERR_ABSENT;
    }
    if (err == ERR_NONE) {
        err = tree_store_list(overlay->mount->tree, base, 0, count_base, &census);
    }
    if (err == ERR_NONE) {
        *out = census.is_empty;
    }
    return err;
}

// -------------------------------------------------------------------------- asking the Hub

struct preparation {
    struct overlay *overlay;
    struct hub_call call;
    waiter_fn done;
    void *ctx;
    uint64_t dir;
    uint64_t base; // the folder of the base
    struct oid commit;
    bool wants_all;
    size_t len;
    char name[];
};

static void end(struct preparation *preparation, enum err err, const struct why *why)
{
    preparation->done(preparation->ctx, err == ERR_NOT_FOUND ? ERR_NONE : err, why);
    free(preparation);
}

static void on_all(void *ctx, enum err err, const struct why *why)
{
    end(ctx, err, why);
}

// That there is no such name only a folder that is listed to its end can say again.
static void on_name(void *ctx, enum err err, const struct why *why,
                    const struct tree_node *node)
{
    struct preparation *preparation = ctx;
    (void)node;
    if (err == ERR_NOT_FOUND) {
        namespace_complete(preparation->overlay->mount->namespace, preparation->base,
                           &preparation->call, on_all, preparation);
    } else {
        end(preparation, err, why);
    }
}

static void on_base(void *ctx, enum err err, const struct why *why,
                    const struct tree_node *node)
{
    struct preparation *preparation = ctx;
    struct overlay *overlay = preparation->overlay;
    bool is_folder = err == ERR_NONE && node->kind == ENTRY_DIRECTORY;
    if (err != ERR_NONE && err != ERR_NOT_FOUND && err != ERR_NOT_DIRECTORY) {
        end(preparation, err, why);
        return;
    }
    lock_acquire(&overlay->lock);
    struct overlay_node *dir = overlay_by_ino(overlay, preparation->dir);
    if (dir != NULL) {
        dir->base_ino = is_folder ? node->ino : 0;
        dir->base_commit = preparation->commit;
    }
    lock_release(&overlay->lock);
    struct namespace *namespace = overlay->mount->namespace;
    preparation->base = is_folder ? node->ino : 0;
    if (!is_folder) {
        end(preparation, ERR_NONE, NULL);
    } else if (preparation->wants_all) {
        namespace_complete(namespace, node->ino, &preparation->call, on_all, preparation);
    } else {
        namespace_find(namespace, node->ino, preparation->name, preparation->len,
                       &preparation->call, on_name, preparation);
    }
}

void overlay_prepare(struct overlay *overlay, uint64_t dir_ino, const char *name,
                     size_t len, const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct preparation *preparation = calloc(1, sizeof(*preparation) + len + 1);
    AUTO_FREE char *path = NULL;
    lock_acquire(&overlay->lock);
    struct overlay_node *dir = overlay_by_ino(overlay, dir_ino);
    bool has_base = dir != NULL && dir->base_path != NULL;
    if (has_base) {
        path = strdup(dir->base_path);
    }
    lock_release(&overlay->lock);
    if (preparation == NULL || path == NULL) {
        free(preparation);
        done(ctx, dir == NULL ? ERR_STALE : has_base ? ERR_NO_MEMORY : ERR_NONE, NULL);
        return;
    }
    struct snapshot_view view;
    current_view(overlay, &view);
    *preparation = (struct preparation){.overlay = overlay,
                                        .call = *call,
                                        .done = done,
                                        .ctx = ctx,
                                        .dir = dir_ino,
                                        .commit = view.commit,
                                        .wants_all = name == NULL,
                                        .len = len};
    if (name != NULL) {
        memcpy(preparation->name, name, len);
    }
    namespace_walk(overlay->mount->namespace, view.repo_root, path, call, on_base,
                   preparation);
}
