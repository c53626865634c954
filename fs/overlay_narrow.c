// SPDX-License-Identifier: Apache-2.0
// A deletion of a folder becomes one of some of what is in it. A folder that was moved takes its part
// along with itself: what is to be deleted in it then stays.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

static bool stands_at(const struct overlay_node *dir, const char *path, size_t len)
{
    AUTO_FREE char *at = overlay_node_path(dir);
    return at != NULL && strlen(at) == len && strncmp(at, path, len) == 0;
}

static void delete_part(struct overlay *overlay, struct journal_change *change,
                        const struct overlay_part *part, const struct overlay_name *whole,
                        const struct oid *commit) REQUIRES(overlay->lock)
{
    const char *slash = strrchr(part->path, '/');
    struct overlay_node *dir = overlay_make_folders(overlay, part->path);
    if (dir == NULL || slash == NULL ||
        !stands_at(dir, part->path, (size_t)(slash - part->path)) ||
        overlay_name_find(dir, slash + 1, strlen(slash + 1)) != NULL) {
        return;
    }
    struct overlay_name *entry = overlay_name_put(dir, slash + 1, strlen(slash + 1));
    if (entry == NULL) {
        return;
    }
    entry->under = (struct overlay_under){true, part->kind, part->oid, *commit, false};
    entry->moved_to = whole->moved_to;
    overlay_row_name(overlay, change, dir, entry);
}

void overlay_narrow(struct overlay *overlay, const struct overlay_item *item,
                    const struct oid *commit, const struct overlay_part *parts, size_t n)
{
    const char *name = NULL;
    struct journal_change *change = journal_change_new();
    lock_acquire(&overlay->lock);
    struct overlay_node *dir = overlay_folder_at(overlay, item->path, &name);
    struct overlay_name *entry =
        dir != NULL ? overlay_name_find(dir, name, strlen(name)) : NULL;
    if (entry != NULL) {
        entry->is_taken = false;
    }
    overlay_none_above_vanishes(overlay, item->path);
    if (entry != NULL && entry->node == NULL) {
        struct overlay_name whole = *entry;
        overlay_row_no_name(change, dir, entry);
        overlay_name_drop(dir, entry);
        for (size_t i = 0; i < n; i++) {
            delete_part(overlay, change, &parts[i], &whole, commit);
        }
    }
    overlay_note_sealed(overlay);
    journal_submit(overlay->journal, change, false, NULL, NULL);
    lock_release(&overlay->lock);
}
