// SPDX-License-Identifier: Apache-2.0
// Changes of names. Each happens in memory and is told to the journal in the same order, so what a
// crash leaves is always what stood at some moment.
//
// A file that was never sealed has no row, and no name of it is told: a crash finds what was there
// before. A rename seals it, as ext4 flushes what is renamed over something else.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

static void submit(struct overlay *overlay, struct journal_change *change)
{
    journal_submit(overlay->journal, change, false, NULL, NULL);
}

static enum err folder_of(struct overlay *overlay, uint64_t dir,
                          struct overlay_node **out) REQUIRES(overlay->lock)
{
    struct overlay_node *node = overlay_by_ino(overlay, dir);
    if (node == NULL || (node->parent == NULL && node->ino != INO_ROOT)) {
        return node == NULL ? ERR_STALE : ERR_NOT_FOUND;
    }
    *out = node;
    return node->kind == ENTRY_DIRECTORY ? ERR_NONE : ERR_NOT_DIRECTORY;
}

// A name that does not exist gets a node. What the base has there is remembered.
static enum err enter(struct overlay_node *dir, const char *name, size_t len,
                      const struct overlay_under *under, struct overlay_node *node)
{
    AUTO_FREE char *copy = strndup(name, len);
    struct overlay_name *entry = copy != NULL ? overlay_name_put(dir, name, len) : NULL;
    if (entry == NULL || overlay_node_place(node, dir, copy) != ERR_NONE) {
        return ERR_NO_MEMORY;
    }
    entry->node = node;
    entry->under = *under;
    entry->moved_to = 0;
    entry->is_settled = false;
    clock_gettime(CLOCK_REALTIME, &dir->changed_at);
    return ERR_NONE;
}

enum err overlay_create(struct overlay *overlay, uint64_t dir_ino, const char *name,
                        size_t len, struct entry *out, struct local_file **out_file)
{
    struct overlay_node *dir = NULL;
    struct overlay_found found;
    lock_acquire(&overlay->lock);
    enum err err = folder_of(overlay, dir_ino, &dir);
    if (err == ERR_NONE) {
        err = overlay_seek(overlay, dir, name, len, &found);
        err = err == ERR_NONE ? ERR_EXISTS : err;
    }
    if (err == ERR_NOT_FOUND) {
        struct local_file_parts parts = overlay_parts(overlay);
        struct overlay_node *node = overlay_node_new(overlay, 0, 0, ENTRY_FILE);
        err = node == NULL ? ERR_NO_MEMORY
                           : local_file_new(&parts, node->id, NULL, &node->file);
        if (err == ERR_NONE) {
            err = local_file_truncate(node->file, 0,
                                      NULL); // an empty file is something new
        }
        if (err == ERR_NONE) {
            err = enter(dir, name, len, &found.under, node);
        }
        if (err == ERR_NONE) {
            node->state = JOURNAL_DIRTY;
            node->n_lookups = 1;
            overlay_entry_of(overlay, node, out);
            local_file_scan_by(node->file, overlay->mount->scanner);
            *out_file = local_file_ref(node->file);
        } else if (node != NULL) {
            overlay_node_sweep(overlay, node);
        }
    }
    lock_release(&overlay->lock);
    return err;
}

enum err overlay_make_folder(struct overlay *overlay, uint64_t dir_ino, const char *name,
                             size_t len, struct entry *out)
{
    struct overlay_node *dir = NULL;
    struct overlay_found found;
    lock_acquire(&overlay->lock);
    enum err err = folder_of(overlay, dir_ino, &dir);
    if (err == ERR_NONE) {
        err = overlay_seek(overlay, dir, name, len, &found);
        err = err == ERR_NONE ? ERR_EXISTS : err;
    }
    if (err == ERR_NOT_FOUND) {
        struct overlay_node *node = overlay_node_new(overlay, 0, 0, ENTRY_DIRECTORY);
        err = node == NULL ? ERR_NO_MEMORY : enter(dir, name, len, &found.under, node);
        if (err == ERR_NONE) {
            struct journal_change *change = journal_change_new();
            overlay_row_node(overlay, change, node);
            overlay_row_name(overlay, change, dir, overlay_name_find(dir, name, len));
            submit(overlay, change);
            node->n_lookups = 1;
            overlay_entry_of(overlay, node, out);
        } else if (node != NULL) {
            overlay_node_sweep(overlay, node);
        }
    }
    lock_release(&overlay->lock);
    return err;
}

// ------------------------------------------------------------------------------- removing

void overlay_detach(struct overlay *overlay, struct journal_change *change,
                    struct overlay_node *node)
{
    overlay_node_unplace(node);
    overlay_drop_base_path(overlay, node);
    if (node->has_row) {
        overlay_row_no_node(change, node);
        if (node->file != NULL && node->state != JOURNAL_UPLOADING) {
            local_file_drop_staging(node->file, change);
        }
        node->has_row = false;
    }
    while (node->names != NULL) {
        overlay_row_no_name(change, node, node->names);
        overlay_name_drop(node, node->names);
    }
}

// A folder that goes takes what the base has in it by now. Where that was changed here before others
// changed it, it is the older one that goes: whoever commits it compares (commit_narrow.h). Of several
// older commits nobody knows the oldest: then none counts.
static void go_back(struct overlay *overlay, const struct overlay_node *folder,
                    struct overlay_under *under) REQUIRES(overlay->lock)
{
    const struct oid *older = NULL;
    bool is_one = true;
    for (struct overlay_node *node = overlay->by_ino; node != NULL;
         node = node->by_ino.next) {
        bool is_in_it = node->names != NULL && node->base_path != NULL &&
                        overlay_node_is_below(node, folder);
        for (struct overlay_name *name = is_in_it ? node->names : NULL; name != NULL;
             name = name->hh.next) {
            if (overlay_name_is_change(name) &&
                overlay_is_outdated(overlay, node, name)) {
                is_one =
                    is_one && (older == NULL || oid_equal(older, &name->under.commit));
                older = &name->under.commit;
            }
        }
    }
    if (older != NULL) {
        under->commit = is_one ? *older : (struct oid){{0}};
        under->oid = (struct oid){{0}};
    }
}

// What the base has under a name, or may get yet: what is on its way there has to be known also when
// we crash meanwhile, for then nobody tells that it has landed.
static struct overlay_under below(struct overlay *overlay,
                                  const struct overlay_found *found)
    REQUIRES(overlay->lock)
{
    const struct overlay_node *node = found->node;
    bool is_coming = !found->under.exists && node != NULL &&
                     (node->kind == ENTRY_DIRECTORY
                          ? node->takes_files
                          : node->may_land || node->state == JOURNAL_UPLOADING);
    struct overlay_under under =
        is_coming ? (struct overlay_under){.exists = true, .kind = node->kind}
                  : found->under;
    if (under.exists && node != NULL && node->kind == ENTRY_DIRECTORY) {
        go_back(overlay, node, &under);
    }
    return under;
}

// Makes the name say that nothing stands there. The node that did is given back, still with its
// row; NULL: it was a file of the base.
static enum err vacate(struct overlay *overlay, struct journal_change *change,
                       struct overlay_node *dir, const char *name, size_t len,
                       const struct overlay_found *found, uint64_t moved_to)
    REQUIRES(overlay->lock)
{
    struct overlay_name *entry = overlay_name_put(dir, name, len);
    if (entry == NULL) {
        return ERR_NO_MEMORY;
    }
    entry->node = NULL;
    entry->under = below(overlay, found);
    entry->is_taken = entry->is_settled = false;
    entry->moved_to = moved_to;
    clock_gettime(CLOCK_REALTIME, &dir->changed_at);
    if (entry->under.exists) {
        overlay_row_name(overlay, change, dir, entry);
        overlay_note_sealed(overlay);
    } else {
        overlay_row_no_name(change, dir, entry);
        overlay_name_drop(dir, entry);
    }
    return ERR_NONE;
}

static enum err remove_name(struct overlay *overlay, uint64_t dir_ino, const char *name,
                            size_t len, bool folder, struct overlay_place *out_unknown)
{
    struct overlay_node *dir = NULL;
    struct overlay_found found;
    bool is_empty = true;
    lock_acquire(&overlay->lock);
    enum err err = folder_of(overlay, dir_ino, &dir);
    if (err == ERR_NONE) {
        err = overlay_seek(overlay, dir, name, len, &found);
    }
    if (err == ERR_NONE) {
        bool is_folder = found.node != NULL && found.node->kind == ENTRY_DIRECTORY;
        err = is_folder == folder ? ERR_NONE
              : folder            ? ERR_NOT_DIRECTORY
                                  : ERR_IS_DIRECTORY;
    }
    if (err == ERR_NONE && folder) {
        err = overlay_is_empty(overlay, found.node, &is_empty);
        if (err == ERR_ABSENT) {
            *out_unknown = (struct overlay_place){found.node->ino, NULL, 0};
        }
        err = err == ERR_NONE && !is_empty ? ERR_NOT_EMPTY : err;
    }
    if (err == ERR_NONE) {
        struct overlay_node *node = found.node;
        struct journal_change *change = journal_change_new();
        err = vacate(overlay, change, dir, name, len, &found, 0);
        bool is_gone = err == ERR_NONE && node != NULL;
        if (is_gone) {
            overlay_detach(overlay, change, node);
        }
        submit(overlay, change);
        if (is_gone) {
            overlay_node_sweep(overlay, node);
        }
    }
    lock_release(&overlay->lock);
    return err;
}

enum err overlay_unlink(struct overlay *overlay, uint64_t dir, const char *name,
                        size_t len)
{
    return remove_name(overlay, dir, name, len, false, NULL);
}

enum err overlay_remove_folder(struct overlay *overlay, uint64_t dir, const char *name,
                               size_t len, struct overlay_place *out_unknown)
{
    return remove_name(overlay, dir, name, len, true, out_unknown);
}

// ------------------------------------------------------------------------------- renaming

struct end {
    struct overlay_node *dir;
    const struct overlay_place *place;
    struct overlay_found found;
    struct overlay_under under; // what is remembered for what will stand there
    enum err err;               // ERR_NONE, ERR_NOT_FOUND
};

static enum err look(struct overlay *overlay, const struct overlay_place *place,
                     struct end *out, struct overlay_place *out_unknown)
    REQUIRES(overlay->lock)
{
    out->place = place;
    enum err err = folder_of(overlay, place->dir, &out->dir);
    if (err != ERR_NONE) {
        return err;
    }
    out->err = overlay_seek(overlay, out->dir, place->name, place->len, &out->found);
    if (out->err == ERR_ABSENT) {
        *out_unknown = *place;
    }
    if (out->err == ERR_NONE || out->err == ERR_NOT_FOUND) {
        out->under = below(overlay, &out->found);
    }
    return out->err == ERR_NOT_FOUND ? ERR_NONE : out->err;
}

// A file of the base that is moved becomes a node of its own, with the kernel's number.
static enum err materialize(struct overlay *overlay, struct end *end)
    REQUIRES(overlay->lock)
{
    if (end->found.node != NULL) {
        return ERR_NONE;
    }
    return overlay_adopt_base(overlay, end->dir, end->place->name, end->place->len,
                              &end->found);
}

static bool is_folder(const struct end *end)
{
    return end->err == ERR_NONE && end->found.node != NULL &&
           end->found.node->kind == ENTRY_DIRECTORY;
}

static enum err may_replace(struct overlay *overlay, const struct end *from,
                            const struct end *to, struct overlay_place *out_unknown)
    REQUIRES(overlay->lock)
{
    bool is_empty = true;
    if (is_folder(from) != is_folder(to)) {
        return is_folder(to) ? ERR_IS_DIRECTORY : ERR_NOT_DIRECTORY;
    }
    if (!is_folder(to)) {
        return ERR_NONE;
    }
    enum err err = overlay_is_empty(overlay, to->found.node, &is_empty);
    if (err == ERR_ABSENT) {
        *out_unknown = (struct overlay_place){to->found.node->ino, NULL, 0};
    }
    return err == ERR_NONE && !is_empty ? ERR_NOT_EMPTY : err;
}

// The node stands at `to` from now on; what the base has there is remembered.
static enum err settle(struct overlay *overlay, struct journal_change *change,
                       const struct end *to, struct overlay_node *node)
    REQUIRES(overlay->lock)
{
    enum err err = enter(to->dir, to->place->name, to->place->len, &to->under, node);
    if (err != ERR_NONE) {
        return err;
    }
    if (node->kind == ENTRY_FILE) {
        // Whoever gives their version of a conflict another name wants to keep it.
        node->is_theirs = false;
        node->trouble = (struct why){""};
        node->moved_again = node->state == JOURNAL_UPLOADING;
        if (!node->moved_again && node->state != JOURNAL_DIRTY) {
            node->state = JOURNAL_SEALED;
        }
    }
    overlay_row_node(overlay, change, node);
    overlay_row_name(overlay, change, to->dir,
                     overlay_name_find(to->dir, to->place->name, to->place->len));
    overlay_note_sealed(overlay);
    return ERR_NONE;
}

static enum err move(struct overlay *overlay, struct end *from, struct end *to,
                     bool exchanges) REQUIRES(overlay->lock)
{
    enum err err = materialize(overlay, from);
    if (err == ERR_NONE && to->err == ERR_NONE) {
        err = materialize(overlay, to);
    }
    if (err != ERR_NONE) {
        return err;
    }
    struct overlay_node *node = from->found.node;
    struct overlay_node *other = to->err == ERR_NONE ? to->found.node : NULL;
    struct journal_change *change = journal_change_new();
    if (exchanges) {
        err = settle(overlay, change, to, node);
        if (err == ERR_NONE) {
            err = settle(overlay, change, from, other);
        }
    } else {
        if (other != NULL) {
            overlay_detach(overlay, change, other);
        }
        err = settle(overlay, change, to, node);
        if (err == ERR_NONE) {
            err = vacate(overlay, change, from->dir, from->place->name, from->place->len,
                         &from->found, node->id);
        }
    }
    submit(overlay, change);
    if (other != NULL && !exchanges) {
        overlay_node_sweep(overlay, other);
    }
    return err;
}

enum err overlay_rename(struct overlay *overlay, const struct overlay_place *from_place,
                        const struct overlay_place *to_place, enum overlay_rename how,
                        struct overlay_place *out_unknown)
{
    struct end from = {.dir = NULL};
    struct end to = {.dir = NULL};
    lock_acquire(&overlay->lock);
    enum err err = look(overlay, from_place, &from, out_unknown);
    if (err == ERR_NONE) {
        err = from.err == ERR_NONE ? look(overlay, to_place, &to, out_unknown)
                                   : ERR_NOT_FOUND;
    }
    if (err == ERR_NONE && how == OVERLAY_NOREPLACE && to.err == ERR_NONE) {
        err = ERR_EXISTS;
    }
    if (err == ERR_NONE && how == OVERLAY_EXCHANGE && to.err != ERR_NONE) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NONE && how != OVERLAY_EXCHANGE && to.err == ERR_NONE) {
        err = may_replace(overlay, &from, &to, out_unknown);
    }
    if (err == ERR_NONE) {
        err = move(overlay, &from, &to, how == OVERLAY_EXCHANGE);
    }
    lock_release(&overlay->lock);
    return err;
}
