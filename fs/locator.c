// SPDX-License-Identifier: Apache-2.0
// A node says its repository and its path, but not its commits: one that has it is found by
// walking the stored listings from the roots of the commits that are known here, the newest
// first. That costs a few microseconds a component and happens once per folder listed and file
// opened. Any such commit is right, for a node is one version of one path.
//
// Who may see what: a row of the tree store is a repository as seen with one token. A node is
// served only when its row was made with a token that this mount has had, so a number that
// somebody guesses, or kept from another mount, leads nowhere.
//
// `known` keeps the rows used lately, at most ROWS_MAX, each with the commit that was shown last, and
// those that the Hub was found to have no more (a branch was deleted, a history rewritten).
//
// Lock: `lock` guards the table and the fingerprints, and is not held while the store is asked.
#include "fs/locator.h"

#include <utlist.h>

enum {
    ROWS_MAX = 1024,
    FINGERPRINTS_MAX = 16, // tokens that one mount sees; the oldest are forgotten
    COMMITS_FIRST = 8,     // looked at before all of them are
    COMMITS_MAX = 4096,
    DEAD_MAX = 8, // of a repository
};

struct known_commit {
    struct oid commit;
    uint64_t repo_root; // 0 = none
};

struct known_row {
    int64_t row;
    struct repo_id repo;
    struct known_commit preferred;
    struct oid dead[DEAD_MAX];
    unsigned n_dead;               // ever
    struct known_row *next, *prev; // by last use
    UT_hash_handle hh;
};

struct locator {
    struct hub *hub;
    struct tree_store *tree;
    const char *endpoint;
    struct lock lock;
    struct known_row *by_row GUARDED_BY(lock);
    struct known_row *by_use GUARDED_BY(lock); // least recently used first
    char fingerprints[FINGERPRINTS_MAX][TREE_FINGERPRINT_SIZE] GUARDED_BY(lock);
    size_t n_fingerprints GUARDED_BY(lock); // ever
};

enum err locator_new(struct hub *hub, struct tree_store *tree, const char *endpoint,
                     struct locator **out)
{
    struct locator *locator = calloc(1, sizeof(*locator));
    if (locator == NULL) {
        return ERR_NO_MEMORY;
    }
    locator->hub = hub;
    locator->tree = tree;
    locator->endpoint = endpoint;
    lock_init(&locator->lock);
    *out = locator;
    return ERR_NONE;
}

void locator_free(struct locator *locator)
{
    if (locator == NULL) {
        return;
    }
    lock_acquire(&locator->lock); // nobody else has it: this is for the annotations
    HASH_CLEAR(hh, locator->by_row);
    struct known_row *known;
    struct known_row *next;
    DL_FOREACH_SAFE(locator->by_use, known, next)
    {
        free(known);
    }
    lock_release(&locator->lock);
    lock_destroy(&locator->lock);
    free(locator);
}

// ------------------------------------------------------------------------------- tokens

static bool is_had(struct locator *locator, const char *fingerprint)
    REQUIRES(locator->lock)
{
    size_t n = locator->n_fingerprints < FINGERPRINTS_MAX ? locator->n_fingerprints
                                                          : FINGERPRINTS_MAX;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(locator->fingerprints[i], fingerprint) == 0) {
            return true;
        }
    }
    return false;
}

// The fingerprint of the token in use, which counts as had from now on.
static void current_fingerprint(struct locator *locator, char out[TREE_FINGERPRINT_SIZE])
{
    hub_token_fingerprint(locator->hub, out, TREE_FINGERPRINT_SIZE);
    lock_acquire(&locator->lock);
    if (!is_had(locator, out)) {
        memcpy(locator->fingerprints[locator->n_fingerprints++ % FINGERPRINTS_MAX], out,
               TREE_FINGERPRINT_SIZE);
    }
    lock_release(&locator->lock);
}

enum err locator_row(struct locator *locator, const struct repo_id *repo,
                     int64_t *out_row)
{
    char fingerprint[TREE_FINGERPRINT_SIZE];
    current_fingerprint(locator, fingerprint);
    return tree_store_repo(locator->tree, locator->endpoint, repo, fingerprint, out_row);
}

enum err locator_find_row(struct locator *locator, const struct repo_id *repo,
                          int64_t *out_row)
{
    char fingerprint[TREE_FINGERPRINT_SIZE];
    current_fingerprint(locator, fingerprint);
    return tree_store_find_repo(locator->tree, locator->endpoint, repo, fingerprint,
                                out_row);
}

// --------------------------------------------------------------------------------- rows

static struct known_row *use(struct locator *locator, int64_t row) REQUIRES(locator->lock)
{
    struct known_row *known = NULL;
    HASH_FIND(hh, locator->by_row, &row, sizeof(row), known);
    if (known != NULL) {
        DL_DELETE(locator->by_use, known);
        DL_APPEND(locator->by_use, known);
    }
    return known;
}

static void add(struct locator *locator, int64_t row, const struct repo_id *repo)
    REQUIRES(locator->lock)
{
    struct known_row *known = calloc(1, sizeof(*known));
    if (known == NULL) {
        return; // asked of the store again
    }
    known->row = row;
    known->repo = *repo;
    HASH_ADD(hh, locator->by_row, row, sizeof(row), known);
    DL_APPEND(locator->by_use, known);
    if (HASH_COUNT(locator->by_row) > ROWS_MAX) {
        struct known_row *oldest = locator->by_use;
        HASH_DEL(locator->by_row, oldest);
        DL_DELETE(locator->by_use, oldest);
        free(oldest);
    }
}

// Asks the store what a row is, and remembers it.
static enum err learn_row(struct locator *locator, int64_t row, struct repo_id *out)
{
    char current[TREE_FINGERPRINT_SIZE];
    char fingerprint[TREE_FINGERPRINT_SIZE];
    struct repo_id repo;
    current_fingerprint(locator, current);
    enum err err =
        tree_store_get_repo(locator->tree, locator->endpoint, row, &repo, fingerprint);
    if (err != ERR_NONE) {
        return err;
    }
    lock_acquire(&locator->lock);
    bool is_ours = is_had(locator, fingerprint);
    if (is_ours && use(locator, row) == NULL) {
        add(locator, row, &repo);
    }
    lock_release(&locator->lock);
    if (!is_ours) {
        return ERR_STALE;
    }
    *out = repo;
    return ERR_NONE;
}

// What is known of a row, copied.
struct row_facts {
    struct repo_id repo;
    struct known_commit preferred;
    struct oid dead[DEAD_MAX]; // zero = none
};

static enum err get_row(struct locator *locator, int64_t row, struct row_facts *out)
{
    lock_acquire(&locator->lock);
    const struct known_row *known = use(locator, row);
    if (known != NULL) {
        *out = (struct row_facts){.repo = known->repo, .preferred = known->preferred};
        memcpy(out->dead, known->dead, sizeof(out->dead));
    }
    lock_release(&locator->lock);
    if (known != NULL) {
        return ERR_NONE;
    }
    *out = (struct row_facts){.dead = {{{0}}}};
    return learn_row(locator, row, &out->repo);
}

static bool is_dead(const struct oid dead[DEAD_MAX], const struct oid *commit)
{
    for (unsigned i = 0; i < DEAD_MAX; i++) {
        if (oid_equal(&dead[i], commit)) {
            return true;
        }
    }
    return false;
}

enum err locator_repo(struct locator *locator, int64_t row, struct repo_id *out)
{
    struct row_facts facts;
    enum err err = get_row(locator, row, &facts);
    if (err == ERR_NONE) {
        *out = facts.repo;
    }
    return err;
}

void locator_prefer(struct locator *locator, int64_t row, const struct oid *commit,
                    uint64_t repo_root)
{
    struct row_facts facts;
    if (get_row(locator, row, &facts) != ERR_NONE) {
        return;
    }
    lock_acquire(&locator->lock);
    struct known_row *known = use(locator, row);
    if (known != NULL) {
        known->preferred = (struct known_commit){*commit, repo_root};
        for (unsigned i = 0; i < DEAD_MAX; i++) {
            if (oid_equal(&known->dead[i], commit)) {
                known->dead[i] = (struct oid){{0}};
            }
        }
    }
    lock_release(&locator->lock);
}

void locator_distrust(struct locator *locator, int64_t row, const struct oid *commit)
{
    lock_acquire(&locator->lock);
    struct known_row *known = use(locator, row);
    if (known != NULL) {
        if (!is_dead(known->dead, commit)) { // many files find the same one gone
            known->dead[known->n_dead++ % DEAD_MAX] = *commit;
        }
        if (oid_equal(&known->preferred.commit, commit)) {
            known->preferred.repo_root = 0;
        }
    }
    lock_release(&locator->lock);
}

// ------------------------------------------------------------------------------ commits

// Whether `path` below the stored directory `root` is this version. A node that differs in
// its mode only (git_modes.c) is the same version.
static bool leads_to(struct tree_store *tree, uint64_t root, const char *path,
                     const struct tree_node *wanted)
{
    struct tree_node at = {.ino = root};
    if (*path == '\0' && tree_store_node(tree, root, &at) != ERR_NONE) {
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

struct commits {
    struct known_commit *list;
    size_t n;
    size_t max;
};

static bool collect(void *ctx, const struct oid *commit, uint64_t root_ino,
                    int64_t date_s)
{
    struct commits *commits = ctx;
    (void)date_s;
    commits->list[commits->n++] = (struct known_commit){*commit, root_ino};
    return commits->n < commits->max;
}

// Looks at the newest `max` commits. ERR_STALE: none of them has it.
static enum err search(struct locator *locator, const struct tree_node *node,
                       const char *path, const struct row_facts *facts, size_t max,
                       struct known_commit *out)
{
    AUTO_FREE struct known_commit *list = calloc(max, sizeof(*list));
    if (list == NULL) {
        return ERR_NO_MEMORY;
    }
    struct commits commits = {.list = list, .max = max};
    enum err err = tree_store_commits(locator->tree, node->repo, collect, &commits);
    for (size_t i = 0; err == ERR_NONE && i < commits.n; i++) {
        if (!is_dead(facts->dead, &list[i].commit) &&
            leads_to(locator->tree, list[i].repo_root, path, node)) {
            *out = list[i];
            return ERR_NONE;
        }
    }
    return err == ERR_NONE ? ERR_STALE : err;
}

static enum err find_commit(struct locator *locator, const struct tree_node *node,
                            const char *path, const struct row_facts *facts,
                            struct known_commit *out)
{
    uint64_t preferred = facts->preferred.repo_root;
    if (preferred != 0 && leads_to(locator->tree, preferred, path, node)) {
        *out = facts->preferred;
        return ERR_NONE;
    }
    enum err err = search(locator, node, path, facts, COMMITS_FIRST, out);
    return err == ERR_STALE ? search(locator, node, path, facts, COMMITS_MAX, out) : err;
}

enum err locator_find(struct locator *locator, uint64_t ino, struct location *out)
{
    AUTO_FREE char *path = NULL;
    struct tree_node node;
    struct row_facts facts;
    struct known_commit found;
    enum err err = tree_store_node_and_path(locator->tree, ino, &node, &path);
    if (err == ERR_NONE) {
        err = get_row(locator, node.repo, &facts);
    }
    if (err == ERR_NONE) {
        err = find_commit(locator, &node, path, &facts, &found);
    }
    if (err != ERR_NONE) {
        return err;
    }
    *out = (struct location){.node = node,
                             .source = {facts.repo, found.commit},
                             .row = node.repo,
                             .repo_root = found.repo_root,
                             .path = STEAL_POINTER(path)};
    return ERR_NONE;
}

void location_release(struct location *location)
{
    free(location->path);
    location->path = NULL;
}
