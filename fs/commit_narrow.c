// SPDX-License-Identifier: Apache-2.0
// What a deletion of a folder covers is what the folder held at the commit that it was deleted from,
// or that its own files came with, and what commits of ours have put there. That is compared with what
// it holds now, folder by folder; those of one id hold the same.
//
// A file that takes the place of a folder needs all of it gone: it goes in the commit that deletes the
// last of what the folder holds.
#include "fs/commit_narrow.h"

#include "fs/commit_ask.h"

struct seen {
    char *path;
    struct tree_node now;
    struct tree_node then;
    bool was_there;
    size_t folder; // that it is in
    bool is_deleted;
    bool has_rest; // something in it is not
};

struct comparison {
    struct commit_work *work;
    struct why *why;
    struct seen *seen; // each folder before what is in it
    size_t n;
    size_t folder; // that is being listed
    enum err err;
};

static enum err add(struct comparison *comparison, const char *path,
                    const struct tree_node *now)
{
    struct seen *grown =
        realloc(comparison->seen, (comparison->n + 1) * sizeof(*comparison->seen));
    char *copy = strdup(path);
    if (grown != NULL) {
        comparison->seen = grown;
    }
    if (grown == NULL || copy == NULL) {
        free(copy);
        return ERR_NO_MEMORY;
    }
    grown[comparison->n++] =
        (struct seen){.path = copy, .now = *now, .folder = comparison->folder};
    return ERR_NONE;
}

static bool on_entry(void *ctx, uint64_t position, const char *name,
                     const struct tree_node *node)
{
    struct comparison *comparison = ctx;
    AUTO_FREE char *path = NULL;
    (void)position;
    const char *folder = comparison->seen[comparison->folder].path;
    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        path = NULL; // glibc leaves it undefined
    }
    comparison->err = path != NULL ? add(comparison, path, node) : ERR_NO_MEMORY;
    return comparison->err == ERR_NONE;
}

static bool is_covered(struct commit_work *work, const struct seen *seen)
{
    bool is_same = seen->was_there && seen->now.kind == seen->then.kind &&
                   oid_equal(&seen->now.oid, &seen->then.oid);
    bool is_ours = commit_own_has_sent(&work->own, seen->path, &seen->now.oid) ||
                   commit_own_has_brought(&work->own, seen->path, &seen->now.oid);
    return is_same || (is_ours && seen->now.kind != ENTRY_DIRECTORY);
}

static enum err find_then(struct comparison *comparison, const struct tree_node *folder,
                          struct seen *seen)
{
    struct tree_store *tree = comparison->work->mount->tree;
    const char *name = strrchr(seen->path, '/') + 1;
    enum err err = tree_store_lookup(tree, folder->ino, name, strlen(name), &seen->then);
    seen->was_there = err == ERR_NONE;
    return err == ERR_ABSENT ? ERR_NONE : err;
}

// A commit that the Hub has no more tells nothing, for good.
static enum err know_then(enum err err, bool *out_is_known)
{
    *out_is_known = err == ERR_NONE;
    return err == ERR_CANCELLED || err_is_retriable(err) ? err : ERR_NONE;
}

static enum err look_into(struct comparison *comparison, size_t at)
{
    struct commit_work *work = comparison->work;
    const struct seen folder = comparison->seen[at];
    bool was_folder = folder.was_there && folder.then.kind == ENTRY_DIRECTORY;
    size_t first = comparison->n;
    enum err err = commit_ask_names(work, folder.now.ino, comparison->why);
    if (err == ERR_NONE && was_folder) {
        err = know_then(commit_ask_names(work, folder.then.ino, comparison->why),
                        &was_folder);
    }
    if (err == ERR_NONE) {
        comparison->folder = at;
        err = tree_store_list(work->mount->tree, folder.now.ino, 0, on_entry, comparison);
        err = err == ERR_NONE ? comparison->err : err;
    }
    for (size_t i = first; err == ERR_NONE && was_folder && i < comparison->n; i++) {
        err = find_then(comparison, &folder.then, &comparison->seen[i]);
    }
    return err;
}

// The folder itself, as it is and as it was.
static enum err begin(struct comparison *comparison, const struct overlay_item *item,
                      const struct oid *parent)
{
    struct commit_work *work = comparison->work;
    struct mount *mount = work->mount;
    uint64_t root = 0;
    struct tree_node node;
    enum err err = tree_store_root(mount->tree, mount->repo_row, parent, -1, &root);
    if (err == ERR_NONE) {
        err = commit_ask_node(work, root, item->path, comparison->why, &node);
    }
    if (err == ERR_NONE) {
        err = add(comparison, item->path, &node);
    }
    if (err != ERR_NONE || oid_is_zero(&item->under_commit)) {
        return err;
    }
    err = tree_store_root(mount->tree, mount->repo_row, &item->under_commit, -1, &root);
    if (err == ERR_NONE) {
        struct seen *seen = &comparison->seen[0];
        err = know_then(
            commit_ask_node(work, root, item->path, comparison->why, &seen->then),
            &seen->was_there);
    }
    return err;
}

// A folder goes with the last of what is in it.
static void decide(struct comparison *comparison)
{
    for (size_t i = comparison->n; i-- > 0;) {
        struct seen *seen = &comparison->seen[i];
        seen->is_deleted = is_covered(comparison->work, seen) ||
                           (seen->now.kind == ENTRY_DIRECTORY && !seen->has_rest);
        comparison->seen[seen->folder].has_rest |= !seen->is_deleted;
    }
}

static void settle(struct commit_work *work, struct commit_item *item,
                   const struct oid *parent, const struct comparison *comparison)
{
    AUTO_FREE struct overlay_part *parts = calloc(comparison->n, sizeof(*parts));
    size_t n = 0;
    for (size_t i = 0; parts != NULL && i < comparison->n; i++) {
        const struct seen *seen = &comparison->seen[i];
        if (seen->is_deleted && !comparison->seen[seen->folder].is_deleted) {
            parts[n++] = (struct overlay_part){seen->path, seen->now.kind, seen->now.oid};
        }
    }
    log_warn("fs", "somebody else has changed what is in \"%s\": theirs is not deleted",
             item->item->path);
    item->fate = COMMIT_FATE_SETTLED;
    item->has_failed = true;
    work->has_narrowed = true;
    overlay_narrow(work->overlay, item->item, parent, parts, n);
}

static void comparison_release(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->n; i++) {
        free(comparison->seen[i].path);
    }
    free(comparison->seen);
}

enum err commit_narrow(struct commit_work *work, struct commit_item *item,
                       const struct oid *parent, struct why *why)
{
    struct comparison comparison = {.work = work, .why = why};
    enum err err = begin(&comparison, item->item, parent);
    for (size_t i = 0; err == ERR_NONE && i < comparison.n; i++) {
        const struct seen *seen = &comparison.seen[i];
        if (seen->now.kind == ENTRY_DIRECTORY && !is_covered(work, seen)) {
            err = look_into(&comparison, i);
        }
    }
    item->takes_too_much = false;
    if (err == ERR_NONE) {
        decide(&comparison);
    }
    if (err == ERR_NONE && !comparison.seen[0].is_deleted) {
        settle(work, item, parent, &comparison);
    }
    comparison_release(&comparison);
    return err;
}

bool commit_is_deleted(struct commit_item *const *items, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++) {
        if (items[i]->fate == COMMIT_FATE_OPEN && items[i]->item->op != OVERLAY_PUT &&
            strcmp(items[i]->item->path, path) == 0) {
            return true;
        }
    }
    return false;
}

enum err commit_replace(struct commit_work *work, struct commit_item *item,
                        struct commit_item *const *items, size_t n,
                        const struct oid *parent, struct why *why)
{
    struct comparison comparison = {.work = work, .why = why};
    enum err err = begin(&comparison, item->item, parent);
    bool is_theirs = false;
    bool has_more = false;
    for (size_t i = 0; err == ERR_NONE && i < comparison.n; i++) {
        const struct seen *seen = &comparison.seen[i];
        if (seen->now.kind == ENTRY_DIRECTORY) {
            err = look_into(&comparison, i);
        } else if (!commit_is_deleted(items, n, seen->path)) {
            has_more = true;
            is_theirs |= !is_covered(work, seen);
        }
    }
    comparison_release(&comparison);
    if (err == ERR_NONE && has_more) {
        struct why reason = {""};
        err = why_set(&reason, is_theirs ? ERR_CONFLICT : ERR_BUSY,
                      is_theirs ? "somebody else has changed the folder \"%s\" meanwhile"
                                : "the folder \"%s\" is not deleted yet",
                      item->item->path);
        commit_settle_returned(work, item, err, &reason, 0);
    }
    return err == ERR_NOT_FOUND || has_more ? ERR_NONE : err;
}
