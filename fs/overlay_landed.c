// SPDX-License-Identifier: Apache-2.0
// What became of what was taken. A commit is told in terms of the paths that it had; meanwhile names
// may have changed again, so what stands there by now is looked at: what is not what landed says
// something else than the new base, and is a change of its own.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

struct outcome {
    overlay_done_fn done;
    void *ctx;
};

static void on_stored(void *ctx, const struct journal_result *result)
{
    struct outcome *outcome = ctx;
    struct why why = {""};
    snprintf(why.text, sizeof(why.text), "%s", result->sentence);
    if (outcome->done != NULL) {
        outcome->done(outcome->ctx, result->err, &why);
    }
    free(outcome);
}

// The folder that stands for a path of the repository, and the last name.
static struct overlay_node *folder_at(struct overlay *overlay, const char *path,
                                      const char **out_name) REQUIRES(overlay->lock)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *dir =
        slash != NULL ? strndup(path, (size_t)(slash - path)) : strdup("");
    *out_name = slash != NULL ? slash + 1 : path;
    return dir != NULL ? overlay_by_base_path(overlay, dir) : NULL;
}

struct overlay_name *overlay_name_at(struct overlay *overlay, const char *path)
{
    const char *name = NULL;
    struct overlay_node *dir = folder_at(overlay, path, &name);
    return dir != NULL ? overlay_name_find(dir, name, strlen(name)) : NULL;
}

static bool has_put_below(const struct overlay_items *items, const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < items->n; i++) {
        const struct overlay_item *item = &items->items[i];
        if (item->op == OVERLAY_PUT && strncmp(item->path, path, len) == 0 &&
            item->path[len] == '/') {
            return true;
        }
    }
    return false;
}

// What was deleted in a folder before it was moved never came to where it is now.
static void drop_taken_deletions(struct journal_change *change, struct overlay_node *dir)
{
    struct overlay_name *next = NULL;
    for (struct overlay_name *name = dir->names; name != NULL; name = next) {
        next = name->hh.next;
        if (name->node == NULL && name->is_taken) {
            overlay_row_no_name(change, dir, name);
            overlay_name_drop(dir, name);
        }
    }
}

// Those below a folder that stands elsewhere now stand there too.
static void rebase_below(struct overlay *overlay, struct journal_change *change,
                         const struct overlay_node *folder, const char *old,
                         const char *new) REQUIRES(overlay->lock)
{
    size_t len = strlen(old);
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        if (node == folder || !overlay_node_is_below(node, folder) ||
            node->base_path == NULL || strncmp(node->base_path, old, len) != 0 ||
            node->base_path[len] != '/') {
            continue;
        }
        const char *rest = node->base_path + len + 1;
        AUTO_FREE char *path = overlay_join(new, rest, strlen(rest));
        if (path != NULL && overlay_set_base_path(overlay, node, path) == ERR_NONE) {
            drop_taken_deletions(change, node);
            if (node->has_row) {
                overlay_row_node(overlay, change, node);
            }
        }
    }
}

void overlay_settle_folders(struct overlay *overlay, struct journal_change *change,
                            const struct overlay_items *items)
{
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        char *path = node->taken_path;
        node->taken_path = NULL;
        if (path == NULL || !has_put_below(items, path) ||
            (node->base_path != NULL && strcmp(node->base_path, path) == 0)) {
            free(path);
            continue;
        }
        struct overlay_node *other = overlay_by_base_path(overlay, path);
        if (other != NULL && other != node) {
            overlay_drop_base_path(overlay, other);
        }
        AUTO_FREE char *old = node->base_path != NULL ? strdup(node->base_path) : NULL;
        if (overlay_set_base_path(overlay, node, path) == ERR_NONE && node->has_row) {
            overlay_row_node(overlay, change, node);
        }
        if (old != NULL) {
            drop_taken_deletions(change, node);
            rebase_below(overlay, change, node, old, path);
        }
        struct overlay_name *entry =
            node->parent != NULL
                ? overlay_name_find(node->parent, node->name, strlen(node->name))
                : NULL;
        if (entry != NULL && entry->node == node) {
            // Which version of the folder that is the next look tells.
            entry->under =
                (struct overlay_under){.exists = true, .kind = ENTRY_DIRECTORY};
            if (!overlay_name_is_change(entry)) {
                overlay_row_no_name(change, node->parent, entry);
            } else if (entry->has_row) {
                overlay_row_name(overlay, change, node->parent, entry);
            }
        }
        free(path);
    }
}

// Folders that the repository has no more stay here as folders of this machine alone.
static void keep_vanished(struct overlay *overlay, struct journal_change *change,
                          const struct overlay_items *items) REQUIRES(overlay->lock)
{
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        bool vanishes = node->vanishes && node->parent != NULL &&
                        node->base_path != NULL && !has_put_below(items, node->base_path);
        node->vanishes = false;
        if (!vanishes) {
            continue;
        }
        struct overlay_name *entry =
            overlay_name_put(node->parent, node->name, strlen(node->name));
        if (entry != NULL) {
            entry->node = node;
            entry->under = (struct overlay_under){.exists = false};
            overlay_drop_base_path(overlay, node);
            overlay_row_node(overlay, change, node);
            overlay_row_name(overlay, change, node->parent, entry);
        }
    }
}

// Folders that only kept a row for what is in them.
static void drop_idle_rows(struct overlay *overlay, struct journal_change *change)
    REQUIRES(overlay->lock)
{
    struct overlay_node *next = NULL;
    for (struct overlay_node *node = overlay->by_ino; node != NULL; node = next) {
        next = node->by_ino.next;
        bool is_kept = node->kind != ENTRY_DIRECTORY || !node->has_row;
        for (struct overlay_name *name = node->names; name != NULL && !is_kept;
             name = name->hh.next) {
            is_kept = name->has_row;
        }
        struct overlay_name *own =
            node->parent != NULL
                ? overlay_name_find(node->parent, node->name, strlen(node->name))
                : NULL;
        if (is_kept || (own != NULL && own->has_row)) {
            continue;
        }
        overlay_row_no_node(change, node);
    }
}

static void land_put(struct overlay *overlay, struct journal_change *change,
                     const struct overlay_item *item, const struct file_version *version,
                     const struct oid *commit) REQUIRES(overlay->lock)
{
    const char *name = NULL;
    struct overlay_under under = {true, ENTRY_FILE, version->oid, *commit};
    struct overlay_node *node = item->id != 0 ? overlay_by_id(overlay, item->id) : NULL;
    struct overlay_node *dir = folder_at(overlay, item->path, &name);
    if (dir == NULL && node == NULL && item->id != 0) {
        dir = overlay_make_folders(
            overlay, item->path); // nothing has looked there since the crash
    }
    struct overlay_name *entry =
        dir != NULL ? overlay_name_find(dir, name, strlen(name)) : NULL;
    bool is_here = node != NULL && entry != NULL && entry->node == node;
    uint32_t gone = 0;
    if (node != NULL) {
        struct local_file_info info;
        if (local_file_landed(node->file, version, &gone) != ERR_NONE) {
            log_error("fs",
                      "what was committed is still taken for changed: out of memory");
        }
        local_file_info(node->file, &info);
        bool is_done = info.is_clean && is_here;
        node->state = is_done         ? JOURNAL_CLEAN
                      : info.is_dirty ? JOURNAL_DIRTY
                                      : JOURNAL_SEALED;
        node->moved_again = false;
        node->trouble = (struct why){""};
        if (is_done) {
            overlay_row_no_node(change, node);
        } else if (node->parent != NULL) {
            overlay_row_node(overlay, change, node);
            overlay_note_sealed(overlay);
        }
        if (gone != 0) {
            journal_change_remove_staging(change, node->id, gone);
        }
    }
    if (is_here && node->state == JOURNAL_CLEAN) {
        overlay_row_no_name(change, dir, entry);
        entry->under = under;
    } else if (entry != NULL) {
        entry->under = under;
        overlay_row_name(overlay, change, dir, entry);
    } else if (item->id != 0 && dir != NULL &&
               (entry = overlay_name_put(dir, name, strlen(name))) != NULL) {
        entry->under = under; // it was moved or deleted meanwhile
        overlay_row_name(overlay, change, dir, entry);
        overlay_note_sealed(overlay);
    }
}

static void land_delete(struct overlay *overlay, struct journal_change *change,
                        const struct overlay_item *item, const struct oid *commit)
    REQUIRES(overlay->lock)
{
    const char *name = NULL;
    struct overlay_node *dir = folder_at(overlay, item->path, &name);
    struct overlay_name *entry =
        dir != NULL ? overlay_name_find(dir, name, strlen(name)) : NULL;
    if (entry == NULL) {
        return;
    }
    entry->is_taken = false;
    entry->under = (struct overlay_under){.exists = false, .commit = *commit};
    if (entry->node == NULL) {
        overlay_row_no_name(change, dir, entry);
        overlay_name_drop(dir, entry);
    } else if (entry->has_row) {
        overlay_row_name(overlay, change, dir, entry);
    }
}

enum err overlay_landed(struct overlay *overlay, const struct overlay_items *items,
                        const struct file_version *versions, const struct oid *commit,
                        overlay_done_fn done, void *ctx)
{
    struct outcome *outcome = calloc(1, sizeof(*outcome));
    struct journal_change *change = journal_change_new();
    if (outcome == NULL || change == NULL) {
        free(outcome);
        journal_change_free(change);
        return ERR_NO_MEMORY;
    }
    *outcome = (struct outcome){done, ctx};
    lock_acquire(&overlay->lock);
    for (size_t i = 0; i < items->n;
         i++) { // what they stood on is still told by the old paths
        if (items->items[i].op != OVERLAY_PUT) {
            land_delete(overlay, change, &items->items[i], commit);
        }
    }
    overlay_settle_folders(overlay, change, items);
    for (size_t i = 0; i < items->n; i++) {
        if (items->items[i].op == OVERLAY_PUT) {
            land_put(overlay, change, &items->items[i], &versions[i], commit);
        }
    }
    keep_vanished(overlay, change, items);
    drop_idle_rows(overlay, change);
    journal_submit(overlay->journal, change, true, on_stored, outcome);
    lock_release(&overlay->lock);
    return ERR_NONE;
}

// ------------------------------------------------------------------------------- otherwise

static enum journal_state state_after(enum err err)
{
    switch (err) {
    case ERR_CONFLICT:
        return JOURNAL_CONFLICT;
    case ERR_ACCESS:
    case ERR_USAGE:
    case ERR_NOT_FOUND:
    case ERR_TOO_LARGE:
    case ERR_FILE_TOO_LARGE:
    case ERR_UNSUPPORTED:
    case ERR_DAMAGED:
        return JOURNAL_FAILED;
    default:
        return JOURNAL_SEALED;
    }
}

uint32_t overlay_node_thaw(struct journal_change *change, struct overlay_node *node)
{
    struct why why = {""};
    uint32_t gone = 0;
    enum err err = local_file_thaw(node->file, change, &why, &gone);
    if (err != ERR_NONE) {
        log_error("fs", "\"%s\" cannot be made whole again: %s",
                  node->name != NULL ? node->name : "a file", why_text(&why, err));
    }
    return gone;
}

static void give_back(struct overlay *overlay, struct journal_change *change,
                      const struct overlay_item *item, enum err err,
                      const struct why *why, int64_t not_before_ms)
    REQUIRES(overlay->lock)
{
    struct overlay_node *node = item->id != 0 ? overlay_by_id(overlay, item->id) : NULL;
    if (node == NULL) {
        const char *name = NULL;
        struct overlay_node *dir = folder_at(overlay, item->path, &name);
        struct overlay_name *entry =
            dir != NULL ? overlay_name_find(dir, name, strlen(name)) : NULL;
        if (entry == NULL) {
            return;
        }
        entry->is_taken = false;
        if (err == ERR_CONFLICT && item->op != OVERLAY_PUT && entry->node == NULL) {
            // Somebody has changed what was deleted here: nothing of theirs is lost.
            log_warn("fs", "\"%s\" is there again: %s", item->path, why_text(why, err));
            overlay_row_no_name(change, dir, entry);
            overlay_name_drop(dir, entry);
        }
        return;
    }
    struct local_file_info info;
    uint32_t gone = overlay_node_thaw(change, node);
    local_file_info(node->file, &info);
    node->state = info.is_dirty                        ? JOURNAL_DIRTY
                  : info.generation > item->generation ? JOURNAL_SEALED
                                                       : state_after(err);
    node->refusal = node->state == JOURNAL_FAILED ? err : ERR_NONE;
    node->moved_again = false;
    node->not_before_ms = not_before_ms;
    snprintf(node->trouble.text, sizeof(node->trouble.text), "%s",
             err != ERR_NONE ? why_text(why, err) : "");
    if (node->parent != NULL) {
        overlay_row_node(overlay, change, node);
    }
    if (gone != 0) {
        journal_change_remove_staging(change, node->id, gone);
    }
}

void overlay_returned(struct overlay *overlay, const struct overlay_item *items, size_t n,
                      enum err err, const struct why *why, int64_t pause_ms)
{
    struct journal_change *change = journal_change_new();
    int64_t not_before_ms = pause_ms > 0 ? clock_now_ms() + pause_ms : 0;
    lock_acquire(&overlay->lock);
    for (size_t i = 0; i < n; i++) {
        give_back(overlay, change, &items[i], err, why, not_before_ms);
    }
    overlay_note_sealed(overlay);
    journal_submit(overlay->journal, change, false, NULL, NULL);
    lock_release(&overlay->lock);
}

// Their version as a file of its own beside ours, which stays on this machine.
static enum err show_theirs(struct overlay *overlay, struct journal_change *change,
                            struct overlay_node *dir, const char *name,
                            const struct file_version *theirs) REQUIRES(overlay->lock)
{
    struct local_file_parts parts = overlay_parts(overlay);
    char hex[OID_HEX_SIZE];
    char shown[NAME_BYTES_MAX + 1];
    oid_to_hex(&theirs->oid, hex);
    snprintf(shown, sizeof(shown), "%.*s.theirs-%.7s", NAME_BYTES_MAX - 16, name, hex);
    struct overlay_name *entry = overlay_name_put(dir, shown, strlen(shown));
    if (entry == NULL || entry->node != NULL) {
        return entry == NULL ? ERR_NO_MEMORY : ERR_NONE; // it is shown already
    }
    struct overlay_node *node = overlay_node_new(overlay, 0, 0, ENTRY_FILE);
    enum err err = node == NULL ? ERR_NO_MEMORY
                                : local_file_new(&parts, node->id, theirs, &node->file);
    if (err == ERR_NONE) {
        err = overlay_node_place(node, dir, shown);
    }
    if (err != ERR_NONE) {
        return err;
    }
    node->state = JOURNAL_CONFLICT;
    node->is_theirs = true;
    entry->node = node;
    overlay_row_node(overlay, change, node);
    overlay_row_name(overlay, change, dir, entry);
    return ERR_NONE;
}

void overlay_conflict(struct overlay *overlay, const struct overlay_item *item,
                      const struct file_version *theirs)
{
    struct journal_change *change = journal_change_new();
    struct why why = {""};
    (void)why_set(
        &why, ERR_CONFLICT,
        theirs != NULL
            ? "somebody else has changed \"%s\": theirs is beside it; save yours "
              "again to keep it, or `hugfs discard` it to take theirs"
            : "somebody else has deleted \"%s\": save yours again to keep it, or "
              "`hugfs discard` it",
        item->path);
    lock_acquire(&overlay->lock);
    give_back(overlay, change, item, ERR_CONFLICT, &why, 0);
    struct overlay_name *entry = overlay_name_at(overlay, item->path);
    struct overlay_node *node = item->id != 0 ? overlay_by_id(overlay, item->id) : NULL;
    struct overlay_node *dir = node != NULL ? node->parent : NULL;
    struct overlay_name *own =
        dir != NULL ? overlay_name_find(dir, node->name, strlen(node->name)) : NULL;
    struct snapshot_view view;
    snapshot_current(overlay->mount->snapshot, &view);
    if (own != NULL) {
        own->under =
            (struct overlay_under){.exists = theirs != NULL, .commit = view.commit};
        if (theirs != NULL) {
            own->under.oid = theirs->oid;
            if (show_theirs(overlay, change, dir, node->name, theirs) != ERR_NONE) {
                log_error("fs", "their version of \"%s\" cannot be shown", item->path);
            }
        }
        overlay_row_name(overlay, change, dir, own);
    } else if (entry != NULL && entry->node == NULL) {
        // What we deleted they changed: theirs stays.
        const char *name = NULL;
        dir = folder_at(overlay, item->path, &name);
        overlay_row_no_name(change, dir, entry);
        overlay_name_drop(dir, entry);
    }
    journal_submit(overlay->journal, change, true, NULL, NULL);
    lock_release(&overlay->lock);
    log_warn("fs", "%s", why.text);
}
