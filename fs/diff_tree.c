// SPDX-License-Identifier: Apache-2.0
// Two trees, compared folder by folder. Entries are the same when their git object ids are. A
// folder is read in batches and each name looked up in the other one, so that memory does not grow
// with the number of files, only with what differs.
//
// Folders wait on a stack, the deepest next; the listings of those that come next are on their way
// while one is compared.
#include "fs/commit_diff.h"

enum {
    BATCH_ENTRIES = 256,
    LISTED_AHEAD = 3, // pairs of folders, beside the one that is waited for
    PENDING_MAX = DIFF_CHANGES_MAX,
};

// A folder in both commits, or in one (the other is 0).
struct pair {
    uint64_t old_dir;
    uint64_t new_dir;
    bool is_started; // its listings are under way
    struct pair *next;
    char path[];
};

struct comparison {
    const struct diff_trees *trees;
    struct commit_diff *diff;
    struct pair *pending;
    size_t n_pending;
};

// --------------------------------------------------------------------------------- waiting

static const struct hub_call diff_call = {.class = HUB_DEMAND, .reason = "diff"};

static void ignore(void *ctx, enum err err, const struct why *why)
{
    (void)ctx; // whoever waits for this folder finds the error, or asks again
    (void)err;
    (void)why;
}

static void start_listing(struct mount *mount, uint64_t dir)
{
    if (dir != 0) {
        namespace_complete(mount->namespace, dir, &diff_call, ignore, NULL);
    }
}

static enum err list_folder(const struct diff_trees *trees, uint64_t dir, struct why *why)
{
    struct wait *wait = NULL;
    enum err err = dir != 0 ? wait_begin(trees->owner, &wait) : ERR_NONE;
    if (err != ERR_NONE || dir == 0) {
        return err;
    }
    namespace_complete(trees->mount->namespace, dir, &diff_call, wait_done,
                       wait_ref(wait));
    err = wait_end(trees->owner, wait, why);
    wait_unref(wait);
    return err;
}

static bool is_cancelled(struct wait_owner *owner)
{
    lock_acquire(&owner->lock);
    bool is_cancelled = owner->is_cancelled;
    lock_release(&owner->lock);
    return is_cancelled;
}

// --------------------------------------------------------------------------------- results

static char *join(const char *folder, const char *name)
{
    AUTO(buffer) struct buffer path = buffer_init(PATH_BYTES_MAX + 1);
    enum err err = buffer_printf(&path, "%s%s%s", folder,
                                 folder[0] != '\0' && name[0] != '\0' ? "/" : "", name);
    return err == ERR_NONE ? strdup(buffer_text(&path)) : NULL;
}

static enum err grow(struct commit_diff *diff)
{
    if (diff->n < diff->capacity) {
        return ERR_NONE;
    }
    size_t capacity = diff->capacity > 0 ? diff->capacity * 2 : 64;
    struct commit_change *grown =
        reallocarray(diff->changes, capacity, sizeof(*diff->changes));
    if (grown == NULL) {
        return ERR_NO_MEMORY;
    }
    diff->changes = grown;
    diff->capacity = capacity;
    return ERR_NONE;
}

static enum err too_many(struct why *why)
{
    return why_set(why, ERR_USAGE,
                   "more than %d files differ: name a folder of the repository",
                   DIFF_CHANGES_MAX);
}

// `old_node` and `new_node`: files; one may be NULL.
static enum err add_change(struct comparison *comparison, char *path,
                           const struct tree_node *old_node,
                           const struct tree_node *new_node, struct why *why)
{
    struct commit_diff *diff = comparison->diff;
    struct commit_change change = {
        .status = old_node == NULL   ? CHANGE_ADDED
                  : new_node == NULL ? CHANGE_DELETED
                                     : CHANGE_MODIFIED,
        .old_size = old_node != NULL ? old_node->size : 0,
        .new_size = new_node != NULL ? new_node->size : 0,
        .has_differing = true,
        .path = path,
    };
    change.differing = change.new_size;
    if (change.status == CHANGE_MODIFIED && old_node->has_xet && new_node->has_xet) {
        bool is_equal = digest_equal(&old_node->xet_hash, &new_node->xet_hash);
        change.differing = is_equal ? 0 : change.new_size;
        change.has_plans = !is_equal;
        change.old_xet = old_node->xet_hash;
        change.new_xet = new_node->xet_hash;
    }
    enum err err = diff->n < DIFF_CHANGES_MAX ? grow(diff) : too_many(why);
    if (err != ERR_NONE) {
        free(path);
        return err;
    }
    diff->changes[diff->n++] = change;
    return ERR_NONE;
}

static enum err add_pair(struct comparison *comparison, const char *path,
                         uint64_t old_dir, uint64_t new_dir, struct why *why)
{
    size_t size = strlen(path) + 1;
    if (comparison->n_pending >= PENDING_MAX) {
        return too_many(why);
    }
    struct pair *pair = calloc(1, sizeof(*pair) + size);
    if (pair == NULL) {
        return ERR_NO_MEMORY;
    }
    pair->old_dir = old_dir;
    pair->new_dir = new_dir;
    memcpy(pair->path, path, size);
    pair->next = comparison->pending;
    comparison->pending = pair;
    comparison->n_pending++;
    return ERR_NONE;
}

// One path that either or both commits have. Takes `path`, which may be NULL: no memory.
static enum err add_path(struct comparison *comparison, char *path,
                         const struct tree_node *old_node,
                         const struct tree_node *new_node, struct why *why)
{
    if (path == NULL) {
        return ERR_NO_MEMORY;
    }
    bool old_folder = old_node != NULL && old_node->kind == ENTRY_DIRECTORY;
    bool new_folder = new_node != NULL && new_node->kind == ENTRY_DIRECTORY;
    const struct tree_node *old_file = old_folder ? NULL : old_node;
    const struct tree_node *new_file = new_folder ? NULL : new_node;
    enum err err = ERR_NONE;
    if (old_folder || new_folder) {
        err = add_pair(comparison, path, old_folder ? old_node->ino : 0,
                       new_folder ? new_node->ino : 0, why);
    }
    if (err == ERR_NONE && (old_file != NULL || new_file != NULL)) {
        return add_change(comparison, path, old_file, new_file, why);
    }
    free(path);
    return err;
}

// ------------------------------------------------------------------------------- comparing

struct batch {
    size_t n;
    uint64_t last; // position
    struct {
        char name[NAME_BYTES_MAX + 1];
        struct tree_node node;
    } entries[BATCH_ENTRIES];
};

static bool collect(void *ctx, uint64_t position, const char *name,
                    const struct tree_node *node)
{
    struct batch *batch = ctx;
    snprintf(batch->entries[batch->n].name, sizeof(batch->entries[0].name), "%s", name);
    batch->entries[batch->n].node = *node;
    batch->last = position;
    return ++batch->n < BATCH_ENTRIES;
}

static bool is_same(const struct tree_node *a, const struct tree_node *b)
{
    bool a_folder = a->kind == ENTRY_DIRECTORY;
    bool b_folder = b->kind == ENTRY_DIRECTORY;
    return a->ino == b->ino || (a_folder == b_folder && oid_equal(&a->oid, &b->oid));
}

// An entry of one of the folders. What both have is seen from the new one.
static enum err compare_entry(struct comparison *comparison, const struct pair *pair,
                              bool is_new, const char *name, const struct tree_node *node,
                              struct why *why)
{
    struct tree_node other;
    uint64_t other_dir = is_new ? pair->old_dir : pair->new_dir;
    enum err err = other_dir != 0
                       ? tree_store_lookup(comparison->trees->mount->tree, other_dir,
                                           name, strlen(name), &other)
                       : ERR_ABSENT;
    if (err != ERR_NONE && err != ERR_ABSENT) {
        return err;
    }
    bool is_alone = err == ERR_ABSENT;
    if (!is_alone && (!is_new || is_same(node, &other))) {
        return ERR_NONE;
    }
    const struct tree_node *other_or_null = is_alone ? NULL : &other;
    return add_path(comparison, join(pair->path, name), is_new ? other_or_null : node,
                    is_new ? node : other_or_null, why);
}

static enum err compare_folder(struct comparison *comparison, const struct pair *pair,
                               bool is_new, struct batch *batch, struct why *why)
{
    const struct diff_trees *trees = comparison->trees;
    uint64_t dir = is_new ? pair->new_dir : pair->old_dir;
    enum err err = ERR_NONE;
    batch->last = 0;
    batch->n = BATCH_ENTRIES;
    while (err == ERR_NONE && dir != 0 && batch->n == BATCH_ENTRIES) {
        batch->n = 0;
        err = tree_store_list(trees->mount->tree, dir, batch->last, collect, batch);
        for (size_t i = 0; err == ERR_NONE && i < batch->n; i++) {
            err = compare_entry(comparison, pair, is_new, batch->entries[i].name,
                                &batch->entries[i].node, why);
        }
        if (err == ERR_NONE && is_cancelled(trees->owner)) {
            err = ERR_CANCELLED;
        }
    }
    return err;
}

static enum err compare_pair(struct comparison *comparison, const struct pair *pair,
                             struct batch *batch, struct why *why)
{
    enum err err = list_folder(comparison->trees, pair->old_dir, why);
    if (err == ERR_NONE) {
        err = list_folder(comparison->trees, pair->new_dir, why);
    }
    if (err == ERR_NONE) {
        err = compare_folder(comparison, pair, false, batch, why);
    }
    return err == ERR_NONE ? compare_folder(comparison, pair, true, batch, why) : err;
}

static void list_ahead(struct comparison *comparison)
{
    struct pair *pair = comparison->pending;
    for (int i = 0; i < LISTED_AHEAD && pair != NULL; i++, pair = pair->next) {
        if (!pair->is_started) {
            pair->is_started = true;
            start_listing(comparison->trees->mount, pair->old_dir);
            start_listing(comparison->trees->mount, pair->new_dir);
        }
    }
}

static struct pair *take_pair(struct comparison *comparison)
{
    struct pair *pair = comparison->pending;
    comparison->pending = pair->next;
    comparison->n_pending--;
    return pair;
}

static enum err compare_all(struct comparison *comparison, struct why *why)
{
    AUTO_FREE struct batch *batch = malloc(sizeof(*batch));
    enum err err = batch != NULL ? ERR_NONE : ERR_NO_MEMORY;
    while (err == ERR_NONE && comparison->pending != NULL) {
        list_ahead(comparison);
        struct pair *pair = take_pair(comparison);
        err = compare_pair(comparison, pair, batch, why);
        free(pair);
    }
    while (comparison->pending != NULL) {
        free(take_pair(comparison));
    }
    return err;
}

// ------------------------------------------------------------------------------- beginning

// The node of the path in one of the commits. *out_has is false where it has none.
static enum err find_path(const struct diff_trees *trees, uint64_t root, struct why *why,
                          struct tree_node *out, bool *out_has)
{
    struct wait *wait = NULL;
    enum err err = wait_begin(trees->owner, &wait);
    if (err != ERR_NONE) {
        return err;
    }
    namespace_walk(trees->mount->namespace, root, trees->path, &diff_call, wait_done_node,
                   wait_ref(wait));
    err = wait_end(trees->owner, wait, why);
    *out_has = err == ERR_NONE;
    if (err == ERR_NONE) {
        *out = wait->node;
    }
    wait_unref(wait);
    return err == ERR_NOT_FOUND || err == ERR_NOT_DIRECTORY ? ERR_NONE : err;
}

enum err diff_trees_compare(const struct diff_trees *trees, struct why *why,
                            struct commit_diff *diff)
{
    struct comparison comparison = {.trees = trees, .diff = diff};
    struct tree_node old_node;
    struct tree_node new_node;
    bool has_old = false;
    bool has_new = false;
    enum err err = find_path(trees, trees->old_root, why, &old_node, &has_old);
    if (err == ERR_NONE) {
        err = find_path(trees, trees->new_root, why, &new_node, &has_new);
    }
    if (err == ERR_NONE && !has_old && !has_new) {
        return why_set(why, ERR_NOT_FOUND, "neither %.60s nor %.60s has \"%s\"",
                       diff->from.revision, diff->to.revision, trees->path);
    }
    if (err != ERR_NONE || (has_old && has_new && is_same(&old_node, &new_node))) {
        return err;
    }
    err = add_path(&comparison, join(trees->path, ""), has_old ? &old_node : NULL,
                   has_new ? &new_node : NULL, why);
    return err == ERR_NONE ? compare_all(&comparison, why) : err;
}
