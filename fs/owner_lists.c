// SPDX-License-Identifier: Apache-2.0
// A `list` is what is known of one owner: the newest listing and the one before, so that a reader
// in the middle of the older one comes to its end. A position is (turn of the listing << 32 |
// index + 1). Pages come one at a time, when a reader has come near their beginning.
//
// Bounds: OWNER_NAMES_MAX names of one owner; NAMES_TOTAL of all: lists that nobody reads are dropped,
// the least recently used first. Pages that bring no new name, BARREN_MAX in a row, end a listing
// with an error, or a server could make us follow them for ever.
//
// Lock: `lock` guards everything; no hub verb, store or waiter is called under it.
#include "fs/owner_lists.h"

#include "fs/owner_listing.h"

#include <utlist.h>

enum {
    NAMES_TOTAL = 300000,
    LISTS_MAX = 1024,
    BARREN_MAX = 16,
};

struct list_key {
    enum repo_kind kind;
    char fingerprint[TREE_FINGERPRINT_SIZE]; // of the token it was asked with
    char owner[REPO_NAME_SIZE];
};

struct list {
    struct owner_lists *lists;
    struct list_key key;       // zeroed beyond its text
    struct owner_listing *now; // NULL = none yet
    struct owner_listing *before;
    bool is_fetching;
    struct waiter *waiters;
    struct list *next, *prev; // by last use
    UT_hash_handle hh;
};

struct owner_lists {
    struct hub *hub;
    struct tree_store *tree;
    const char *endpoint;
    struct lock lock;
    struct list *by_key GUARDED_BY(lock);
    struct list *by_use GUARDED_BY(lock); // least recently used first
    size_t n_names GUARDED_BY(lock);
    uint32_t turn GUARDED_BY(lock);
};

enum err owner_lists_new(struct hub *hub, struct tree_store *tree, const char *endpoint,
                         struct owner_lists **out)
{
    struct owner_lists *lists = calloc(1, sizeof(*lists));
    if (lists == NULL) {
        return ERR_NO_MEMORY;
    }
    lists->hub = hub;
    lists->tree = tree;
    lists->endpoint = endpoint;
    lock_init(&lists->lock);
    *out = lists;
    return ERR_NONE;
}

static void drop_listing(struct owner_lists *lists, struct owner_listing *listing)
    REQUIRES(lists->lock)
{
    lists->n_names -= listing != NULL ? listing->n : 0;
    owner_listing_free(listing);
}

static void drop_list(struct owner_lists *lists, struct list *list) REQUIRES(lists->lock)
{
    HASH_DEL(lists->by_key, list);
    DL_DELETE(lists->by_use, list);
    drop_listing(lists, list->now);
    drop_listing(lists, list->before);
    free(list);
}

void owner_lists_free(struct owner_lists *lists)
{
    if (lists == NULL) {
        return;
    }
    lock_acquire(&lists->lock); // nobody else has it: this is for the annotations
    while (lists->by_use != NULL) {
        drop_list(lists, lists->by_use);
    }
    lock_release(&lists->lock);
    lock_destroy(&lists->lock);
    free(lists);
}

// -------------------------------------------------------------------------------- tables

static bool make_key(struct owner_lists *lists, enum repo_kind kind, const char *owner,
                     size_t owner_len, struct list_key *out)
{
    memset(out, 0, sizeof(*out));
    out->kind = kind;
    hub_token_fingerprint(lists->hub, out->fingerprint, sizeof(out->fingerprint));
    if (owner_len >= sizeof(out->owner)) {
        return false;
    }
    memcpy(out->owner, owner, owner_len);
    return true;
}

static struct list *find(struct owner_lists *lists, enum repo_kind kind,
                         const char *owner, size_t owner_len) REQUIRES(lists->lock)
{
    struct list_key key;
    struct list *list = NULL;
    if (!make_key(lists, kind, owner, owner_len, &key)) {
        return NULL;
    }
    HASH_FIND(hh, lists->by_key, &key, sizeof(key), list);
    if (list != NULL) {
        DL_DELETE(lists->by_use, list);
        DL_APPEND(lists->by_use, list);
    }
    return list;
}

static struct list *find_or_make(struct owner_lists *lists, enum repo_kind kind,
                                 const char *owner) REQUIRES(lists->lock)
{
    struct list *list = find(lists, kind, owner, strlen(owner));
    struct list_key key;
    if (list == NULL && make_key(lists, kind, owner, strlen(owner), &key) &&
        (list = calloc(1, sizeof(*list))) != NULL) {
        list->lists = lists;
        list->key = key;
        HASH_ADD(hh, lists->by_key, key, sizeof(list->key), list);
        DL_APPEND(lists->by_use, list);
    }
    return list;
}

// Drops lists that nobody waits for until there is room.
static void make_room(struct owner_lists *lists) REQUIRES(lists->lock)
{
    struct list *list;
    struct list *next;
    DL_FOREACH_SAFE(lists->by_use, list, next)
    {
        bool is_full = lists->n_names > NAMES_TOTAL;
        if (!is_full && HASH_COUNT(lists->by_key) <= LISTS_MAX) {
            return;
        }
        if (is_full && list->before != NULL) {
            drop_listing(lists, list->before);
            list->before = NULL;
        }
        if (!list->is_fetching && next != NULL) { // not the one used last
            drop_list(lists, list);
        }
    }
}

// A listing that is about to be filled in place of the newest one.
static enum err begin_listing(struct owner_lists *lists, struct list *list)
    REQUIRES(lists->lock)
{
    struct owner_listing *listing = owner_listing_new(++lists->turn);
    if (listing == NULL) {
        return ERR_NO_MEMORY;
    }
    drop_listing(lists, list->before);
    list->before = list->now;
    list->now = listing;
    return ERR_NONE;
}

// --------------------------------------------------------------------------------- reading

// The listing that a reader at this position is in. One that was left unfinished is not gone on with,
// and the same place of a newer one is another: NULL, its reader has to begin anew.
static struct owner_listing *of_position(const struct list *list, uint64_t position)
{
    struct owner_listing *before = list->before;
    if (position == 0 || list->now->turn == position >> 32) {
        return list->now;
    }
    bool is_in_before = before != NULL && before->turn == position >> 32 &&
                        (before->is_complete || before->n > (position & UINT32_MAX));
    return is_in_before ? before : NULL;
}

enum err owner_lists_visit(struct owner_lists *lists, enum repo_kind kind,
                           const char *owner, uint64_t after, owner_lists_fn visit,
                           void *ctx, bool *out_goes_on)
{
    size_t index = after & UINT32_MAX;
    enum err err = ERR_ABSENT;
    lock_acquire(&lists->lock);
    const struct list *list = find(lists, kind, owner, strlen(owner));
    const struct owner_listing *listing = NULL;
    if (list != NULL && list->now != NULL) {
        listing = of_position(list, after);
        err = listing == NULL ? ERR_STALE : ERR_ABSENT;
    }
    bool is_here = listing != NULL && (listing->n > index || listing->is_complete);
    if (is_here && (after != 0 || !owner_listing_is_old(listing, clock_now_ms()))) {
        err = ERR_NONE;
        bool goes_on = true;
        for (; goes_on && index < listing->n; index++) {
            uint64_t position = (uint64_t)listing->turn << 32 | (index + 1);
            goes_on = visit(ctx, position, listing->order[index]->name);
        }
        *out_goes_on = !listing->is_complete;
    }
    lock_release(&lists->lock);
    return err;
}

bool owner_lists_head(struct owner_lists *lists, const struct repo_id *repo,
                      int64_t max_age_ms, struct tree_ref *out)
{
    const char *slash = strchr(repo->name, '/');
    if (slash == NULL) {
        return false;
    }
    const struct owner_item *item = NULL;
    lock_acquire(&lists->lock);
    const struct list *list =
        find(lists, repo->kind, repo->name, (size_t)(slash - repo->name));
    const struct owner_listing *listing = list != NULL ? list->now : NULL;
    if (listing != NULL && clock_now_ms() - listing->begun_ms < max_age_ms) {
        item = owner_listing_find(listing, slash + 1);
    }
    bool is_known = item != NULL && item->has_head;
    if (is_known) {
        *out = (struct tree_ref){.sha = item->sha,
                                 .checked_at_s = listing->begun_s,
                                 .date_s = item->modified_s};
        snprintf(out->canonical, sizeof(out->canonical), "%s", repo->name);
    }
    lock_release(&lists->lock);
    return is_known;
}

int64_t owner_lists_changed_s(struct owner_lists *lists, enum repo_kind kind,
                              const char *owner)
{
    lock_acquire(&lists->lock);
    const struct list *list = find(lists, kind, owner, strlen(owner));
    bool is_good = list != NULL && list->now != NULL &&
                   !owner_listing_is_old(list->now, clock_now_ms());
    int64_t at_s = is_good ? list->now->came_s : clock_wall_s();
    lock_release(&lists->lock);
    return at_s;
}

// --------------------------------------------------------------------------------- fetching

static void finish(struct list *list, enum err err, const struct why *why)
{
    struct owner_lists *lists = list->lists;
    lock_acquire(&lists->lock);
    struct waiter *waiters = list->waiters;
    list->waiters = NULL;
    list->is_fetching = false;
    make_room(lists);
    lock_release(&lists->lock);
    waiters_call(waiters, err, why);
}

// The Hub can't be reached: what has been looked into here takes the listing's place.
static enum err fill_from_store(struct list *list)
{
    struct owner_lists *lists = list->lists;
    char fingerprint[TREE_FINGERPRINT_SIZE];
    hub_token_fingerprint(lists->hub, fingerprint, sizeof(fingerprint));
    struct owner_listing *filled = owner_listing_new(list->now->turn);
    if (filled == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = owner_listing_fill(filled, lists->tree, lists->endpoint, fingerprint,
                                      list->key.kind, list->key.owner);
    if (err != ERR_NONE) {
        owner_listing_free(filled);
        return err;
    }
    lock_acquire(&lists->lock);
    err = list->before != NULL ? owner_listing_recall(filled, list->before) : ERR_NONE;
    drop_listing(lists, list->now);
    list->now = filled;
    lists->n_names += filled->n;
    lock_release(&lists->lock);
    return err;
}

// Puts a page into the newest listing.
static enum err put_page(struct list *list, const struct hub_listed_repo *repos, size_t n,
                         const char *next, struct why *why)
{
    struct owner_lists *lists = list->lists;
    enum err err = ERR_NONE;
    lock_acquire(&lists->lock);
    struct owner_listing *listing = list->now;
    size_t n_before = listing->n;
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        const char *name = repos[i].repo.name;
        const char *slash = strchr(name, '/');
        size_t owner_len = slash != NULL ? (size_t)(slash - name) : 0;
        // Under another spelling of the owner they are symlinks, which a lookup finds out.
        bool is_canonical = strlen(list->key.owner) == owner_len &&
                            memcmp(list->key.owner, name, owner_len) == 0;
        err = owner_listing_add(listing, slash != NULL ? slash + 1 : name,
                                is_canonical ? &repos[i] : NULL);
    }
    lists->n_names += listing->n - n_before;
    listing->n_pages++;
    listing->came_ms = clock_now_ms();
    listing->came_s = clock_wall_s();
    listing->is_complete = next == NULL;
    listing->n_barren = listing->n > n_before ? 0 : listing->n_barren + 1;
    bool is_barren = next != NULL && listing->n_barren == BARREN_MAX;
    free(listing->next);
    listing->next = next != NULL ? strdup(next) : NULL;
    if (err == ERR_NONE && next != NULL && listing->next == NULL) {
        err = ERR_NO_MEMORY;
    }
    lock_release(&lists->lock);
    if (is_barren) {
        return why_set(
            why, ERR_BAD_ANSWER,
            "the list of repositories of %s goes on for %d pages without a new "
            "name",
            list->key.owner, BARREN_MAX);
    }
    return err == ERR_TOO_LARGE ? why_set(why, err, "%s has more than %d repositories",
                                          list->key.owner, OWNER_NAMES_MAX)
                                : err;
}

// A listing that went wrong is not gone on with: the next reader begins anew.
static void give_up(struct list *list)
{
    lock_acquire(&list->lists->lock);
    drop_listing(list->lists, list->now);
    list->now = list->before;
    list->before = NULL;
    lock_release(&list->lists->lock);
}

static void on_page(void *ctx, enum err err, const struct why *why,
                    const struct hub_listed_repo *repos, size_t n, const char *next,
                    size_t refused)
{
    struct list *list = ctx;
    struct why own = {""};
    if (err == ERR_NONE) {
        err = put_page(list, repos, n, next, &own);
        why = &own;
        if (refused > 0) {
            log_warn("fs",
                     "the list of repositories of %s has unusable names refused=%zu",
                     list->key.owner, refused);
        }
    } else if (hub_is_offline(list->lists->hub) && list->now->n_pages == 0) {
        err = fill_from_store(list);
        why = NULL;
    }
    if (err != ERR_NONE) {
        give_up(list);
    }
    finish(list, err, why);
}

// Whether what is wanted is here already, or on its way; false: the caller fetches a page.
static bool is_coming(struct owner_lists *lists, struct list *list, uint64_t after,
                      enum err *out_err, bool *out_is_here) REQUIRES(lists->lock)
{
    *out_err = ERR_NONE;
    *out_is_here = false;
    if (list->is_fetching) {
        return true;
    }
    const struct owner_listing *now = list->now;
    if (now == NULL || (after == 0 && owner_listing_is_old(now, clock_now_ms()))) {
        *out_err = begin_listing(lists, list);
        return *out_err != ERR_NONE;
    }
    *out_is_here = now->is_complete || now->n > (after & UINT32_MAX) ||
                   of_position(list, after) != now;
    return *out_is_here;
}

void owner_lists_more(struct owner_lists *lists, enum repo_kind kind, const char *owner,
                      uint64_t after, const struct hub_call *call, waiter_fn done,
                      void *ctx)
{
    struct waiter *waiter = waiter_new(done, ctx, NULL, 0);
    if (waiter == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    struct hub_call how = *call;
    enum err err = ERR_NO_MEMORY;
    bool is_here = false;
    bool is_mine = false;
    AUTO_FREE char *page = NULL;
    lock_acquire(&lists->lock);
    struct list *list = find_or_make(lists, kind, owner);
    if (list != NULL) {
        is_mine = !is_coming(lists, list, after, &err, &is_here);
    }
    if (err == ERR_NONE && !is_here) {
        LL_APPEND(list->waiters, waiter);
        list->is_fetching = true;
        if (is_mine && list->now->next != NULL) {
            page = strdup(list->now->next);
        }
    }
    lock_release(&lists->lock);
    if (err != ERR_NONE || is_here) {
        waiters_call(waiter, err, NULL);
    } else if (is_mine) {
        (void)hub_list_repos(lists->hub, &how, kind, owner, page, on_page, list);
    }
}
