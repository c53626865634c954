// SPDX-License-Identifier: Apache-2.0
// What is known about one path: a walk through the namespace (which may ask the Hub), then
// the node and what of its content is on this machine.
#include "fs/mount_parts.h"

struct info_request {
    struct job job; // first: the pool gives it back
    struct mount *mount;
    mount_info_fn done;
    void *ctx;
    struct tree_node node;
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

// On the pool, because it takes a look at all that the store has of a file.
static void answer(struct job *job)
{
    struct info_request *request = (struct info_request *)job;
    struct mount *mount = request->mount;
    struct mount_path_info info;
    AUTO_FREE char *path = NULL;
    enum err err = mount_describe(mount, &request->node, &info, &path);
    request->done(request->ctx, err, NULL, err == ERR_NONE ? &info : NULL);
    free(request);
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
    request->job.run = answer;
    worker_pool_submit(request->mount->pool, &request->job, JOB_BACKGROUND);
}

void mount_info(struct mount *mount, const char *path, mount_info_fn done, void *ctx)
{
    struct info_request *request = calloc(1, sizeof(*request));
    if (request == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    *request = (struct info_request){.mount = mount, .done = done, .ctx = ctx};
    struct hub_call call = mount_demand(mount, "info");
    mount_locate(mount, path, &call, on_located, request);
}
