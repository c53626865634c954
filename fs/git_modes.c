// SPDX-License-Identifier: Apache-2.0
// What has been learned is noted as a ref whose name no revision can have (git allows no
// colon), so that the next `hugfs prefetch` of the same commit does not ask again.
#include "fs/git_modes.h"

#include "fs/mount_parts.h"

static const char learned_name[] = ":modes";

struct learning {
    struct mount *mount;
    struct snapshot_view view;
    waiter_fn done;
    void *ctx;
};

static void end(struct learning *learning)
{
    learning->done(learning->ctx, ERR_NONE, NULL);
    free(learning);
}

// The stored directory that holds the name at `path`.
static enum err find_parent(struct tree_store *tree, uint64_t root, const char *path,
                            uint64_t *out_ino)
{
    const char *slash;
    uint64_t at = root;
    while ((slash = strchr(path, '/')) != NULL) {
        struct tree_node node;
        enum err err = tree_store_lookup(tree, at, path, (size_t)(slash - path), &node);
        if (err != ERR_NONE) {
            return err;
        }
        at = node.ino;
        path = slash + 1;
    }
    *out_ino = at;
    return ERR_NONE;
}

// ERR_ABSENT when a name is not stored, so that it is asked for again another time.
static enum err apply(struct learning *learning, const struct tree_entry *entries,
                      size_t n)
{
    struct tree_store *tree = learning->mount->tree;
    enum err result = ERR_NONE;
    for (size_t i = 0; i < n; i++) {
        uint64_t parent = 0;
        enum err err =
            find_parent(tree, learning->view.repo_root, entries[i].path, &parent);
        if (err == ERR_NONE) {
            err = tree_store_set_mode(tree, parent, &entries[i]);
        }
        result = err != ERR_NONE ? err : result;
    }
    return result;
}

static void on_modes(void *ctx, enum err err, const struct why *why,
                     const struct tree_entry *entries, size_t n)
{
    struct learning *learning = ctx;
    struct mount *mount = learning->mount;
    if (err == ERR_NONE) {
        err = apply(learning, entries, n);
    } else {
        log_info("fs", "executable bits and symlinks stay unknown: %s",
                 why_text(why, err));
    }
    if (err == ERR_NONE) {
        struct tree_ref ref = {.sha = learning->view.commit,
                               .checked_at_s = clock_wall_s()};
        err = tree_store_put_ref(mount->tree, mount->repo_row, learned_name, &ref);
    }
    if (err != ERR_NONE) {
        log_debug("fs", "the modes will be asked for again: %s", err_name(err));
    }
    end(learning);
}

void git_modes_learn(struct mount *mount, const struct snapshot_view *view,
                     waiter_fn done, void *ctx)
{
    struct tree_ref known;
    bool is_known = tree_store_get_ref(mount->tree, mount->repo_row, learned_name,
                                       &known) == ERR_NONE &&
                    oid_equal(&known.sha, &view->commit);
    struct learning *learning = is_known ? NULL : calloc(1, sizeof(*learning));
    if (learning == NULL) {
        done(ctx, ERR_NONE, NULL);
        return;
    }
    *learning = (struct learning){mount, *view, done, ctx};
    struct hub_call call = {.class = HUB_PREFETCH, .reason = "modes"};
    (void)hub_git_modes(mount->hub, &call, &mount->repo, &view->commit, on_modes,
                        learning);
}
