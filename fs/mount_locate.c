// SPDX-License-Identifier: Apache-2.0
// From a path that a person gave to what it means: the verbs of the control socket begin here.
#include "fs/mount_parts.h"

struct request {
    struct mount *mount;
    mount_located_fn done;
    void *ctx;
    char path[];
};

static void finish(struct request *request, enum err err, const struct why *why,
                   const struct located *located)
{
    request->done(request->ctx, err, why, err == ERR_NONE ? located : NULL);
    free(request);
}

// In the place that a path of a mount of the whole Hub, or of .hub/revisions, leads through.
static enum err locate_in_place(struct mount *mount, uint64_t ino, struct located *out)
{
    struct place place;
    struct tree_node root;
    if (!places_get(mount->places, ino, &place)) {
        return ERR_STALE;
    }
    enum err err = tree_store_node(mount->tree, place.root, &root);
    if (err == ERR_NONE) {
        err = locator_repo(mount->locator, root.repo, &out->source.repo);
    }
    out->source.sha = root.oid;
    out->repo_root = place.root;
    out->root = ino_tagged(ino_tag(ino), place.root);
    memcpy(out->revision, place.revision, sizeof(out->revision));
    return err;
}

static void locate_in_view(struct mount *mount, struct located *out)
{
    struct snapshot_view view;
    snapshot_current(mount->snapshot, &view);
    out->source = (struct hub_source){mount->repo, view.commit};
    out->repo_root = view.repo_root;
    out->root = INO_ROOT;
    memcpy(out->revision, mount->options->address.revision, sizeof(out->revision));
}

static enum err locate(struct mount *mount, const struct walked *walked,
                       struct located *out)
{
    enum err err = mount_node(mount, walked->entry.ino, &out->node);
    if (err == ERR_NONE && walked->place != 0) {
        return locate_in_place(mount, walked->place, out);
    }
    if (err == ERR_NONE) {
        locate_in_view(mount, out);
    }
    return err;
}

static void on_walked(void *ctx, enum err err, const struct why *why,
                      const struct walked *walked)
{
    struct request *request = ctx;
    struct mount *mount = request->mount;
    struct located located = {.repo_root = 0};
    struct why own = {""};
    if (err == ERR_NONE && mount_is_virtual(mount, walked->entry.ino)) {
        err = why_set(&own, ERR_USAGE, "\"%s\" is no file or folder of a repository",
                      request->path);
        why = &own;
    } else if (err == ERR_NONE) {
        err = locate(mount, walked, &located);
    } else if (err == ERR_NOT_FOUND && (why == NULL || why->text[0] == '\0')) {
        err = why_set(&own, err, "%s has no \"%s\"",
                      mount->is_hub ? "the Hub" : mount->repo.name, request->path);
        why = &own;
    }
    finish(request, err, why, &located);
}

void mount_locate(struct mount *mount, const char *path, const struct hub_call *call,
                  mount_located_fn done, void *ctx)
{
    size_t size = strlen(path) + 1;
    struct request *request = calloc(1, sizeof(*request) + size);
    if (request == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    *request = (struct request){.mount = mount, .done = done, .ctx = ctx};
    memcpy(request->path, path, size);
    directory_walk(mount, INO_ROOT, path, call, on_walked, request);
}
