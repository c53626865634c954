// SPDX-License-Identifier: Apache-2.0
// Which commits of a repository the client's cache view knows and lists, and its folder snapshots/.
#include "fs/hf_cache.h"

#include "fs/mount_parts.h"
#include "fs/places.h"

// ---------------------------------------------------------------------- what is known here

enum err hf_cache_canonical(struct mount *mount, const struct repo_id *asked,
                            struct repo_id *out)
{
    static const char *const tried[] = {"main", ""};
    struct head head;
    int64_t row = 0;
    for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
        if (heads_peek(mount->heads, asked, tried[i], HEADS_ANY, &head) == ERR_NONE) {
            *out = head.repo;
            return ERR_NONE;
        }
    }
    enum err err = locator_find_row(mount->locator, asked, &row);
    if (err == ERR_NONE) {
        *out = *asked;
    }
    return err;
}

enum err hf_cache_known_root(struct mount *mount, const struct repo_id *asked,
                             const struct oid *commit, uint64_t *out_root)
{
    char hex[OID_HEX_SIZE];
    struct head head;
    struct head_root root;
    struct repo_id repo;
    int64_t row = 0;
    oid_to_hex(commit, hex);
    if (heads_peek(mount->heads, asked, hex, HEADS_ANY, &head) == ERR_NONE) {
        enum err err = heads_root(mount->heads, &head, &root);
        *out_root = root.ino;
        return err;
    }
    enum err err = hf_cache_canonical(mount, asked, &repo);
    if (err == ERR_NONE) {
        err = locator_find_row(mount->locator, &repo, &row);
    }
    return err == ERR_NONE ? tree_store_find_root(mount->tree, row, commit, out_root)
                           : err;
}

void hf_cache_ask_commit(struct mount *mount, const struct repo_id *asked,
                         const struct oid *commit, const struct hub_call *call,
                         waiter_fn done, void *ctx)
{
    char hex[OID_HEX_SIZE];
    oid_to_hex(commit, hex);
    heads_ask(mount->heads, asked, hex, call, done, ctx);
}

struct known_ref {
    char revision[REVISION_SIZE];
    struct oid commit;
};

struct known_refs {
    struct known_ref *list;
    size_t n;
    bool is_offline;
    enum err err;
};

// Other files of fs/ keep notes under names with a colon. What came in as the default branch counts
// without the Hub only (heads.c).
static bool note_ref(void *ctx, const char *revision, const struct tree_ref *ref)
{
    struct known_refs *refs = ctx;
    if (strchr(revision, ':') != NULL || (revision[0] == '\0' && !refs->is_offline)) {
        return true;
    }
    struct known_ref *grown = reallocarray(refs->list, refs->n + 1, sizeof(*grown));
    if (grown == NULL) {
        refs->err = ERR_NO_MEMORY;
        return false;
    }
    refs->list = grown;
    struct known_ref *known = &refs->list[refs->n++];
    snprintf(known->revision, sizeof(known->revision), "%s",
             revision[0] != '\0' ? revision : DEFAULT_BRANCH);
    known->commit = ref->sha;
    return true;
}

bool hf_cache_is_whole(struct mount *mount, uint64_t root)
{
    bool is_whole = false;
    for (size_t i = 0; i < WHOLE_ROOTS; i++) {
        if (atomic_load(&mount->whole_roots[i]) == root) {
            return true;
        }
    }
    if (tree_store_is_whole(mount->tree, root, &is_whole) != ERR_NONE || !is_whole) {
        return false;
    }
    unsigned turn = atomic_fetch_add(&mount->n_whole_roots, 1);
    atomic_store(&mount->whole_roots[turn % WHOLE_ROOTS], root);
    return true;
}

static bool is_listed(struct mount *mount, int64_t row, const struct oid *commit)
{
    struct tree_dir dir;
    uint64_t root = 0;
    if (tree_store_find_root(mount->tree, row, commit, &root) != ERR_NONE ||
        tree_store_dir(mount->tree, root, &dir) != ERR_NONE) {
        return false;
    }
    return !hub_is_offline(mount->hub) || hf_cache_is_whole(mount, root);
}

enum err hf_cache_commits(struct mount *mount, const struct repo_id *repo,
                          hf_cache_commit_fn visit, void *ctx)
{
    struct repo_id canonical;
    struct known_refs refs = {.is_offline = hub_is_offline(mount->hub)};
    int64_t row = 0;
    enum err err = hf_cache_canonical(mount, repo, &canonical);
    if (err == ERR_NONE) {
        err = locator_find_row(mount->locator, &canonical, &row);
    }
    if (err != ERR_NONE) {
        return err == ERR_ABSENT ? ERR_NONE : err;
    }
    err = tree_store_refs(mount->tree, row, note_ref, &refs);
    err = err != ERR_NONE ? err : refs.err;
    bool goes_on = err == ERR_NONE;
    for (size_t i = 0; goes_on && i < refs.n; i++) {
        if (is_listed(mount, row, &refs.list[i].commit)) {
            goes_on = visit(ctx, refs.list[i].revision, &refs.list[i].commit);
        }
    }
    free(refs.list);
    return err;
}

// ------------------------------------------------------------------------------ snapshots

static enum err snapshots_peek(struct mount *mount, struct vnode *dir, const char *name,
                               size_t len, enum peek_mode mode, struct entry *out)
{
    struct oid commit;
    struct place place = {.kind = PLACE_PLAIN};
    (void)mode;
    if (!hf_cache_commit_name(name, len, "", &commit)) {
        return ERR_NOT_FOUND;
    }
    enum err err = hf_cache_known_root(mount, &dir->subject.repo, &commit, &place.root);
    if (err != ERR_NONE) {
        return err;
    }
    oid_to_hex(&commit, place.revision);
    // For a moment only: with another token it may be unknown, and with modes learned another place.
    return entry_of_root(mount, dir, name, len, &place, ENTRY_MOMENT_S, out);
}

static void snapshots_ask(struct mount *mount, struct vnode *dir, const char *name,
                          size_t len, const struct hub_call *call, waiter_fn done,
                          void *ctx)
{
    struct oid commit;
    if (!hf_cache_commit_name(name, len, "", &commit)) {
        done(ctx, ERR_NOT_FOUND, NULL);
        return;
    }
    hf_cache_ask_commit(mount, &dir->subject.repo, &commit, call, done, ctx);
}

struct commit_list {
    vnode_visit_fn visit;
    void *ctx;
    uint64_t after;
    uint64_t position;
    struct oid *seen;
    size_t n_seen;
};

static bool visit_commit(void *ctx, const char *revision, const struct oid *commit)
{
    struct commit_list *list = ctx;
    char hex[OID_HEX_SIZE];
    (void)revision;
    for (size_t i = 0; i < list->n_seen; i++) {
        if (oid_equal(&list->seen[i], commit)) {
            return true;
        }
    }
    struct oid *grown = reallocarray(list->seen, list->n_seen + 1, sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    list->seen = grown;
    list->seen[list->n_seen++] = *commit;
    oid_to_hex(commit, hex);
    return ++list->position <= list->after ||
           list->visit(list->ctx, list->position, hex, S_IFDIR);
}

static enum err snapshots_list(struct mount *mount, struct vnode *dir, uint64_t after,
                               vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    struct commit_list list = {.visit = visit, .ctx = ctx, .after = after};
    *out_goes_on = false;
    enum err err = hf_cache_commits(mount, &dir->subject.repo, visit_commit, &list);
    free(list.seen);
    return err;
}

const struct vnode_type hf_cache_snapshots = {
    .name = "snapshots",
    .mode = S_IFDIR | 0555,
    .peek = snapshots_peek,
    .ask = snapshots_ask,
    .list = snapshots_list,
    .changed_s = vnode_changed_now,
};
