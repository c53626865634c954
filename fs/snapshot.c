// SPDX-License-Identifier: Apache-2.0
// The view and the history of a mount. The history is a ring of commit ids and root nodes
// (48 bytes each), newest last. A node says its path but not its commits: one that still has
// it is found by walking the stored listings from the newest root, which costs a few
// microseconds a component and happens once per file and directory fetched.
//
// Lock: `lock` guards view and ring, and is not held while the store is asked.
#include "fs/snapshot.h"

enum { SNAPSHOT_HISTORY = 256 };

struct known_commit {
    struct oid commit;
    uint64_t repo_root;
};

struct snapshot {
    struct tree_store *tree;
    struct lock lock;
    struct snapshot_view view GUARDED_BY(lock);
    struct known_commit history[SNAPSHOT_HISTORY] GUARDED_BY(lock);
    size_t n_learned GUARDED_BY(lock); // ever; the newest is at (n_learned - 1) % HISTORY
};

enum err snapshot_new(struct tree_store *tree, struct snapshot **out)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (snapshot == NULL) {
        return ERR_NO_MEMORY;
    }
    snapshot->tree = tree;
    lock_init(&snapshot->lock);
    *out = snapshot;
    return ERR_NONE;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot != NULL) {
        lock_destroy(&snapshot->lock);
        free(snapshot);
    }
}

void snapshot_learn(struct snapshot *snapshot, const struct oid *commit,
                    uint64_t repo_root)
{
    lock_acquire(&snapshot->lock);
    snapshot->history[snapshot->n_learned++ % SNAPSHOT_HISTORY] =
        (struct known_commit){*commit, repo_root};
    lock_release(&snapshot->lock);
}

void snapshot_publish(struct snapshot *snapshot, const struct snapshot_view *view)
{
    lock_acquire(&snapshot->lock);
    snapshot->view = *view;
    lock_release(&snapshot->lock);
}

void snapshot_current(struct snapshot *snapshot, struct snapshot_view *out)
{
    lock_acquire(&snapshot->lock);
    *out = snapshot->view;
    lock_release(&snapshot->lock);
}

// The commit learned `age` commits before the newest; false when there is none.
static bool recall(struct snapshot *snapshot, size_t age, struct known_commit *out)
{
    lock_acquire(&snapshot->lock);
    size_t n =
        snapshot->n_learned < SNAPSHOT_HISTORY ? snapshot->n_learned : SNAPSHOT_HISTORY;
    bool is_known = age < n;
    if (is_known) {
        *out = snapshot->history[(snapshot->n_learned - 1 - age) % SNAPSHOT_HISTORY];
    }
    lock_release(&snapshot->lock);
    return is_known;
}

// Whether `path` below the stored directory `root` is this version. A node that differs in
// its mode only (git_modes.c) is the same version.
static bool leads_to(struct tree_store *tree, uint64_t root, const char *path,
                     const struct tree_node *wanted)
{
    struct tree_node at;
    if (tree_store_node(tree, root, &at) != ERR_NONE) {
        return false;
    }
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        if (tree_store_lookup(tree, at.ino, path, len, &at) != ERR_NONE) {
            return false;
        }
        path += len;
        path += *path == '/';
    }
    return at.ino == wanted->ino || oid_equal(&at.oid, &wanted->oid);
}

enum err snapshot_locate(struct snapshot *snapshot, uint64_t ino, struct oid *out_commit,
                         char **out_path)
{
    AUTO_FREE char *path = NULL;
    struct tree_node node;
    enum err err = tree_store_node(snapshot->tree, ino, &node);
    if (err == ERR_NONE) {
        err = tree_store_path(snapshot->tree, ino, &path);
    }
    if (err != ERR_NONE) {
        return err;
    }
    struct known_commit known;
    for (size_t age = 0; recall(snapshot, age, &known); age++) {
        if (leads_to(snapshot->tree, known.repo_root, path, &node)) {
            *out_commit = known.commit;
            *out_path = STEAL_POINTER(path);
            return ERR_NONE;
        }
    }
    return ERR_STALE;
}
