// SPDX-License-Identifier: Apache-2.0
// The Hub limits the question who a token is strictly, so the answer is kept in the tree store for
// a day, under the token's fingerprint. What is visited is asked of the tree store each time.
#include "fs/accounts.h"

#include <utlist.h>

enum {
    DAY_S = 24 * 60 * 60,
    SILENCE_MS = 60000, // after a question that failed
    KEY_SIZE = 512,
    NAMES_BYTES_MAX = 64 << 10,
};

struct accounts {
    struct hub *hub;
    struct tree_store *tree;
    const char *endpoint;
    struct lock lock;
    bool is_asking GUARDED_BY(lock);
    // The fingerprint of the token that was asked about last.
    char asked_with[TREE_FINGERPRINT_SIZE] GUARDED_BY(lock);
    int64_t failed_ms GUARDED_BY(lock); // when that question failed; 0 = it did not
    struct waiter *waiters GUARDED_BY(lock);
};

enum err accounts_new(struct hub *hub, struct tree_store *tree, const char *endpoint,
                      struct accounts **out)
{
    struct accounts *accounts = calloc(1, sizeof(*accounts));
    if (accounts == NULL) {
        return ERR_NO_MEMORY;
    }
    accounts->hub = hub;
    accounts->tree = tree;
    accounts->endpoint = endpoint;
    lock_init(&accounts->lock);
    *out = accounts;
    return ERR_NONE;
}

void accounts_free(struct accounts *accounts)
{
    if (accounts != NULL) {
        lock_destroy(&accounts->lock);
        free(accounts);
    }
}

static void memo_key(const struct accounts *accounts, char out[KEY_SIZE],
                     const char *fingerprint)
{
    snprintf(out, KEY_SIZE, "whoami %s %s", fingerprint, accounts->endpoint);
}

// ------------------------------------------------------------------------------- visiting

struct owner {
    UT_hash_handle hh;
    char name[];
};

struct owners {
    struct owner *table;
    enum err err;
};

static void add(struct owners *owners, const char *name, size_t len)
{
    struct owner *owner = NULL;
    HASH_FIND(hh, owners->table, name, len, owner);
    if (owner != NULL) {
        return;
    }
    owner = calloc(1, sizeof(*owner) + len + 1);
    if (owner == NULL) {
        owners->err = ERR_NO_MEMORY;
        return;
    }
    memcpy(owner->name, name, len);
    HASH_ADD(hh, owners->table, name[0], len, owner);
}

static bool add_owner_of(void *ctx, int64_t row, const struct repo_id *repo)
{
    struct owners *owners = ctx;
    const char *slash = strchr(repo->name, '/');
    (void)row;
    if (slash != NULL) { // an old id without owner is shown under its canonical name only
        add(owners, repo->name, (size_t)(slash - repo->name));
    }
    return owners->err == ERR_NONE;
}

static int by_name(const struct owner *a, const struct owner *b)
{
    return strcmp(a->name, b->name);
}

static bool may_ask(struct accounts *accounts, const char *fingerprint)
{
    lock_acquire(&accounts->lock);
    bool is_silent = accounts->failed_ms != 0 &&
                     strcmp(accounts->asked_with, fingerprint) == 0 &&
                     clock_now_ms() - accounts->failed_ms < SILENCE_MS;
    lock_release(&accounts->lock);
    return fingerprint[0] != '\0' && !is_silent && !hub_is_offline(accounts->hub);
}

// The token's own names. ERR_ABSENT: the Hub must be asked.
static enum err add_own(struct accounts *accounts, const char *key,
                        const char *fingerprint, struct owners *owners)
{
    AUTO(buffer) struct buffer names = buffer_init(NAMES_BYTES_MAX);
    int64_t at_s = 0;
    enum err err = tree_store_get_memo(accounts->tree, key, &names, &at_s);
    int64_t age_s = clock_wall_s() - at_s;
    if (err == ERR_ABSENT || (err == ERR_NONE && (age_s < 0 || age_s >= DAY_S))) {
        if (may_ask(accounts, fingerprint)) {
            return ERR_ABSENT;
        }
    }
    if (err != ERR_NONE) {
        return err == ERR_ABSENT ? ERR_NONE : err;
    }
    const char *at = buffer_text(&names);
    const char *end = at + names.len;
    while (at < end) {
        add(owners, at, strlen(at));
        at += strlen(at) + 1;
    }
    return owners->err;
}

enum err accounts_visit(struct accounts *accounts, enum repo_kind kind, uint64_t after,
                        accounts_fn visit, void *ctx)
{
    char key[KEY_SIZE];
    char fingerprint[TREE_FINGERPRINT_SIZE];
    struct owners owners = {NULL, ERR_NONE};
    hub_token_fingerprint(accounts->hub, fingerprint, sizeof(fingerprint));
    memo_key(accounts, key, fingerprint);
    enum err err = add_own(accounts, key, fingerprint, &owners);
    if (err == ERR_NONE) {
        err = tree_store_repos(accounts->tree, accounts->endpoint, fingerprint, kind,
                               add_owner_of, &owners);
        err = err != ERR_NONE ? err : owners.err;
    }
    HASH_SORT(owners.table, by_name);
    uint64_t position = 0;
    bool goes_on = err == ERR_NONE;
    struct owner *owner;
    struct owner *next;
    HASH_ITER (hh, owners.table, owner, next) {
        if (++position > after && goes_on) {
            goes_on = visit(ctx, position, owner->name);
        }
        HASH_DEL(owners.table, owner);
        free(owner);
    }
    return err;
}

// -------------------------------------------------------------------------------- asking

static void on_whoami(void *ctx, enum err err, const struct why *why,
                      const char *const *names, size_t n)
{
    struct accounts *accounts = ctx;
    char key[KEY_SIZE];
    AUTO(buffer) struct buffer text = buffer_init(NAMES_BYTES_MAX);
    lock_acquire(&accounts->lock);
    memo_key(accounts, key, accounts->asked_with);
    lock_release(&accounts->lock);
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        err = buffer_append(&text, names[i], strlen(names[i]) + 1);
    }
    if (err == ERR_NONE) {
        err = tree_store_put_memo(accounts->tree, key, buffer_text(&text), text.len,
                                  clock_wall_s());
    }
    if (err != ERR_NONE && err != ERR_CANCELLED) {
        log_warn("fs", "the Hub does not tell whose the token is: %s",
                 why_text(why, err));
    }
    lock_acquire(&accounts->lock);
    struct waiter *waiters = accounts->waiters;
    accounts->waiters = NULL;
    accounts->is_asking = false;
    accounts->failed_ms = err != ERR_NONE ? clock_now_ms() : 0;
    lock_release(&accounts->lock);
    waiters_call(waiters, ERR_NONE, NULL);
}

void accounts_ask(struct accounts *accounts, const struct hub_call *call, waiter_fn done,
                  void *ctx)
{
    struct waiter *waiter = waiter_new(done, ctx, NULL, 0);
    if (waiter == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    struct hub_call how = *call;
    char fingerprint[TREE_FINGERPRINT_SIZE];
    hub_token_fingerprint(accounts->hub, fingerprint, sizeof(fingerprint));
    lock_acquire(&accounts->lock);
    LL_APPEND(accounts->waiters, waiter);
    bool is_mine = !accounts->is_asking;
    if (is_mine) {
        accounts->is_asking = true;
        memcpy(accounts->asked_with, fingerprint, sizeof(fingerprint));
    }
    lock_release(&accounts->lock);
    if (is_mine) {
        (void)hub_whoami(accounts->hub, &how, on_whoami, accounts);
    }
}
