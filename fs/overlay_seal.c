// SPDX-License-Identifier: Apache-2.0
// Sealing: what was written counts from here on, and waits for a commit.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

struct sealing {
    struct overlay *overlay;
    uint64_t *ids;
    size_t n;
    overlay_done_fn done; // may be NULL
    void *ctx;
};

// Only now are they sealed: what is not on the disk is not committed.
static void settle_seal(struct overlay *overlay, uint64_t id,
                        const struct journal_result *result) REQUIRES(overlay->lock)
{
    struct overlay_node *node = overlay_by_id(overlay, id);
    struct local_file_info info;
    if (node == NULL || node->file == NULL || node->state == JOURNAL_UPLOADING) {
        return;
    }
    if (result->err != ERR_NONE && !result->queued) {
        local_file_unseal(node->file);
        node->state = JOURNAL_FAILED;
        snprintf(node->trouble.text, sizeof(node->trouble.text), "%s",
                 result->sentence[0] != '\0' ? result->sentence
                                             : err_sentence(result->err));
        return;
    }
    local_file_info(node->file, &info);
    if (!info.is_dirty && node->state == JOURNAL_DIRTY) {
        node->state = JOURNAL_SEALED;
        overlay_note_sealed(overlay);
    }
}

static void on_stored(void *ctx, const struct journal_result *result)
{
    struct sealing *sealing = ctx;
    struct overlay *overlay = sealing->overlay;
    struct why why = {""};
    snprintf(why.text, sizeof(why.text), "%s", result->sentence);
    lock_acquire(&overlay->lock);
    for (size_t i = 0; i < sealing->n; i++) {
        settle_seal(overlay, sealing->ids[i], result);
    }
    lock_release(&overlay->lock);
    if (sealing->done != NULL) {
        sealing->done(sealing->ctx, result->err, &why);
    }
    free(sealing->ids);
    free(sealing);
}

// Nothing when it was not written since the last seal.
static void seal_node(struct overlay *overlay, struct journal_change *change,
                      struct overlay_node *node, struct sealing *sealing)
    REQUIRES(overlay->lock)
{
    struct local_file_info info;
    if (node->file == NULL || node->parent == NULL) {
        return;
    }
    local_file_info(node->file, &info);
    if (!info.is_dirty && node->state != JOURNAL_DIRTY) {
        return;
    }
    uint64_t *ids = realloc(sealing->ids, (sealing->n + 1) * sizeof(*ids));
    if (ids == NULL) {
        return; // it stays unsealed
    }
    sealing->ids = ids;
    ids[sealing->n++] = node->id;
    if (node->state != JOURNAL_UPLOADING) {
        node->state = JOURNAL_DIRTY;
        node->trouble = (struct why){""};
        node->refusal = ERR_NONE;
        node->not_before_ms = 0;
    }
    overlay_row_node(overlay, change, node);
    struct overlay_name *entry =
        overlay_name_find(node->parent, node->name, strlen(node->name));
    if (entry != NULL) {
        overlay_row_name(overlay, change, node->parent, entry);
    }
}

bool overlay_is_committed(struct overlay *overlay, uint64_t id)
{
    lock_acquire(&overlay->lock);
    const struct overlay_node *node = overlay_by_id(overlay, id);
    bool is_committed =
        node == NULL || node->parent == NULL || node->state == JOURNAL_CLEAN;
    lock_release(&overlay->lock);
    return is_committed;
}

bool overlay_is_waiting(struct overlay *overlay, uint64_t ino, uint64_t *out_id,
                        uint64_t *out_generation, enum err *out_err, struct why *out_why)
{
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    bool is_waiting = node != NULL && node->file != NULL && node->parent != NULL &&
                      node->state != JOURNAL_CLEAN;
    if (is_waiting) {
        AUTO_FREE char *path = overlay_node_path(node);
        struct overlay_name *entry =
            overlay_name_find(node->parent, node->name, strlen(node->name));
        is_waiting =
            path != NULL && entry != NULL && !overlay_stays_here(overlay, entry, path);
    }
    if (is_waiting) {
        struct local_file_info info;
        local_file_info(node->file, &info);
        *out_id = node->id;
        *out_generation = info.generation;
        *out_err = node->state == JOURNAL_CONFLICT ? ERR_CONFLICT
                   : node->state == JOURNAL_FAILED ? ERR_REFUSED
                                                   : ERR_NONE;
        *out_why = node->trouble;
    }
    lock_release(&overlay->lock);
    return is_waiting;
}

bool overlay_seal(struct overlay *overlay, uint64_t ino, bool durable,
                  overlay_done_fn done, void *ctx)
{
    struct sealing *sealing = calloc(1, sizeof(*sealing));
    struct journal_change *change = journal_change_new();
    if (sealing == NULL || change == NULL) {
        free(sealing);
        journal_change_free(change);
        if (done != NULL) {
            done(ctx, ERR_NO_MEMORY, NULL);
        }
        return true;
    }
    *sealing = (struct sealing){.overlay = overlay, .done = done, .ctx = ctx};
    lock_acquire(&overlay->lock);
    for (struct overlay_node *node = ino != 0 ? overlay_by_ino(overlay, ino)
                                              : overlay->by_ino;
         node != NULL; node = ino != 0 ? NULL : node->by_ino.next) {
        seal_node(overlay, change, node, sealing);
    }
    bool has_sealed = sealing->n > 0;
    if (has_sealed) {
        journal_submit(overlay->journal, change, durable, on_stored, sealing);
    }
    lock_release(&overlay->lock);
    if (!has_sealed) {
        journal_change_free(change);
        free(sealing->ids);
        free(sealing);
    }
    return has_sealed;
}
