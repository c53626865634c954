// SPDX-License-Identifier: Apache-2.0
// The overlay as the operations of the kernel use it: numbers, names, files.
#include "fs/overlay_node.h"

#include "fs/ignore_rules.h"
#include "fs/mount_parts.h"

// ----------------------------------------------------------------------------------- life

static enum err make_root(struct overlay *overlay)
{
    lock_acquire(&overlay->lock);
    overlay->root = overlay_node_new(overlay, INO_ROOT, OVERLAY_ROOT_ID, ENTRY_DIRECTORY);
    enum err err = overlay->root == NULL
                       ? ERR_NO_MEMORY
                       : overlay_set_base_path(overlay, overlay->root,
                                               overlay->mount->options->address.subdir);
    if (err == ERR_NONE) {
        overlay->root->changed_at = (struct timespec){.tv_sec = 0};
    }
    lock_release(&overlay->lock);
    return err;
}

enum err overlay_open(struct mount *mount, struct journal *journal, struct why *why,
                      struct overlay **out)
{
    struct overlay *overlay = calloc(1, sizeof(*overlay));
    if (overlay == NULL) {
        return ERR_NO_MEMORY;
    }
    overlay->mount = mount;
    overlay->journal = journal;
    lock_init(&overlay->lock);
    enum err err = make_root(overlay);
    if (err == ERR_NONE) {
        err = overlay_load(overlay, why);
    }
    if (err != ERR_NONE) {
        overlay_free(overlay);
        return err;
    }
    *out = overlay;
    return ERR_NONE;
}

void overlay_free(struct overlay *overlay)
{
    if (overlay == NULL) {
        return;
    }
    lock_acquire(&overlay->lock);
    while (overlay->by_ino != NULL) {
        overlay_node_free(overlay, overlay->by_ino);
    }
    ignore_rules_free(overlay->rules);
    lock_release(&overlay->lock);
    lock_destroy(&overlay->lock);
    free(overlay);
}

// -------------------------------------------------------------------------------- numbers

bool overlay_owns(const struct mount *mount, uint64_t ino)
{
    return mount->overlay != NULL && (ino == INO_ROOT || (ino & INO_LOCAL) != 0 ||
                                      ino_tag(ino) == INO_TAG_WRITABLE);
}

static uint64_t number_of(const struct tree_node *node)
{
    return ino_tagged(INO_TAG_WRITABLE, node->ino);
}

uint64_t overlay_stored(struct overlay *overlay, uint64_t ino)
{
    if (ino_tag(ino) == INO_TAG_WRITABLE) {
        return ino_node(ino);
    }
    uint64_t stored = 0;
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL && node->kind == ENTRY_DIRECTORY &&
        overlay_base_of(overlay, node, &stored) != ERR_NONE) {
        stored = 0;
    }
    lock_release(&overlay->lock);
    return stored;
}

struct local_file_parts overlay_parts(const struct overlay *overlay)
{
    return (struct local_file_parts){overlay->journal, overlay->mount->contents,
                                     &overlay->mount->repo};
}

// ------------------------------------------------------------------------------------ names

static void entry_of_base(struct overlay *overlay, const struct tree_node *node,
                          struct entry *out)
{
    *out = (struct entry){
        .ino = number_of(node), .name_s = ENTRY_MOMENT_S, .stat_s = ENTRY_MOMENT_S};
    attributes_fill(&overlay->mount->attributes, node, out->ino, &out->stat);
    if (node->kind == ENTRY_FILE) {
        out->stat.st_mode |= 0200 & ~overlay->mount->attributes.umask;
    }
}

enum err overlay_peek(struct overlay *overlay, uint64_t dir_ino, const char *name,
                      size_t len, struct entry *out)
{
    struct overlay_found found;
    lock_acquire(&overlay->lock);
    struct overlay_node *dir = overlay_by_ino(overlay, dir_ino);
    enum err err =
        dir == NULL ? ERR_STALE : overlay_seek(overlay, dir, name, len, &found);
    if (err == ERR_NOT_FOUND) {
        *out = (struct entry){.name_s = ENTRY_MOMENT_S};
    } else if (err == ERR_NONE && found.node != NULL) {
        found.node->n_lookups++;
        overlay_entry_of(overlay, found.node, out);
    } else if (err == ERR_NONE) {
        entry_of_base(overlay, &found.base, out);
    }
    lock_release(&overlay->lock);
    return err;
}

enum err overlay_stat(struct overlay *overlay, uint64_t ino, struct entry *out)
{
    enum err err = ERR_NONE;
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL) {
        overlay_entry_of(overlay, node, out);
    }
    lock_release(&overlay->lock);
    if (node == NULL) {
        struct tree_node stored;
        err = ino_tag(ino) == INO_TAG_WRITABLE
                  ? tree_store_node(overlay->mount->tree, ino_node(ino), &stored)
                  : ERR_STALE;
        if (err == ERR_NONE) {
            entry_of_base(overlay, &stored, out);
        }
    }
    return err;
}

void overlay_forget(struct overlay *overlay, uint64_t ino, uint64_t n)
{
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL) {
        node->n_lookups -= n < node->n_lookups ? n : node->n_lookups;
        node->kernel_knows = false;
        overlay_node_sweep(overlay, node);
    }
    lock_release(&overlay->lock);
}

// ---------------------------------------------------------------------------------- listing
// First what the base has and the overlay says nothing about, in its order; then what the overlay
// has, in order of arrival. The position of the second kind has a bit of its own.

#define OWN_POSITION (UINT64_C(1) << 40)

struct listing_visit {
    struct overlay *overlay;
    struct overlay_node *dir;
    overlay_visit_fn visit;
    void *ctx;
    bool goes_on;
};

NO_THREAD_ANALYSIS static bool visit_base(void *ctx, uint64_t position, const char *name,
                                          const struct tree_node *node)
{
    struct listing_visit *listing = ctx;
    size_t len = strlen(name);
    if (overlay_name_find(listing->dir, name, len) != NULL) {
        return true;
    }
    uint64_t ino = number_of(node);
    mode_t type = node->kind == ENTRY_SYMLINK ? S_IFLNK : S_IFREG;
    if (node->kind == ENTRY_DIRECTORY) {
        AUTO_FREE char *path = overlay_join(listing->dir->base_path, name, len);
        struct overlay_node *known =
            path != NULL ? overlay_by_base_path(listing->overlay, path) : NULL;
        ino = known != NULL ? known->ino : number_of(node);
        type = S_IFDIR;
    }
    listing->goes_on = listing->visit(listing->ctx, position, name, ino, type);
    return listing->goes_on;
}

static void visit_own(struct listing_visit *listing, uint64_t after)
{
    for (struct overlay_name *name = listing->dir->names;
         name != NULL && listing->goes_on; name = name->hh.next) { // in order of arrival
        if (name->node != NULL && name->serial > after) {
            listing->goes_on = listing->visit(
                listing->ctx, OWN_POSITION | name->serial, name->name, name->node->ino,
                name->node->kind == ENTRY_DIRECTORY ? S_IFDIR : S_IFREG);
        }
    }
}

// Memories that the base contradicts go first, for the base is about to be shown.
static enum err check_memories(struct overlay *overlay, struct overlay_node *dir)
    REQUIRES(overlay->lock)
{
    for (;;) {
        struct overlay_name *name = dir->names;
        struct overlay_name *next = NULL;
        bool has_dropped = false;
        for (; name != NULL && !has_dropped; name = next) {
            struct overlay_found found;
            next = name->hh.next;
            unsigned n = HASH_COUNT(dir->names);
            char copy[NAME_BYTES_MAX + 1]; // the name may go
            memcpy(copy, name->name, name->len + 1);
            enum err err = name->node != NULL
                               ? overlay_seek(overlay, dir, copy, name->len, &found)
                               : ERR_NONE;
            if (err != ERR_NONE && err != ERR_NOT_FOUND) {
                return err;
            }
            has_dropped = HASH_COUNT(dir->names) != n;
        }
        if (!has_dropped) {
            return ERR_NONE;
        }
    }
}

enum err overlay_list(struct overlay *overlay, uint64_t dir_ino, uint64_t after,
                      overlay_visit_fn visit, void *ctx)
{
    lock_acquire(&overlay->lock);
    struct overlay_node *dir = overlay_by_ino(overlay, dir_ino);
    struct listing_visit listing = {overlay, dir, visit, ctx, true};
    uint64_t base = 0;
    enum err err = dir == NULL                    ? ERR_STALE
                   : dir->kind != ENTRY_DIRECTORY ? ERR_NOT_DIRECTORY
                   : (after & OWN_POSITION) != 0  ? ERR_NOT_FOUND
                                                  : overlay_base_of(overlay, dir, &base);
    if (err == ERR_NONE) {
        struct tree_dir state = {.complete = false};
        err = tree_store_dir(overlay->mount->tree, base, &state);
        err = err == ERR_NONE && !state.complete ? ERR_ABSENT : err;
    }
    if (err == ERR_NONE && after == 0) {
        err = check_memories(overlay, dir);
    }
    if (err == ERR_NONE) {
        err = tree_store_list(overlay->mount->tree, base, after, visit_base, &listing);
    }
    if (err == ERR_NONE || err == ERR_NOT_FOUND) {
        err = ERR_NONE;
        visit_own(&listing, (after & OWN_POSITION) != 0 ? after & ~OWN_POSITION : 0);
    }
    lock_release(&overlay->lock);
    return err;
}

// ------------------------------------------------------------------------------------ files

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
    struct overlay_node *node =
        overlay_node_new(overlay, number_of(&found->base), 0, ENTRY_FILE);
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
    node->kernel_knows = true;
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
    if (err == ERR_NONE) {
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

// ---------------------------------------------------------------------------------- sealing

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
