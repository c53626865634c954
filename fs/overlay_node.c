// SPDX-License-Identifier: Apache-2.0
// Nodes and names of the overlay in memory. A node lives as long as the kernel counts it, a name or
// a child leads to it, or it says something that is not on the Hub.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

struct overlay_node *overlay_by_ino(struct overlay *overlay, uint64_t ino)
{
    struct overlay_node *node = NULL;
    HASH_FIND(by_ino, overlay->by_ino, &ino, sizeof(ino), node);
    return node;
}

struct overlay_node *overlay_by_base_path(struct overlay *overlay, const char *path)
{
    struct overlay_node *node = NULL;
    HASH_FIND(by_base, overlay->by_base, path, strlen(path), node);
    return node;
}

struct overlay_node *overlay_by_id(struct overlay *overlay, uint64_t id)
{
    struct overlay_node *node = NULL;
    HASH_FIND(by_id, overlay->by_id, &id, sizeof(id), node);
    return node;
}

struct overlay_node *overlay_node_new(struct overlay *overlay, uint64_t ino, uint64_t id,
                                      enum entry_kind kind)
{
    struct overlay_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->kind = kind;
    node->id = id != 0 ? id : journal_next_id(overlay->journal);
    node->ino = ino != 0 ? ino : INO_LOCAL | node->id;
    clock_gettime(CLOCK_REALTIME, &node->changed_at);
    HASH_ADD(by_ino, overlay->by_ino, ino, sizeof(node->ino), node);
    HASH_ADD(by_id, overlay->by_id, id, sizeof(node->id), node);
    return node;
}

void overlay_drop_base_path(struct overlay *overlay, struct overlay_node *node)
{
    if (node->base_path != NULL) {
        HASH_DELETE(by_base, overlay->by_base, node);
        free(node->base_path);
    }
    node->base_path = NULL;
    node->base_ino = 0;
    node->base_commit = (struct oid){{0}};
}

enum err overlay_set_base_path(struct overlay *overlay, struct overlay_node *node,
                               const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    overlay_drop_base_path(overlay, node);
    node->base_path = copy;
    HASH_ADD_KEYPTR(by_base, overlay->by_base, copy, strlen(copy), node);
    return ERR_NONE;
}

char *overlay_join(const char *dir, const char *name, size_t len)
{
    size_t dir_len = strlen(dir);
    size_t slash = dir_len > 0;
    char *path = malloc(dir_len + slash + len + 1);
    if (path != NULL) {
        memcpy(path, dir, dir_len);
        memcpy(path + dir_len, "/", slash);
        memcpy(path + dir_len + slash, name, len);
        path[dir_len + slash + len] = '\0';
    }
    return path;
}

void overlay_node_unplace(struct overlay_node *node)
{
    if (node->parent != NULL) {
        node->parent->n_children--;
    }
    free(node->name);
    node->name = NULL;
    node->parent = NULL;
}

enum err overlay_node_place(struct overlay_node *node, struct overlay_node *parent,
                            const char *name)
{
    char *copy = strdup(name);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    overlay_node_unplace(node);
    node->name = copy;
    node->parent = parent;
    parent->n_children++;
    return ERR_NONE;
}

struct overlay_node *overlay_base_folder(struct overlay *overlay,
                                         struct overlay_node *parent, const char *name,
                                         size_t len)
{
    AUTO_FREE char *path = overlay_join(parent->base_path, name, len);
    AUTO_FREE char *copy = strndup(name, len);
    if (path == NULL || copy == NULL) {
        return NULL;
    }
    struct overlay_node *node = overlay_by_base_path(overlay, path);
    if (node != NULL && node->parent == parent) {
        return node;
    }
    if (node != NULL) {
        // It was moved away and is committed by now: what stands here is another folder.
        overlay_drop_base_path(overlay, node);
    }
    node = overlay_node_new(overlay, 0, 0, ENTRY_DIRECTORY);
    if (node == NULL) {
        return NULL;
    }
    if (overlay_set_base_path(overlay, node, path) != ERR_NONE ||
        overlay_node_place(node, parent, copy) != ERR_NONE) {
        overlay_node_sweep(overlay, node);
        return NULL;
    }
    node->changed_at = (struct timespec){.tv_sec = 0};
    return node;
}

// The folder of the base at `path`, wherever it stands by now; it is a child of `parent` there.
static struct overlay_node *folder_of_base(struct overlay *overlay,
                                           struct overlay_node *parent, const char *path,
                                           size_t len) REQUIRES(overlay->lock)
{
    AUTO_FREE char *copy = strndup(path, len);
    struct overlay_node *node = copy != NULL ? overlay_by_base_path(overlay, copy) : NULL;
    const char *slash = copy != NULL ? strrchr(copy, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : copy;
    if (copy == NULL || (node != NULL && (node->parent != NULL || node == parent))) {
        return node;
    }
    if (node == NULL) {
        return overlay_base_folder(overlay, parent, name, strlen(name));
    }
    // It was loaded and stands nowhere yet.
    return overlay_node_place(node, parent, name) == ERR_NONE ? node : NULL;
}

struct overlay_node *overlay_make_folders(struct overlay *overlay, const char *path)
{
    size_t skipped = strlen(overlay->root->base_path);
    const char *at = path + skipped + (skipped > 0);
    struct overlay_node *dir = overlay->root;
    for (const char *slash; dir != NULL && (slash = strchr(at, '/')) != NULL;
         at = slash + 1) {
        dir = folder_of_base(overlay, dir, path, (size_t)(slash - path));
    }
    return dir;
}

char *overlay_node_path(const struct overlay_node *node)
{
    char *path = strdup("");
    for (const struct overlay_node *at = node; path != NULL; at = at->parent) {
        const char *name = at->parent != NULL ? at->name : at->base_path;
        if (at->parent == NULL && at->ino != INO_ROOT) {
            free(path);
            return NULL;
        }
        char *longer =
            path[0] != '\0' ? overlay_join(name, path, strlen(path)) : strdup(name);
        free(path);
        path = longer;
        if (at->parent == NULL) {
            break;
        }
    }
    return path;
}

// ---------------------------------------------------------------------------------- names

struct overlay_name *overlay_name_find(const struct overlay_node *dir, const char *name,
                                       size_t len)
{
    struct overlay_name *entry = NULL;
    HASH_FIND(hh, dir->names, name, len, entry);
    return entry;
}

struct overlay_name *overlay_name_put(struct overlay_node *dir, const char *name,
                                      size_t len)
{
    struct overlay_name *entry = overlay_name_find(dir, name, len);
    if (entry != NULL) {
        return entry;
    }
    entry = calloc(1, sizeof(*entry) + len + 1);
    if (entry != NULL) {
        memcpy(entry->name, name, len);
        entry->len = len;
        entry->serial = ++dir->next_serial;
        HASH_ADD_KEYPTR(hh, dir->names, entry->name, len, entry);
    }
    return entry;
}

void overlay_name_forget(struct overlay *overlay, struct overlay_node *dir,
                         struct overlay_name *name)
{
    if (name->has_row) {
        struct journal_change *change = journal_change_new();
        overlay_row_no_name(change, dir, name);
        journal_submit(overlay->journal, change, false, NULL, NULL);
    }
    overlay_name_drop(dir, name);
}

void overlay_name_drop(struct overlay_node *dir, struct overlay_name *name)
{
    HASH_DELETE(hh, dir->names, name);
    free(name);
}

bool overlay_name_is_change(const struct overlay_name *name)
{
    const struct overlay_node *node = name->node;
    if (node == NULL) {
        return name->under.exists;
    }
    if (node->kind != ENTRY_DIRECTORY) {
        return node->state != JOURNAL_CLEAN;
    }
    if (node->base_path == NULL || node->parent == NULL ||
        node->parent->base_path == NULL) {
        return true;
    }
    AUTO_FREE char *path = overlay_join(node->parent->base_path, name->name, name->len);
    return path == NULL || strcmp(path, node->base_path) != 0;
}

bool overlay_node_is_below(const struct overlay_node *node,
                           const struct overlay_node *folder)
{
    while (node != NULL && node != folder) {
        node = node->parent;
    }
    return node != NULL;
}

static bool has_change(struct overlay *overlay, const struct overlay_node *folder,
                       bool counts_deletions) REQUIRES(overlay->lock)
{
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        for (struct overlay_name *name = node->names; name != NULL;
             name = name->hh.next) {
            if ((counts_deletions || name->node != NULL) &&
                overlay_name_is_change(name) && overlay_node_is_below(node, folder)) {
                return true;
            }
        }
    }
    return false;
}

bool overlay_has_changes(struct overlay *overlay, const struct overlay_node *folder)
{
    return has_change(overlay, folder, true);
}

bool overlay_holds_work(struct overlay *overlay, const struct overlay_node *folder)
{
    return has_change(overlay, folder, false);
}

bool overlay_has_writers(struct overlay *overlay, const struct overlay_node *node)
{
    bool has_writers = node->n_handles > 0;
    struct overlay_node *at = node->kind == ENTRY_DIRECTORY ? overlay->by_ino : NULL;
    for (; at != NULL && !has_writers; at = at->by_ino.next) {
        has_writers = at->n_handles > 0 && overlay_node_is_below(at, node);
    }
    return has_writers;
}

// --------------------------------------------------------------------------------- sweeping

// Lookups of files of the base are not counted: one that was opened for writing keeps its node, and
// so its number, for the life of the mount.
static bool is_needed(const struct overlay_node *node)
{
    bool is_changed = node->kind == ENTRY_DIRECTORY ? node->names != NULL
                                                    : node->state != JOURNAL_CLEAN;
    return node->ino == INO_ROOT || node->n_lookups > 0 || node->n_children > 0 ||
           node->n_handles > 0 || (node->kernel_knows && node->parent == NULL) ||
           node->has_row || (is_changed && node->parent != NULL) ||
           (ino_tag(node->ino) == INO_TAG_WRITABLE && node->parent != NULL);
}

void overlay_node_free(struct overlay *overlay, struct overlay_node *node)
{
    HASH_DELETE(by_ino, overlay->by_ino, node);
    HASH_DELETE(by_id, overlay->by_id, node);
    if (node->base_path != NULL) {
        HASH_DELETE(by_base, overlay->by_base, node);
    }
    while (node->names != NULL) {
        overlay_name_drop(node, node->names);
    }
    local_file_put(node->file);
    free(node->taken_path);
    free(node->base_path);
    free(node->name);
    free(node);
}

// Of a file that was deleted: what was written until nobody had it open any more.
static void drop_staging(struct overlay *overlay, const struct overlay_node *node)
    REQUIRES(overlay->lock)
{
    struct local_file_info info = {.is_clean = true};
    if (node->file != NULL) {
        local_file_info(node->file, &info);
    }
    if (!info.is_clean) {
        struct journal_change *change = journal_change_new();
        local_file_drop_staging(node->file, change);
        journal_submit(overlay->journal, change, false, NULL, NULL);
    }
}

void overlay_node_sweep(struct overlay *overlay, struct overlay_node *node)
{
    while (node != NULL && !is_needed(node)) {
        struct overlay_node *parent = node->parent;
        struct overlay_name *entry =
            parent != NULL ? overlay_name_find(parent, node->name, strlen(node->name))
                           : NULL;
        if (entry != NULL && entry->node == node) {
            if (overlay_name_is_change(entry)) {
                return; // a new folder, or one that was moved
            }
            overlay_name_forget(overlay, parent, entry);
        }
        overlay_node_unplace(node);
        drop_staging(overlay, node);
        overlay_node_free(overlay, node);
        node = parent;
    }
}

void overlay_note_sealed(struct overlay *overlay)
{
    int64_t now_ms = clock_now_ms();
    overlay->last_sealed_ms = now_ms;
    if (overlay->first_sealed_ms == 0) {
        overlay->first_sealed_ms = now_ms;
    }
    if (overlay->wake != NULL) {
        overlay->wake(overlay->wake_ctx);
    }
}

// -------------------------------------------------------------------------------- attributes

void overlay_entry_of(struct overlay *overlay, const struct overlay_node *node,
                      struct entry *out)
{
    const struct attributes *attributes = &overlay->mount->attributes;
    bool is_folder = node->kind == ENTRY_DIRECTORY;
    struct local_file_info info = {.size = 0};
    struct timespec changed_at = node->changed_at;
    *out = (struct entry){
        .ino = node->ino, .name_s = ENTRY_MOMENT_S, .stat_s = ENTRY_MOMENT_S};
    if (!is_folder) {
        local_file_info(node->file, &info);
        changed_at = info.mtime;
    } else if (changed_at.tv_sec == 0) {
        changed_at.tv_sec = attributes->fallback_s;
    }
    mode_t mode =
        is_folder ? S_IFDIR | 0755 : S_IFREG | (node->is_executable ? 0755 : 0644);
    if (node->is_theirs) {
        mode &= ~(mode_t)0222;
    }
    attributes_fill_virtual(attributes, mode, info.size, changed_at.tv_sec, node->ino,
                            &out->stat);
    out->stat.st_mtim = out->stat.st_ctim = out->stat.st_atim = changed_at;
    if (!is_folder && node->parent == NULL) {
        out->stat.st_nlink = 0;
    }
}
