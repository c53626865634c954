// SPDX-License-Identifier: Apache-2.0
// What is known about one path: a walk through the namespace (which may ask the Hub), then
// the node and what of its content is on this machine. Of what was changed here the overlay tells.
#include "fs/mount_parts.h"
#include "fs/overlay.h"

struct info_request {
    struct job job; // first: the pool gives it back
    struct mount *mount;
    mount_info_fn done;
    void *ctx;
    struct tree_node node;
    struct overlay_described local; // `path` NULL: it is not changed here
    char path[];
};

// Where the bytes are, for a file.
static void add_content(struct mount *mount, struct content *content,
                        struct mount_path_info *info)
{
    const struct tree_node *node = &info->node;
    struct xet_file_info file;
    if (content->file == NULL) {
        info->last_error = content_refuse(content, &info->why);
        return;
    }
    xet_file_info(content->file, &file);
    info->cached_bytes = file.cached_bytes;
    info->verified = file.verified;
    info->last_error = file.last_error;
    info->why = file.why;
    struct digest id = content_id(node);
    info->pinned = chunk_store_is_pinned(mount->chunks, &id);
}

enum err mount_describe(struct mount *mount, const struct tree_node *node,
                        struct mount_path_info *out, char **out_path)
{
    struct content *content = NULL;
    struct location at;
    enum err err = locator_find(mount->locator, node->ino, &at);
    if (err != ERR_NONE) {
        return err;
    }
    struct mount_path_info info = {
        .repo = at.source.repo, .commit = at.source.sha, .path = at.path, .node = *node};
    if (node->kind != ENTRY_DIRECTORY) {
        err = content_get(mount->contents, node->ino, &content);
    }
    if (content != NULL) {
        add_content(mount, content, &info);
        content_put(content);
    }
    if (err != ERR_NONE) {
        location_release(&at);
        return err;
    }
    *out = info;
    *out_path = at.path;
    return ERR_NONE;
}

// A file that was committed, or only moved, is a version of the repository; another one is not yet.
static enum err describe_file(struct mount *mount, struct local_file *file,
                              struct mount_path_info *info)
{
    struct local_file_info local;
    struct file_version version = {.path = NULL};
    struct content *content = NULL;
    local_file_info(file, &local);
    info->is_unnamed = !local.is_base || local_file_base(file, &version) != ERR_NONE;
    if (info->is_unnamed) {
        info->node = (struct tree_node){.kind = ENTRY_FILE, .size = local.size};
        info->cached_bytes = !local.has_base || local.staged_bytes > local.size
                                 ? local.size
                                 : local.staged_bytes;
        return ERR_NONE;
    }
    info->node = file_version_node(&version);
    info->commit = version.commit;
    file_version_release(&version);
    enum err err = local_file_content(file, &content);
    if (err == ERR_NONE) {
        add_content(mount, content, info);
        content_put(content);
    }
    return err;
}

static enum err describe_local(struct mount *mount, const struct overlay_described *local,
                               struct mount_path_info *out)
{
    struct snapshot_view view;
    snapshot_current(mount->snapshot, &view);
    *out = (struct mount_path_info){.repo = mount->repo,
                                    .commit = view.commit,
                                    .path = local->path,
                                    .node = {.kind = local->kind},
                                    .is_unnamed = local->file == NULL};
    enum err err =
        local->file != NULL ? describe_file(mount, local->file, out) : ERR_NONE;
    if (local->state != JOURNAL_CLEAN || local->stays_here) {
        out->state = mount_state_word(local->state, local->stays_here);
    }
    if (local->trouble != ERR_NONE) {
        out->last_error = local->trouble;
        out->why = local->why;
    } else if (local->state == JOURNAL_SEALED || local->state == JOURNAL_UPLOADING) {
        AUTO_FREE struct mount_writes *writes = malloc(sizeof(*writes));
        if (writes != NULL && !local->stays_here) {
            mount_get_writes(mount, writes);
            memcpy(out->doing, writes->doing, sizeof(out->doing));
        }
    }
    return err;
}

// On the pool, because it takes a look at all that the store has of a file.
static void answer(struct job *job)
{
    struct info_request *request = (struct info_request *)job;
    struct mount *mount = request->mount;
    struct mount_path_info info;
    AUTO_FREE char *path = NULL;
    enum err err = request->local.path != NULL
                       ? describe_local(mount, &request->local, &info)
                       : mount_describe(mount, &request->node, &info, &path);
    request->done(request->ctx, err, NULL, err == ERR_NONE ? &info : NULL);
    overlay_described_release(&request->local);
    free(request);
}

static void answer_later(struct info_request *request)
{
    request->job.run = answer;
    worker_pool_submit(request->mount->pool, &request->job, JOB_BACKGROUND);
}

static void on_located(void *ctx, enum err err, const struct why *why,
                       const struct located *located)
{
    struct info_request *request = ctx;
    if (err != ERR_NONE) {
        request->done(request->ctx, err, why, NULL);
        free(request);
        return;
    }
    request->node = located->node;
    answer_later(request);
}

static void locate(struct info_request *request)
{
    struct hub_call call = mount_demand(request->mount, "info");
    mount_locate(request->mount, request->path, &call, on_located, request);
}

// What is wrong with the path mount_locate() finds, and says, too.
static void on_walked(void *ctx, enum err err, const struct why *why,
                      const struct walked *walked)
{
    struct info_request *request = ctx;
    (void)why;
    if (err == ERR_NONE) {
        err =
            overlay_describe(request->mount->overlay, walked->entry.ino, &request->local);
    }
    if (err == ERR_NONE) {
        answer_later(request);
    } else {
        locate(request);
    }
}

void mount_info(struct mount *mount, const char *path, mount_info_fn done, void *ctx)
{
    size_t size = strlen(path) + 1;
    struct info_request *request = calloc(1, sizeof(*request) + size);
    if (request == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    request->mount = mount;
    request->done = done;
    request->ctx = ctx;
    memcpy(request->path, path, size);
    if (mount->overlay != NULL) {
        struct hub_call call = mount_demand(mount, "info");
        directory_walk(mount, INO_ROOT, path, &call, on_walked, request);
    } else {
        locate(request);
    }
}
