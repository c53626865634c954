// SPDX-License-Identifier: Apache-2.0
// What has been learned is noted as a ref whose name no revision can have (git allows no
// colon), so that the next `hugfs prefetch` of the same commit does not ask again.
//
// A name with another mode is another node, so the kernel must forget the name and look it up
// again. The rule for telling it so: it happens on the refresher's thread, without a lock,
// and only for directories that are complete in the store, because the kernel blocks the
// notification while an operation on the directory is parked, and the whole directory
// meanwhile; on a complete one nothing parks. The names of the root are told only while the
// mount still shows that root. Whoever holds the old node open keeps it. In a directory that
// is not complete the modes show when the kernel looks the names up again: at the next mount.
// A mount of the whole Hub tells the kernel nothing: its roots get new numbers, and with them
// everything below is looked up anew.
#include "fs/git_modes.h"

#include "fs/mount_parts.h"

#include <utlist.h>

static const char learned_name[] = ":modes";

// A name that means another node now.
struct changed {
    struct changed *next;
    uint64_t dir_ino;
    char name[];
};

struct learning {
    struct mount *mount;
    struct hub_source source;
    int64_t row;
    uint64_t repo_root;
    waiter_fn done;
    void *ctx;
    struct changed *changed; // those of one directory follow each other
};

static void end(struct learning *learning)
{
    struct changed *changed;
    struct changed *next;
    LL_FOREACH_SAFE(learning->changed, changed, next)
    {
        free(changed);
    }
    learning->done(learning->ctx, ERR_NONE, NULL);
    free(learning);
}

// ------------------------------------------------------------------- what the kernel knows

// The kernel's number of a directory that may be told about; 0 = it must not.
static uint64_t kernel_ino(const struct learning *learning, uint64_t dir_ino)
{
    struct mount *mount = learning->mount;
    struct tree_dir dir;
    struct snapshot_view view;
    if (tree_store_dir(mount->tree, dir_ino, &dir) != ERR_NONE || !dir.complete) {
        return 0;
    }
    snapshot_current(mount->snapshot, &view);
    return dir_ino == view.root ? INO_ROOT : dir_ino;
}

// On the refresher's thread.
static void tell_kernel(void *ctx, bool may_tell)
{
    struct learning *learning = ctx;
    struct session *session = learning->mount->session;
    struct changed *changed = may_tell ? learning->changed : NULL;
    while (changed != NULL) {
        uint64_t dir_ino = changed->dir_ino;
        uint64_t ino = kernel_ino(learning, dir_ino);
        for (; changed != NULL && changed->dir_ino == dir_ino; changed = changed->next) {
            if (ino != 0) {
                session_forget_name(session, ino, changed->name);
            }
        }
        if (ino != 0) {
            session_forget_listing(session, ino);
        }
    }
    end(learning);
}

// ---------------------------------------------------------------------- what the store knows

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

static enum err note_change(struct learning *learning, uint64_t dir_ino, const char *name)
{
    size_t size = strlen(name) + 1;
    struct changed *changed = calloc(1, sizeof(*changed) + size);
    if (changed == NULL) {
        return ERR_NO_MEMORY;
    }
    changed->dir_ino = dir_ino;
    memcpy(changed->name, name, size);
    LL_PREPEND(learning->changed, changed);
    return ERR_NONE;
}

static enum err apply_one(struct learning *learning, const struct tree_entry *entry)
{
    struct tree_store *tree = learning->mount->tree;
    const char *slash = strrchr(entry->path, '/');
    const char *name = slash != NULL ? slash + 1 : entry->path;
    uint64_t dir_ino = 0;
    struct tree_node before;
    struct tree_node after;
    enum err err = find_parent(tree, learning->repo_root, entry->path, &dir_ino);
    if (err == ERR_NONE) {
        err = tree_store_lookup(tree, dir_ino, name, strlen(name), &before);
    }
    if (err == ERR_NONE) {
        err = tree_store_set_mode(tree, dir_ino, entry);
    }
    if (err == ERR_NONE) {
        err = tree_store_lookup(tree, dir_ino, name, strlen(name), &after);
    }
    if (err == ERR_NONE && before.ino != after.ino) {
        err = note_change(learning, dir_ino, name);
    }
    return err;
}

// ERR_ABSENT when a name is not stored, so that it is asked for again another time.
static enum err apply(struct learning *learning, const struct tree_entry *entries,
                      size_t n)
{
    enum err result = ERR_NONE;
    for (size_t i = 0; i < n; i++) {
        enum err err = apply_one(learning, &entries[i]);
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
        struct tree_ref ref = {.sha = learning->source.sha,
                               .checked_at_s = clock_wall_s()};
        err = tree_store_put_ref(mount->tree, learning->row, learned_name, &ref);
    }
    if (err != ERR_NONE) {
        log_debug("fs", "the modes will be asked for again: %s", err_name(err));
    }
    if (mount->is_hub) {
        places_renew(mount->places, learning->repo_root);
        end(learning);
    } else if (refresher_run(mount->refresher, tell_kernel, learning) != ERR_NONE) {
        end(learning);
    }
}

void git_modes_learn(struct mount *mount, int64_t row, const struct hub_source *source,
                     uint64_t repo_root, waiter_fn done, void *ctx)
{
    struct tree_ref known;
    bool is_known =
        tree_store_get_ref(mount->tree, row, learned_name, &known) == ERR_NONE &&
        oid_equal(&known.sha, &source->sha);
    struct learning *learning = is_known ? NULL : calloc(1, sizeof(*learning));
    if (learning == NULL) {
        done(ctx, ERR_NONE, NULL);
        return;
    }
    *learning = (struct learning){mount, *source, row, repo_root, done, ctx, NULL};
    struct hub_call call = {.class = HUB_PREFETCH, .reason = "modes"};
    (void)hub_git_fetch(mount->hub, &call, &learning->source, NULL, on_modes, learning);
}
