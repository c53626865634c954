// SPDX-License-Identifier: Apache-2.0
// What was taken and is in no commit: it waits again, or is in conflict with what somebody else has
// made of it.
#include "fs/overlay_taking.h"

#include "fs/mount_parts.h"

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

bool overlay_thaw(struct overlay *overlay, struct overlay_node *node)
{
    struct local_file_info info = {.has_flight = false};
    if (node->file != NULL) {
        local_file_info(node->file, &info);
    }
    if (!info.has_flight) {
        return true;
    }
    struct journal_change *change = journal_change_new();
    uint32_t gone = overlay_node_thaw(change, node);
    overlay_row_node(overlay, change, node);
    if (gone != 0) {
        journal_change_remove_staging(change, node->id, gone);
    }
    journal_submit(overlay->journal, change, false, NULL, NULL);
    local_file_info(node->file, &info);
    return !info.has_flight;
}

static void give_back(struct overlay *overlay, struct journal_change *change,
                      const struct overlay_item *item, enum err err,
                      const struct why *why, int64_t not_before_ms)
    REQUIRES(overlay->lock)
{
    struct overlay_node *node = item->id != 0 ? overlay_by_id(overlay, item->id) : NULL;
    if (item->op != OVERLAY_PUT) {
        overlay_none_above_vanishes(overlay, item->path);
    }
    if (node == NULL) {
        const char *name = NULL;
        struct overlay_node *dir = overlay_folder_at(overlay, item->path, &name);
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
            (struct overlay_under){.exists = theirs != NULL,
                                   .commit = view.commit,
                                   .is_after_move = overlay_moved_above(dir) != NULL};
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
        dir = overlay_folder_at(overlay, item->path, &name);
        overlay_row_no_name(change, dir, entry);
        overlay_name_drop(dir, entry);
    }
    journal_submit(overlay->journal, change, true, NULL, NULL);
    lock_release(&overlay->lock);
    log_warn("fs", "%s", why.text);
}
