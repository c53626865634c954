// SPDX-License-Identifier: Apache-2.0
// How much of the files at and below a path is on this machine: a walk through the tree store,
// some entries at a time, on the pool. What is not listed is not asked for: the answer is for
// people who are about to lose their network, or have.
//
// Memory: what is told of single files is bounded (SHARE_FILES_MAX of each kind, SHARE_TEXT_MAX
// bytes of paths); beside that a number for each folder that still waits for its turn.
#include "fs/mount_parts.h"

enum {
    SHARE_FOLDERS_MAX = 100,
    SHARE_TEXT_MAX =
        64 << 10, // of each kind: an answer has room for it, escaped as JSON too
    ENTRIES_AT_ONCE = 256,
};

struct files { // of one kind: here in full, or not
    struct mount_share_file *files;
    size_t n;
    size_t text_bytes;
};

struct share {
    struct job job; // first: the pool gives it back
    struct mount *mount;
    mount_share_fn done;
    void *ctx;
    struct tree_node node;
    struct mount_share sums;
    struct files partial;
    struct files complete;
    char *folders[SHARE_FOLDERS_MAX];
    uint64_t *waiting; // folders
    size_t n_waiting;
    size_t n_room;
};

static void files_release(struct files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        free(files->files[i].path);
    }
    free(files->files);
}

static void finish(struct share *share, enum err err, const struct why *why)
{
    struct mount_share *sums = &share->sums;
    share->done(share->ctx, err, why, err == ERR_NONE ? sums : NULL);
    files_release(&share->partial);
    files_release(&share->complete);
    for (size_t i = 0; i < sums->n_folders; i++) {
        free(share->folders[i]);
    }
    free(sums->path);
    free(share->waiting);
    free(share);
}

// --------------------------------------------------------------------------------- files

static enum err cached_bytes(struct mount *mount, const struct tree_node *node,
                             uint64_t *out)
{
    struct xet_content name = {
        .has_xet = node->has_xet,
        .has_sha256 = node->has_sha256,
        .xet_hash = node->xet_hash,
        .sha256 = node->sha256,
        .oid = node->oid,
        .size = node->size,
    };
    struct xet_file_info info;
    *out = 0;
    if (node->masked || node->size == 0) {
        return ERR_NONE;
    }
    struct xet_file *file = xet_file_get(mount->xet, &name);
    if (file == NULL) {
        return ERR_NO_MEMORY;
    }
    xet_file_info(file, &info);
    xet_file_put(mount->xet, file);
    *out = info.cached_bytes < node->size ? info.cached_bytes : node->size;
    return ERR_NONE;
}

// Keeps what is told of one file while there is room.
static enum err keep(struct share *share, struct files *files,
                     const struct tree_node *node, uint64_t cached)
{
    AUTO_FREE char *path = NULL;
    if (files->n == MOUNT_SHARE_FILES_MAX || files->text_bytes >= SHARE_TEXT_MAX) {
        return ERR_NONE;
    }
    enum err err = tree_store_path(share->mount->tree, node->ino, &path);
    if (err != ERR_NONE) {
        return err;
    }
    if (files->files == NULL) {
        files->files = calloc(MOUNT_SHARE_FILES_MAX, sizeof(*files->files));
        if (files->files == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    struct digest id = content_id(node);
    files->text_bytes += strlen(path);
    files->files[files->n++] = (struct mount_share_file){
        .path = STEAL_POINTER(path),
        .size = node->size,
        .cached_bytes = cached,
        .pinned = chunk_store_is_pinned(share->mount->chunks, &id),
        .gated = node->masked,
    };
    return ERR_NONE;
}

static enum err add_file(struct share *share, const struct tree_node *node)
{
    struct mount_share *sums = &share->sums;
    uint64_t cached = 0;
    enum err err = cached_bytes(share->mount, node, &cached);
    if (err != ERR_NONE) {
        return err;
    }
    bool is_complete = !node->masked && cached == node->size;
    sums->files_total++;
    sums->files_complete += is_complete;
    sums->bytes_total += node->size;
    sums->bytes_cached += cached;
    return keep(share, is_complete ? &share->complete : &share->partial, node, cached);
}

// ------------------------------------------------------------------------------- folders

static enum err add_folder(struct share *share, uint64_t ino)
{
    if (share->n_waiting == share->n_room) {
        size_t room = share->n_room == 0 ? 64 : share->n_room * 2;
        uint64_t *grown = reallocarray(share->waiting, room, sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        share->waiting = grown;
        share->n_room = room;
    }
    share->waiting[share->n_waiting++] = ino;
    return ERR_NONE;
}

// Whether all of its names are known; notes it if not.
static enum err check_listed(struct share *share, uint64_t ino)
{
    struct mount_share *sums = &share->sums;
    struct tree_dir dir = {0};
    enum err err = tree_store_dir(share->mount->tree, ino, &dir);
    if (err != ERR_NONE && err != ERR_ABSENT) {
        return err;
    }
    if (dir.complete) {
        return ERR_NONE;
    }
    sums->unlisted_folders++;
    if (sums->n_folders == SHARE_FOLDERS_MAX) {
        return ERR_NONE;
    }
    err = tree_store_path(share->mount->tree, ino, &share->folders[sums->n_folders]);
    sums->n_folders += err == ERR_NONE;
    return err;
}

struct some { // entries of a folder: the store may not be asked while it tells them
    struct tree_node nodes[ENTRIES_AT_ONCE];
    size_t n;
    uint64_t last;
};

static bool take(void *ctx, uint64_t position, const char *name,
                 const struct tree_node *node)
{
    struct some *some = ctx;
    (void)name;
    some->nodes[some->n++] = *node;
    some->last = position;
    return some->n < ENTRIES_AT_ONCE;
}

static enum err add_entries(struct share *share, uint64_t ino, struct some *some)
{
    enum err err = check_listed(share, ino);
    some->last = 0;
    do {
        some->n = 0;
        if (err == ERR_NONE && !mount_is_serving(share->mount)) {
            err = ERR_CANCELLED;
        }
        if (err == ERR_NONE) {
            err = tree_store_list(share->mount->tree, ino, some->last, take, some);
        }
        for (size_t i = 0; err == ERR_NONE && i < some->n; i++) {
            const struct tree_node *node = &some->nodes[i];
            err = node->kind == ENTRY_DIRECTORY ? add_folder(share, node->ino)
                                                : add_file(share, node);
        }
    } while (err == ERR_NONE && some->n == ENTRIES_AT_ONCE);
    return err;
}

// ---------------------------------------------------------------------------------- steps

// Those that are not here in full first; the others while there is room.
static enum err merge(struct share *share)
{
    struct files *partial = &share->partial;
    struct files *complete = &share->complete;
    size_t n = MOUNT_SHARE_FILES_MAX - partial->n;
    n = n < complete->n ? n : complete->n;
    if (partial->files == NULL && n > 0) {
        partial->files = calloc(MOUNT_SHARE_FILES_MAX, sizeof(*partial->files));
        if (partial->files == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < n; i++) {
        partial->files[partial->n++] = complete->files[i];
        complete->files[i].path = NULL;
    }
    share->sums.files = partial->files;
    share->sums.n_files = partial->n;
    share->sums.folders = share->folders;
    return ERR_NONE;
}

static void walk(struct job *job)
{
    struct share *share = (struct share *)job;
    AUTO_FREE char *path = NULL;
    AUTO_FREE struct some *some = malloc(sizeof(*some));
    enum err err = some == NULL ? ERR_NO_MEMORY : ERR_NONE;
    if (err == ERR_NONE) {
        err = tree_store_path(share->mount->tree, share->node.ino, &path);
        share->sums.path = STEAL_POINTER(path);
    }
    if (err == ERR_NONE) {
        err = share->node.kind == ENTRY_DIRECTORY ? add_folder(share, share->node.ino)
                                                  : add_file(share, &share->node);
    }
    while (err == ERR_NONE && share->n_waiting > 0) {
        err = add_entries(share, share->waiting[--share->n_waiting], some);
    }
    err = err != ERR_NONE ? err : merge(share);
    finish(share, err, NULL);
}

static void on_located(void *ctx, enum err err, const struct why *why,
                       const struct located *located)
{
    struct share *share = ctx;
    if (err != ERR_NONE) {
        finish(share, err, why);
        return;
    }
    share->node = located->node;
    share->job.run = walk;
    worker_pool_submit(share->mount->pool, &share->job, JOB_BACKGROUND);
}

void mount_get_share(struct mount *mount, const char *path, mount_share_fn done,
                     void *ctx)
{
    struct share *share = calloc(1, sizeof(*share));
    if (share == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    share->mount = mount;
    share->done = done;
    share->ctx = ctx;
    struct hub_call call = mount_demand(mount, "status");
    mount_locate(mount, path, &call, on_located, share);
}
