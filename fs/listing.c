// SPDX-License-Identifier: Apache-2.0
// Fetches of listing pages, single-flighted.
//
// A `page_fetch` exists while the next page of a directory is under way; waiters hang on it.
// The answer comes on a pool thread, is stored there, and only then are the waiters called;
// each looks at the store again and asks for more when it has to. So what the store says is
// the only truth, and a waiter that was called too early is merely slow.
//
// Lock: `lock` guards the table and the waiters. No hub verb, store commit or waiter is
// called under it; the store is read under it (microseconds), so that no page can arrive
// unnoticed between looking and waiting.
#include "fs/listing.h"

#include "fs/sibling_watch.h"

#include <utlist.h>

enum {
    PAGE_ADDRESS_MAX = 4096,
    BARREN_PAGES_MAX = 16, // in a row
    FOLLOWED_MAX = 2,
};

struct page_fetch {
    struct listing *listing;
    uint64_t ino;
    uint64_t turn; // tells this fetch from a later one of the same directory
    struct hub_call call;
    unsigned n_followed; // pages of a walk that it waited for
    unsigned n_commits;  // that were tried after the first
    hub_ticket ticket;   // 0 until known; under the lock, as what follows
    bool is_demanded;    // somebody waits who does not want to wait for the quota
    struct hub_call demand;
    struct waiter *waiters;
    struct location at; // of the directory; set before the call is sent, as `page`
    char page[PAGE_ADDRESS_MAX]; // "" = the first
    UT_hash_handle hh;
};

// A directory whose last pages brought no new name and yet named a next page: pages that
// lead to each other would be followed for ever.
struct barren_run {
    uint64_t ino;
    unsigned pages;
    UT_hash_handle hh;
};

struct listing {
    struct hub *hub;
    struct tree_store *tree;
    struct locator *locator;
    struct tree_walks *walks;
    struct lock lock;
    struct page_fetch *fetches GUARDED_BY(lock);
    struct barren_run *barren GUARDED_BY(lock);
    uint64_t turn GUARDED_BY(lock);
    struct sibling_watch siblings GUARDED_BY(lock);
};

enum err listing_new(struct hub *hub, struct tree_store *tree, struct locator *locator,
                     struct tree_walks *walks, struct listing **out)
{
    struct listing *listing = calloc(1, sizeof(*listing));
    if (listing == NULL) {
        return ERR_NO_MEMORY;
    }
    listing->hub = hub;
    listing->tree = tree;
    listing->locator = locator;
    listing->walks = walks;
    lock_init(&listing->lock);
    *out = listing;
    return ERR_NONE;
}

void listing_free(struct listing *listing)
{
    if (listing == NULL) {
        return;
    }
    struct barren_run *run;
    struct barren_run *next;
    lock_acquire(&listing->lock); // nobody else has it: this is for the annotations
    HASH_ITER (hh, listing->barren, run, next) {
        HASH_DEL(listing->barren, run);
        free(run);
    }
    lock_release(&listing->lock);
    lock_destroy(&listing->lock);
    free(listing);
}

static bool stop_at_first(void *ctx, uint64_t position, const char *name,
                          const struct tree_node *node)
{
    (void)position;
    (void)name;
    (void)node;
    *(bool *)ctx = true;
    return false;
}

static bool has_more_stored(struct listing *listing, uint64_t dir_ino, uint64_t after)
{
    struct tree_dir dir = {0};
    if (tree_store_dir(listing->tree, dir_ino, &dir) == ERR_NONE && dir.complete) {
        return true;
    }
    bool follows = false;
    enum err err =
        tree_store_list(listing->tree, dir_ino, after, stop_at_first, &follows);
    return err == ERR_NONE && follows;
}

// ------------------------------------------------------------------------------- answers

static void finish(struct page_fetch *fetch, enum err err, const struct why *why)
{
    struct listing *listing = fetch->listing;
    lock_acquire(&listing->lock);
    struct waiter *waiters = fetch->waiters;
    HASH_DEL(listing->fetches, fetch);
    lock_release(&listing->lock);
    waiters_call(waiters, err, why);
    location_release(&fetch->at);
    free(fetch);
}

// Counts a page; true = the directory has had its fill of pages without a new name. Then the
// count begins anew, for whoever tries again.
static bool leads_nowhere(struct listing *listing, uint64_t ino, bool is_barren)
{
    struct barren_run *run = NULL;
    bool is_over = false;
    lock_acquire(&listing->lock);
    HASH_FIND(hh, listing->barren, &ino, sizeof(ino), run);
    if (is_barren && run == NULL && (run = calloc(1, sizeof(*run))) != NULL) {
        run->ino = ino;
        HASH_ADD(hh, listing->barren, ino, sizeof(run->ino), run);
    }
    if (run != NULL) {
        is_over = is_barren && ++run->pages == BARREN_PAGES_MAX;
        if (is_over || !is_barren) {
            HASH_DEL(listing->barren, run);
            free(run);
        }
    }
    lock_release(&listing->lock);
    return is_over;
}

// The stored folder at the first `len` bytes of a path.
static enum err find_folder(struct listing *listing, uint64_t root, const char *path,
                            size_t len, uint64_t *out_ino)
{
    struct tree_node node = {.ino = root};
    size_t at = 0;
    while (at < len) {
        size_t name_len = strcspn(path + at, "/");
        enum err err =
            tree_store_lookup(listing->tree, node.ino, path + at, name_len, &node);
        if (err != ERR_NONE) {
            return err;
        }
        at += name_len + 1;
    }
    *out_ino = node.ino;
    return ERR_NONE;
}

// A folder that is whole with one page. Its parent may be worth a walk.
static void note_folder(const struct page_fetch *fetch, size_t n)
{
    struct listing *listing = fetch->listing;
    size_t parent_len = 0;
    uint64_t parent = 0;
    lock_acquire(&listing->lock);
    bool is_third = sibling_watch_note(&listing->siblings, fetch->at.repo_root,
                                       fetch->at.path, n, &parent_len);
    lock_release(&listing->lock);
    if (is_third && find_folder(listing, fetch->at.repo_root, fetch->at.path, parent_len,
                                &parent) == ERR_NONE) {
        tree_walk_ahead(listing->walks, fetch->at.repo_root, parent,
                        fetch->call.class == HUB_DEMAND ? HUB_AHEAD : fetch->call.class);
    }
}

static void send_page(struct page_fetch *fetch);

// The Hub has the commit no more; the folder may be in another one that is known.
static bool try_another_commit(struct page_fetch *fetch)
{
    struct locator *locator = fetch->listing->locator;
    struct location other;
    locator_distrust(locator, fetch->at.row, &fetch->at.source.sha);
    if (fetch->page[0] != '\0' || fetch->n_commits++ > 0 ||
        locator_find(locator, fetch->ino, &other) != ERR_NONE) {
        return false;
    }
    location_release(&fetch->at);
    fetch->at = other;
    send_page(fetch);
    return true;
}

// What is fetched ahead leaves a share of the quota to readers. One that has come to wait for it
// meanwhile may use that.
static bool try_on_demand(struct page_fetch *fetch)
{
    struct listing *listing = fetch->listing;
    lock_acquire(&listing->lock);
    bool is_wanted = fetch->is_demanded && fetch->call.class != HUB_DEMAND;
    if (is_wanted) {
        fetch->call = fetch->demand;
        fetch->ticket = 0;
    }
    lock_release(&listing->lock);
    if (is_wanted) {
        send_page(fetch);
    }
    return is_wanted;
}

static void on_page(void *ctx, enum err err, const struct why *why,
                    struct hub_tree_page *page)
{
    struct page_fetch *fetch = ctx;
    const char *next = page->next;
    size_t n = page->count;
    struct why own = {""};
    bool was_here = false;
    if ((err == ERR_NOT_FOUND && try_another_commit(fetch)) ||
        (err == ERR_QUOTA && try_on_demand(fetch))) {
        return;
    }
    err = err == ERR_NOT_FOUND ? ERR_STALE : err; // of the repository: not about a name
    if (err == ERR_NONE && next != NULL && strcmp(next, fetch->page) == 0) {
        err = why_set(&own, ERR_BAD_ANSWER,
                      "%s: the listing of \"%s\" leads back to the same page",
                      fetch->at.source.repo.name, fetch->at.path);
        why = &own;
    }
    if (err == ERR_NONE) {
        size_t duplicates = 0;
        err = tree_store_put_page(fetch->listing->tree, fetch->ino, page->entries, n,
                                  next, &duplicates);
        err = err == ERR_NOT_FOUND ? ERR_SYSTEM : err; // of the store: not about a name
        // Of a name that comes twice the first is none: a walk has brought all of it meanwhile.
        was_here = fetch->page[0] == '\0' && n > 0 && duplicates == n;
        if (duplicates + page->refused > 0 && !was_here) {
            log_warn("fs",
                     "the listing of \"%s\" has unusable names refused=%zu duplicate=%zu",
                     fetch->at.path, page->refused, duplicates);
        }
        bool is_barren = next != NULL && n == duplicates;
        if (err == ERR_NONE && leads_nowhere(fetch->listing, fetch->ino, is_barren)) {
            err = why_set(
                &own, ERR_BAD_ANSWER,
                "%s: the listing of \"%s\" goes on for %d pages without a new name",
                fetch->at.source.repo.name, fetch->at.path, BARREN_PAGES_MAX);
            why = &own;
        }
    }
    if (err == ERR_NONE && next == NULL && fetch->page[0] == '\0' && !was_here) {
        note_folder(fetch, n);
    }
    finish(fetch, err, why);
}

// -------------------------------------------------------------------------------- asking

// Where the listing goes on: the folder's place and the page's address.
static enum err prepare(struct page_fetch *fetch, struct why *why)
{
    struct listing *listing = fetch->listing;
    enum err err = locator_find(listing->locator, fetch->ino, &fetch->at);
    if (err != ERR_NONE) {
        return why_set(why, err,
                       "the folder is in none of the commits that are known here");
    }
    err =
        tree_store_dir_next(listing->tree, fetch->ino, fetch->page, sizeof(fetch->page));
    return err == ERR_ABSENT ? ERR_NONE : err;
}

// The walk has come a page further.
static void on_walked(void *ctx, enum err err, const struct why *why)
{
    struct page_fetch *fetch = ctx;
    struct tree_dir dir = {0};
    (void)err;
    (void)why;
    if (tree_store_dir(fetch->listing->tree, fetch->ino, &dir) == ERR_NONE &&
        dir.complete) {
        finish(fetch, ERR_NONE, NULL);
    } else if (++fetch->n_followed >= FOLLOWED_MAX ||
               !tree_walk_follow(fetch->listing->walks, &fetch->at, on_walked, fetch)) {
        send_page(fetch);
    }
}

static void send_page(struct page_fetch *fetch)
{
    struct listing *listing = fetch->listing;
    uint64_t ino = fetch->ino;
    uint64_t turn = fetch->turn;
    struct hub_call call = fetch->call; // `fetch` may be gone when the verb returns
    const char *page = fetch->page[0] == '\0' ? NULL : fetch->page;
    hub_ticket ticket =
        hub_tree(listing->hub, &call, &fetch->at.source.repo, &fetch->at.source.sha,
                 fetch->at.path, page, on_page, fetch);
    lock_acquire(&listing->lock); // the answer may have come already: look again
    HASH_FIND(hh, listing->fetches, &ino, sizeof(ino), fetch);
    if (fetch != NULL && fetch->turn == turn) {
        fetch->ticket = ticket;
    }
    lock_release(&listing->lock);
}

// A folder below one that is being walked comes with the walk, most likely with its next page.
static void begin(struct page_fetch *fetch)
{
    struct why why = {""};
    enum err err = prepare(fetch, &why);
    if (err != ERR_NONE) {
        finish(fetch, err, &why);
        return;
    }
    bool is_first = fetch->page[0] == '\0';
    if (!is_first ||
        !tree_walk_follow(fetch->listing->walks, &fetch->at, on_walked, fetch)) {
        send_page(fetch);
    }
}

static struct page_fetch *add(struct listing *listing, uint64_t ino)
    REQUIRES(listing->lock)
{
    struct page_fetch *fetch = calloc(1, sizeof(*fetch));
    if (fetch != NULL) {
        fetch->listing = listing;
        fetch->ino = ino;
        fetch->turn = ++listing->turn;
        HASH_ADD(hh, listing->fetches, ino, sizeof(ino), fetch);
    }
    return fetch;
}

void listing_fetch_page(struct listing *listing, uint64_t dir_ino, uint64_t after,
                        const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct waiter *waiter = done != NULL ? waiter_new(done, ctx, NULL, 0) : NULL;
    if (done != NULL && waiter == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    struct page_fetch *fetch = NULL;
    struct page_fetch *added = NULL;
    hub_ticket promoted = 0;
    struct hub_call how =
        *call; // it may be the waiter's, who may be called and gone soon
    lock_acquire(&listing->lock);
    bool is_here = has_more_stored(listing, dir_ino, after);
    if (!is_here) {
        HASH_FIND(hh, listing->fetches, &dir_ino, sizeof(dir_ino), fetch);
        if (fetch == NULL) {
            fetch = added = add(listing, dir_ino);
            if (added != NULL) {
                added->call = how;
            }
        }
    }
    if (fetch != NULL) {
        promoted = fetch->ticket;
        if (added == NULL && how.class == HUB_DEMAND) {
            fetch->is_demanded = true;
            fetch->demand = how;
        }
        if (waiter != NULL) {
            LL_APPEND(fetch->waiters, waiter);
        }
    }
    lock_release(&listing->lock);
    if (fetch == NULL) {
        waiters_call(waiter, is_here ? ERR_NONE : ERR_NO_MEMORY, NULL);
    } else if (added != NULL) {
        begin(added);
    } else if (promoted != 0 && how.class == HUB_DEMAND) {
        hub_promote(listing->hub, promoted, HUB_DEMAND);
    }
}
