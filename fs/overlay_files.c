// SPDX-License-Identifier: Apache-2.0
// The files of the overlay, by number: read, opened for writing, changed.
#include "fs/overlay_node.h"

#include "fs/ignore_rules.h"
#include "fs/mount_parts.h"

enum err overlay_adopt_base(struct overlay *overlay, struct overlay_node *dir,
                            const char *name, size_t len, struct overlay_found *found)
{
    struct file_version version = {.path = NULL};
    struct local_file_parts parts = overlay_parts(overlay);
    AUTO_FREE char *copy = strndup(name, len);
    AUTO_FREE char *path = overlay_join(dir->base_path, name, len);
    if (copy == NULL || path == NULL) {
        return ERR_NO_MEMORY;
    }
    if (found->base.kind != ENTRY_FILE || found->base.masked) {
        return found->base.masked ? ERR_ACCESS : ERR_UNSUPPORTED; // a symlink
    }
    enum err err = file_version_of(&found->base, &found->under.commit, path, &version);
    if (err != ERR_NONE) {
        return err;
    }
    uint64_t number = overlay_number_of(&found->base);
    bool is_free = overlay_by_ino(overlay, number) == NULL;
    struct overlay_node *node =
        overlay_node_new(overlay, is_free ? number : 0, 0, ENTRY_FILE);
    err = node == NULL ? ERR_NO_MEMORY
                       : local_file_new(&parts, node->id, &version, &node->file);
    file_version_release(&version);
    struct overlay_name *entry = NULL;
    if (err == ERR_NONE) {
        struct timespec at = {.tv_sec =
                                  (time_t)(found->base.mtime_s >= 0
                                               ? found->base.mtime_s
                                               : overlay->mount->attributes.fallback_s)};
        err = local_file_set_mtime(node->file, &at);
        entry = overlay_name_put(dir, name, len);
        err = entry == NULL ? ERR_NO_MEMORY : overlay_node_place(node, dir, copy);
    }
    if (err != ERR_NONE) {
        if (node != NULL) {
            overlay_node_sweep(overlay, node);
        }
        return err;
    }
    node->is_executable = found->base.executable;
    node->kernel_knows = is_free;
    node->state = JOURNAL_CLEAN;
    entry->node = node;
    entry->under = found->under;
    found->node = node;
    found->entry = entry;
    return ERR_NONE;
}

enum err overlay_reader(struct overlay *overlay, uint64_t ino, struct local_file **out)
{
    enum err err = ERR_NONE;
    *out = NULL;
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node == NULL) {
        err = ino_tag(ino) == INO_TAG_WRITABLE ? ERR_NONE : ERR_STALE;
    } else if (node->kind == ENTRY_DIRECTORY) {
        err = ERR_IS_DIRECTORY;
    } else {
        *out = local_file_ref(node->file);
    }
    lock_release(&overlay->lock);
    return err;
}

// The number says which version it is, and that where it stands.
static enum err adopt_by_number(struct overlay *overlay, uint64_t ino,
                                struct overlay_node **out) REQUIRES(overlay->lock)
{
    AUTO_FREE char *path = NULL;
    struct overlay_found found;
    if (ino_tag(ino) != INO_TAG_WRITABLE) {
        return ERR_STALE;
    }
    enum err err = tree_store_path(overlay->mount->tree, ino_node(ino), &path);
    if (err != ERR_NONE) {
        return err;
    }
    char *name = strrchr(path, '/');
    const char *folder = name != NULL ? path : "";
    if (name != NULL) {
        *name++ = '\0';
    } else {
        name = path;
    }
    struct overlay_node *dir = overlay_by_base_path(overlay, folder);
    err =
        dir == NULL ? ERR_STALE : overlay_seek(overlay, dir, name, strlen(name), &found);
    if (err != ERR_NONE || found.node != NULL || found.base.ino != ino_node(ino)) {
        return err == ERR_NONE || err == ERR_NOT_FOUND || err == ERR_ABSENT ? ERR_STALE
                                                                            : err;
    }
    err = overlay_adopt_base(overlay, dir, name, strlen(name), &found);
    *out = found.node;
    return err;
}

enum err overlay_writer(struct overlay *overlay, uint64_t ino, struct local_file **out)
{
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    enum err err = node == NULL ? adopt_by_number(overlay, ino, &node) : ERR_NONE;
    if (err == ERR_NONE && node->kind == ENTRY_DIRECTORY) {
        err = ERR_IS_DIRECTORY;
    }
    if (err == ERR_NONE && node->is_theirs) {
        err = ERR_ACCESS;
    }
    if (err == ERR_NONE && node->is_outdated) {
        err = ERR_STALE;
    }
    if (err == ERR_NONE) {
        node->n_handles++;
        local_file_scan_by(node->file, overlay->mount->scanner);
        *out = local_file_ref(node->file);
    }
    lock_release(&overlay->lock);
    return err;
}

enum err overlay_set_time(struct overlay *overlay, uint64_t ino,
                          const struct timespec *at)
{
    struct local_file *file = NULL;
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    enum err err = ERR_NONE;
    if (node == NULL) {
        err = adopt_by_number(overlay, ino, &node);
    }
    if (err == ERR_NONE && node->kind == ENTRY_DIRECTORY) {
        node->changed_at = *at;
    } else if (err == ERR_NONE) {
        file = local_file_ref(node->file);
    }
    lock_release(&overlay->lock);
    if (file != NULL) {
        err = local_file_set_mtime(file, at);
        local_file_put(file);
    }
    return err;
}

void overlay_touched(struct overlay *overlay, uint64_t ino)
{
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL && node->file != NULL && node->state != JOURNAL_UPLOADING) {
        node->state = JOURNAL_DIRTY;
    }
    lock_release(&overlay->lock);
}

bool overlay_stays_here(struct overlay *overlay, const struct overlay_name *entry,
                        const char *path)
{
    return !entry->under.exists &&
           (ignore_is_litter(path) ||
            (overlay->rules != NULL && ignore_rules_match(overlay->rules, path, false)));
}

void overlay_opened(struct overlay *overlay, uint64_t ino)
{
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL) {
        node->n_handles++;
    }
    lock_release(&overlay->lock);
}

void overlay_closed(struct overlay *overlay, uint64_t ino)
{
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL && node->n_handles > 0) {
        node->n_handles--;
        overlay_node_sweep(overlay, node);
    }
    lock_release(&overlay->lock);
}
