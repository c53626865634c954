// SPDX-License-Identifier: Apache-2.0
// What waits, for people; and giving it up.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

typedef void (*change_fn)(void *ctx, struct overlay_node *dir, struct overlay_name *entry,
                          const char *path);

static void each_change(struct overlay *overlay, change_fn visit, void *ctx)
    REQUIRES(overlay->lock)
{
    for (struct overlay_node *dir = overlay->by_ino; dir != NULL;
         dir = dir->by_ino.next) {
        AUTO_FREE char *path = dir->names != NULL ? overlay_node_path(dir) : NULL;
        struct overlay_name *next = NULL;
        for (struct overlay_name *entry = path != NULL ? dir->names : NULL; entry != NULL;
             entry = next) {
            next = entry->hh.next;
            AUTO_FREE char *below = overlay_join(path, entry->name, entry->len);
            if (below != NULL && overlay_name_is_change(entry) && !entry->is_settled) {
                visit(ctx, dir, entry, below);
            }
        }
    }
}

struct counting {
    struct overlay *overlay;
    struct overlay_waiting *out;
};

static void count_file(struct counting *counting, const struct overlay_name *entry,
                       const char *path) REQUIRES(counting->overlay->lock)
{
    struct overlay_waiting *out = counting->out;
    const struct overlay_node *node = entry->node;
    struct local_file_info info;
    local_file_info(node->file, &info);
    if (node->is_theirs) {
        return;
    }
    if (overlay_stays_here(counting->overlay, entry, path)) {
        out->n_local++;
        return;
    }
    out->bytes_waiting += info.staged_bytes;
    out->n_dirty += info.is_dirty || node->state == JOURNAL_DIRTY;
    out->n_waiting += node->state == JOURNAL_SEALED;
    if (node->state == JOURNAL_SEALED && info.size <= OVERLAY_SMALL_BYTES &&
        !info.is_base) {
        out->small_bytes += info.size;
    }
    out->n_on_their_way += node->state == JOURNAL_UPLOADING;
    out->n_conflicts += node->state == JOURNAL_CONFLICT;
    out->n_failed += node->state == JOURNAL_FAILED;
}

NO_THREAD_ANALYSIS static void count(void *ctx, struct overlay_node *dir,
                                     struct overlay_name *entry, const char *path)
{
    struct counting *counting = ctx;
    (void)dir;
    if (entry->node == NULL) {
        counting->out->n_waiting += !entry->is_taken;
        counting->out->n_on_their_way += entry->is_taken;
    } else if (entry->node->kind != ENTRY_DIRECTORY) {
        count_file(counting, entry, path);
    } else if (entry->node->base_path != NULL) {
        counting->out->n_waiting++; // a folder that was moved
    }
}

void overlay_waiting(struct overlay *overlay, struct overlay_waiting *out)
{
    *out = (struct overlay_waiting){.n_waiting = 0};
    struct counting counting = {overlay, out};
    lock_acquire(&overlay->lock);
    each_change(overlay, count, &counting);
    out->n_on_their_way += overlay->n_unnamed;
    if (out->n_waiting > 0) {
        out->first_ms = overlay->first_sealed_ms;
        out->last_ms = overlay->last_sealed_ms;
    }
    lock_release(&overlay->lock);
}

void overlay_on_sealed(struct overlay *overlay, void (*wake)(void *ctx), void *ctx)
{
    lock_acquire(&overlay->lock);
    overlay->wake = wake;
    overlay->wake_ctx = ctx;
    lock_release(&overlay->lock);
}

struct telling {
    struct overlay *overlay;
    overlay_change_fn visit;
    void *ctx;
};

NO_THREAD_ANALYSIS static void tell(void *ctx, struct overlay_node *dir,
                                    struct overlay_name *entry, const char *path)
{
    struct telling *telling = ctx;
    struct overlay_node *node = entry->node;
    struct overlay_change_info info = {
        .path = path, .what = 'D', .state = JOURNAL_SEALED, .sentence = ""};
    (void)dir;
    if (node != NULL && node->kind == ENTRY_DIRECTORY) {
        if (node->base_path == NULL) {
            return; // a new folder is nothing to the repository
        }
        info.what = 'R';
    } else if (node != NULL) {
        struct local_file_info file;
        struct file_version base = {.path = NULL};
        local_file_info(node->file, &file);
        bool has_base = local_file_base(node->file, &base) == ERR_NONE;
        info.what = file.is_base && has_base ? 'R' : entry->under.exists ? 'M' : 'A';
        info.state = node->state;
        info.size = file.size;
        info.base_size = has_base ? base.size : 0;
        info.stays_here =
            node->is_theirs || overlay_stays_here(telling->overlay, entry, path);
        info.sentence = node->trouble.text;
        file_version_release(&base);
    }
    telling->visit(telling->ctx, &info);
}

void overlay_changes(struct overlay *overlay, overlay_change_fn visit, void *ctx)
{
    struct telling telling = {overlay, visit, ctx};
    lock_acquire(&overlay->lock);
    each_change(overlay, tell, &telling);
    lock_release(&overlay->lock);
}

static enum err describe(struct overlay *overlay, const struct overlay_node *node,
                         struct overlay_described *out) REQUIRES(overlay->lock)
{
    *out = (struct overlay_described){
        .path = overlay_node_path(node), .kind = node->kind, .state = node->state};
    if (out->path == NULL) {
        return ERR_NO_MEMORY;
    }
    if (node->kind == ENTRY_DIRECTORY) {
        out->stays_here = true; // the repository knows no folders without files
        return ERR_NONE;
    }
    const struct overlay_name *entry =
        overlay_name_find(node->parent, node->name, strlen(node->name));
    out->file = local_file_ref(node->file);
    out->stays_here = node->is_theirs ||
                      (entry != NULL && overlay_stays_here(overlay, entry, out->path));
    out->trouble = node->state == JOURNAL_CONFLICT ? ERR_CONFLICT
                   : node->state == JOURNAL_FAILED ? ERR_REFUSED
                                                   : ERR_NONE;
    out->why = node->trouble;
    return ERR_NONE;
}

enum err overlay_describe(struct overlay *overlay, uint64_t ino,
                          struct overlay_described *out)
{
    enum err err = ERR_NOT_FOUND;
    lock_acquire(&overlay->lock);
    const struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL && node->parent != NULL &&
        (node->kind != ENTRY_DIRECTORY || node->base_path == NULL)) {
        err = describe(overlay, node, out);
    }
    lock_release(&overlay->lock);
    return err;
}

void overlay_described_release(struct overlay_described *described)
{
    local_file_put(described->file);
    free(described->path);
    *described = (struct overlay_described){.path = NULL};
}

// -------------------------------------------------------------------------------- giving up

// The names are gathered first: giving one up may take another with it.
struct discarded {
    uint64_t dir;
    char *name;
    uint64_t node; // that stood there; 0 = none
};

struct discarding {
    struct overlay *overlay;
    struct journal_change *change;
    const char *path;
    size_t len;
    struct discarded *names;
    size_t n_names;
    bool has_failed;
    uint64_t n;
    uint64_t *inos; // that stand for the base again
    size_t n_inos;
};

static void gather(void *ctx, struct overlay_node *dir, struct overlay_name *entry,
                   const char *path)
{
    struct discarding *discarding = ctx;
    size_t len = discarding->len;
    bool is_meant = len == 0 || (strncmp(path, discarding->path, len) == 0 &&
                                 (path[len] == '\0' || path[len] == '/'));
    if (!is_meant) {
        return;
    }
    size_t n = discarding->n_names + 1;
    struct discarded *grown = realloc(discarding->names, n * sizeof(*grown));
    char *name = strndup(entry->name, entry->len);
    discarding->has_failed |= grown == NULL || name == NULL;
    discarding->names = grown != NULL ? grown : discarding->names;
    if (grown == NULL || name == NULL) {
        free(name);
        return;
    }
    grown[n - 1] =
        (struct discarded){dir->id, name, entry->node != NULL ? entry->node->id : 0};
    discarding->n_names = n;
}

// A folder that was moved goes back to where the base has it, if that place is there.
static void put_back(struct discarding *discarding, struct overlay_node *dir,
                     struct overlay_name *entry) REQUIRES(discarding->overlay->lock)
{
    struct overlay_node *folder = entry->node;
    const char *slash = strrchr(folder->base_path, '/');
    AUTO_FREE char *parent_path =
        slash != NULL ? strndup(folder->base_path, (size_t)(slash - folder->base_path))
                      : strdup("");
    const char *name = slash != NULL ? slash + 1 : folder->base_path;
    struct overlay_node *parent =
        parent_path != NULL ? overlay_by_base_path(discarding->overlay, parent_path)
                            : NULL;
    if (parent == NULL) {
        return;
    }
    struct overlay_name *old = overlay_name_find(parent, name, strlen(name));
    if (old != NULL && old->node == NULL) {
        overlay_row_no_name(discarding->change, parent, old);
        overlay_name_drop(parent, old);
    }
    if (overlay_node_place(folder, parent, name) == ERR_NONE) {
        overlay_row_no_name(discarding->change, dir, entry);
        overlay_name_drop(dir, entry);
        discarding->n++;
    }
}

NO_THREAD_ANALYSIS static void discard(struct discarding *discarding,
                                       struct overlay_node *dir,
                                       struct overlay_name *entry)
{
    struct overlay_node *node = entry->node;
    if (entry->is_taken || (node != NULL && node->state == JOURNAL_UPLOADING)) {
        return; // it is on its way
    }
    if (node != NULL && node->kind == ENTRY_DIRECTORY) {
        if (node->base_path != NULL) {
            put_back(discarding, dir, entry);
        }
        return; // a new folder stays: it is nothing to the repository
    }
    overlay_row_no_name(discarding->change, dir, entry);
    overlay_name_drop(dir, entry);
    if (node != NULL) {
        node->is_outdated = node->kind != ENTRY_DIRECTORY;
        // Who has it open for writing keeps the number too; the base gets another one.
        if (ino_tag(node->ino) == INO_TAG_WRITABLE && node->n_handles == 0) {
            uint64_t *grown = realloc(discarding->inos, (discarding->n_inos + 1) *
                                                            sizeof(*discarding->inos));
            discarding->has_failed |= grown == NULL;
            if (grown != NULL) {
                discarding->inos = grown;
                grown[discarding->n_inos++] = node->ino;
            }
            node->kernel_knows = false;
            node->n_lookups = 0;
        }
        overlay_detach(discarding->overlay, discarding->change, node);
    }
    discarding->n++;
}

enum err overlay_discard(struct overlay *overlay, const char *path, uint64_t *out_n,
                         uint64_t **out_inos, size_t *out_n_inos)
{
    struct discarding discarding = {.overlay = overlay,
                                    .change = journal_change_new(),
                                    .path = path,
                                    .len = strlen(path)};
    lock_acquire(&overlay->lock);
    each_change(overlay, gather, &discarding);
    for (size_t i = 0; i < discarding.n_names; i++) {
        const char *name = discarding.names[i].name;
        struct overlay_node *dir = overlay_by_id(overlay, discarding.names[i].dir);
        struct overlay_name *entry =
            dir != NULL ? overlay_name_find(dir, name, strlen(name)) : NULL;
        if (entry != NULL) {
            discard(&discarding, dir, entry);
        }
        free(discarding.names[i].name);
    }
    journal_submit(overlay->journal, discarding.change, true, NULL, NULL);
    for (size_t i = 0; i < discarding.n_names; i++) {
        struct overlay_node *node = overlay_by_id(overlay, discarding.names[i].node);
        if (node != NULL) {
            overlay_node_sweep(overlay, node);
        }
    }
    lock_release(&overlay->lock);
    free(discarding.names);
    *out_n = discarding.n;
    *out_inos = discarding.inos;
    *out_n_inos = discarding.n_inos;
    return discarding.has_failed ? ERR_NO_MEMORY
           : discarding.n > 0    ? ERR_NONE
                                 : ERR_NOT_FOUND;
}

static void retry(void *ctx, struct overlay_node *dir, struct overlay_name *entry,
                  const char *path)
{
    struct overlay_node *node = entry->node;
    (void)ctx;
    (void)dir;
    (void)path;
    if (node != NULL && node->file != NULL && node->state == JOURNAL_FAILED) {
        node->state = JOURNAL_SEALED;
        node->not_before_ms = 0;
    }
}

void overlay_retry(struct overlay *overlay)
{
    lock_acquire(&overlay->lock);
    each_change(overlay, retry, NULL);
    overlay_note_sealed(overlay);
    lock_release(&overlay->lock);
}

enum err overlay_refusal(struct overlay *overlay, uint64_t ino, struct why *why)
{
    enum err err = ERR_NONE;
    lock_acquire(&overlay->lock);
    const struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL && node->state == JOURNAL_FAILED) {
        err = node->refusal;
        *why = node->trouble;
    }
    lock_release(&overlay->lock);
    return err;
}
