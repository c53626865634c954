// SPDX-License-Identifier: Apache-2.0
// A walk asks for page after page and puts what comes on its stack of open folders
// (folder_stack.h), which stores each folder that is complete. Where the server's order does not
// allow that, the walk ends and the folders that are missing are listed one by one. While a page is
// being stored the next one is on its way, for either takes about as long; it waits for its turn.
//
// A walk ahead of a reader rests when it has used up its pages and nobody follows it: it keeps its open folders and the
// address of the next page, and goes on when the reader has caught up. RESTING_MAX of them are kept.
#include "fs/tree_walk.h"

#include "fs/folder_stack.h"

#include <utlist.h>

enum {
    AHEAD_PAGES_FIRST = 2,
    AHEAD_PAGES_MAX = 64,
    RESTING_MAX = 8,
    BARRED_MAX = 64,
    FAILED_PAUSE_MS = 60000,
};

// A root below which no walk goes ahead for now: readers would wait for it in vain at every folder.
struct barred {
    uint64_t repo_root;
    int64_t until_ms;
};

// What the Hub said about one page.
struct page_answer {
    enum err err;
    struct why why;
    struct hub_tree_page page;
};

struct walk {
    struct tree_walks *walks;
    uint64_t ino;
    struct location at;
    struct hub_call call;
    unsigned pages_left;
    unsigned ahead_pages; // of a walk ahead: what it was allowed last; 0 = it is none
    unsigned fetch_left; // pages until those who wait for the end give up; under the lock
    bool is_resting;     // under the lock
    char *next;          // where it goes on
    struct folder_stack folders;
    bool is_located;          // `at` is known; under the lock, as the rest
    hub_ticket ticket;        // of the page under way; 0 = not known
    struct waiter *waiters;   // for the end
    struct waiter *followers; // for the next page
    bool is_storing;          // a thread stores a page: the walk is its own
    bool has_come;            // while it did: `come`, which it stores next
    struct page_answer come;
    enum err err; // a page could not be stored, and the answer after it is still to come
    UT_hash_handle hh;
};

struct tree_walks {
    struct hub *hub;
    struct tree_store *tree;
    struct locator *locator;
    int64_t timeout_ms;
    struct lock lock;
    struct walk *by_ino GUARDED_BY(lock);
    struct barred barred[BARRED_MAX] GUARDED_BY(lock); // the oldest is forgotten
    size_t n_barred GUARDED_BY(lock);
};

static void free_walk(struct walk *walk);

enum err tree_walks_new(struct hub *hub, struct tree_store *tree, struct locator *locator,
                        int64_t timeout_ms, struct tree_walks **out)
{
    struct tree_walks *walks = calloc(1, sizeof(*walks));
    if (walks == NULL) {
        return ERR_NO_MEMORY;
    }
    walks->hub = hub;
    walks->tree = tree;
    walks->locator = locator;
    walks->timeout_ms = timeout_ms;
    lock_init(&walks->lock);
    *out = walks;
    return ERR_NONE;
}

void tree_walks_free(struct tree_walks *walks)
{
    if (walks == NULL) {
        return;
    }
    struct walk *walk;
    struct walk *next;
    lock_acquire(&walks->lock); // nobody else has it: this is for the annotations
    HASH_ITER (hh, walks->by_ino, walk, next) {
        HASH_DEL(walks->by_ino, walk);
        free_walk(walk); // it rests: nothing is under way
    }
    lock_release(&walks->lock);
    lock_destroy(&walks->lock);
    free(walks);
}

// ---------------------------------------------------------------------------------- pages

static void free_walk(struct walk *walk)
{
    folder_stack_release(&walk->folders);
    location_release(&walk->at);
    free(walk->next);
    free(walk);
}

// For good where the server does not list folder by folder, for a while where the walk failed.
static void bar(struct tree_walks *walks, uint64_t repo_root, enum err err)
    REQUIRES(walks->lock)
{
    bool is_failure = err != ERR_NONE && err != ERR_TOO_LARGE && err != ERR_CANCELLED &&
                      err != ERR_OFFLINE && err != ERR_QUOTA;
    if (is_failure) {
        int64_t until_ms =
            err == ERR_UNSUPPORTED ? INT64_MAX : clock_now_ms() + FAILED_PAUSE_MS;
        walks->barred[walks->n_barred++ % BARRED_MAX] =
            (struct barred){repo_root, until_ms};
    }
}

static void finish(struct walk *walk, enum err err, const struct why *why)
{
    struct tree_walks *walks = walk->walks;
    lock_acquire(&walks->lock);
    struct waiter *waiters = walk->waiters;
    struct waiter *followers = walk->followers;
    HASH_DEL(walks->by_ino, walk);
    bar(walks, walk->at.repo_root, err);
    lock_release(&walks->lock);
    waiters_call(followers, ERR_NONE, NULL);
    if (err == ERR_UNSUPPORTED) {
        log_info("fs", "%s is not listed folder by folder; they are listed one by one",
                 walk->at.source.repo.name);
    }
    waiters_call(waiters, err, why);
    free_walk(walk);
}

// Twice as many pages as the last time.
static void allow_more(struct walk *walk)
{
    unsigned pages = walk->ahead_pages * 2;
    pages = pages == 0 ? AHEAD_PAGES_FIRST : pages;
    walk->ahead_pages = pages < AHEAD_PAGES_MAX ? pages : AHEAD_PAGES_MAX;
    walk->pages_left = walk->ahead_pages;
}

// Those who wait for the end have waited for as many pages as they wanted to.
static void give_up_waiting(struct walk *walk)
{
    struct waiter *waiters = NULL;
    lock_acquire(&walk->walks->lock);
    if (walk->waiters != NULL && --walk->fetch_left == 0) {
        waiters = walk->waiters;
        walk->waiters = NULL;
    }
    lock_release(&walk->walks->lock);
    waiters_call(waiters, ERR_TOO_LARGE, NULL);
}

// Keeps the walk for later, unless somebody waits for it. *out_dropped: an older one that has to go
// in its place.
static bool rest(struct walk *walk, const char *next, struct walk **out_dropped)
{
    struct tree_walks *walks = walk->walks;
    struct walk *at;
    struct walk *oldest = NULL;
    unsigned n = 0;
    *out_dropped = NULL;
    char *copy = strdup(next);
    if (copy == NULL) {
        return false;
    }
    lock_acquire(&walks->lock);
    bool may_rest = walk->waiters == NULL && walk->followers == NULL;
    if (may_rest) {
        for (at = walks->by_ino; at != NULL; at = at->hh.next) {
            n += at->is_resting;
            oldest = at->is_resting && oldest == NULL ? at : oldest;
        }
        if (n >= RESTING_MAX) {
            HASH_DEL(walks->by_ino, oldest);
            *out_dropped = oldest;
        }
        walk->next = copy;
        walk->is_resting = true;
        walk->is_storing = false;
        HASH_DEL(walks->by_ino, walk); // the table is in order of going to rest
        HASH_ADD(hh, walks->by_ino, ino, sizeof(walk->ino), walk);
    }
    lock_release(&walks->lock);
    if (!may_rest) {
        free(copy);
    }
    return may_rest;
}

static void on_page(void *ctx, enum err err, const struct why *why,
                    struct hub_tree_page *page);

// A page has been stored, or the walk rests: those who follow it look again.
static void call_followers(struct walk *walk)
{
    lock_acquire(&walk->walks->lock);
    struct waiter *followers = walk->followers;
    walk->followers = NULL;
    lock_release(&walk->walks->lock);
    waiters_call(followers, ERR_NONE, NULL);
}

static void send_page(struct walk *walk, const char *page)
{
    struct tree_walks *walks = walk->walks;
    uint64_t ino = walk->ino;
    struct hub_call call = walk->call;
    if (walk->ahead_pages > 0) {
        call.deadline_ms = clock_now_ms() + walks->timeout_ms / 2;
    }
    lock_acquire(&walks->lock);
    walk->ticket = 0;
    lock_release(&walks->lock);
    hub_ticket ticket =
        hub_tree_recursive(walks->hub, &call, &walk->at.source.repo, &walk->at.source.sha,
                           walk->at.path, page, on_page, walk);
    // The answer may have come already, and the walk be over or at another page: a ticket that is
    // over is harmless.
    lock_acquire(&walks->lock);
    HASH_FIND(hh, walks->by_ino, &ino, sizeof(ino), walk);
    if (walk != NULL && !walk->is_resting &&
        walk->ticket < ticket) { // not of a page before
        walk->ticket = ticket;
    }
    lock_release(&walks->lock);
}

// The walk has failed: it ends with the answer that is still to come.
static void cancel_page(struct walk *walk)
{
    lock_acquire(&walk->walks->lock);
    hub_ticket ticket = walk->ticket;
    lock_release(&walk->walks->lock);
    hub_cancel(walk->walks->hub, ticket);
}

static enum err put(struct walk *walk, const struct hub_tree_page *page)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < page->count; i++) {
        err = folder_stack_put(&walk->folders, &page->entries[i]);
    }
    return err == ERR_NONE && page->next == NULL ? folder_stack_end(&walk->folders) : err;
}

// Stores the page. True: another answer is to come, or has; false: the walk is no longer the caller's.
static bool store(struct walk *walk, const struct page_answer *answer)
{
    const char *next = answer->page.next;
    struct walk *dropped = NULL;
    enum err err = walk->err != ERR_NONE ? walk->err : answer->err;
    bool has_asked = err == ERR_NONE && next != NULL && walk->pages_left > 1;
    if (has_asked) {
        walk->pages_left--;
        send_page(walk, next);
    }
    err = err == ERR_NONE ? put(walk, &answer->page) : err;
    if (!has_asked && (err != ERR_NONE || next == NULL)) {
        finish(walk, err, err == answer->err ? &answer->why : NULL);
        return false;
    }
    walk->err = err;
    if (err != ERR_NONE) {
        cancel_page(walk);
    }
    call_followers(walk);
    give_up_waiting(walk);
    if (has_asked) {
        return true;
    }
    if (rest(walk, next, &dropped)) {
        if (dropped != NULL) {
            free_walk(dropped);
        }
        return false;
    }
    allow_more(walk); // somebody waits: the reader has caught up, or wants it all
    send_page(walk, next);
    return true;
}

// Whether the caller has to store the answer; else it is left to who stores the page before it.
static bool is_turn_of(struct walk *walk, const struct page_answer *answer)
{
    lock_acquire(&walk->walks->lock);
    bool is_turn = !walk->is_storing;
    if (!is_turn) {
        walk->come = *answer;
        walk->has_come = true;
    }
    walk->is_storing = true;
    lock_release(&walk->walks->lock);
    return is_turn;
}

// The answer that was left; false: it is still to come, and the walk is whose who brings it.
static bool take_left(struct walk *walk, struct page_answer *out)
{
    lock_acquire(&walk->walks->lock);
    bool has_come = walk->has_come;
    *out = walk->come;
    walk->has_come = false;
    walk->is_storing = has_come;
    lock_release(&walk->walks->lock);
    return has_come;
}

static void on_page(void *ctx, enum err err, const struct why *why,
                    struct hub_tree_page *page)
{
    struct walk *walk = ctx;
    struct page_answer answer = {err, *why, *page};
    *page = (struct hub_tree_page){0};
    bool goes_on = is_turn_of(walk, &answer);
    while (goes_on) {
        goes_on = store(walk, &answer);
        hub_tree_page_release(&answer.page);
        goes_on = goes_on && take_left(walk, &answer);
    }
}

static void begin(struct walk *walk)
{
    struct location at;
    enum err err = locator_find(walk->walks->locator, walk->ino, &at);
    if (err == ERR_NONE) {
        lock_acquire(&walk->walks->lock);
        walk->at = at;
        walk->is_located = true;
        lock_release(&walk->walks->lock);
        err = folder_stack_begin(&walk->folders, walk->ino, walk->at.path);
    }
    if (err != ERR_NONE) {
        finish(walk, err, NULL);
        return;
    }
    send_page(walk, NULL);
}

// The walk goes on, or begins. `walk` is nobody else's.
static void go(struct walk *walk)
{
    AUTO_FREE char *next = STEAL_POINTER(walk->next);
    if (next != NULL) {
        send_page(walk, next);
    } else {
        begin(walk);
    }
}

static struct walk *find_or_add(struct tree_walks *walks, uint64_t dir_ino,
                                bool *out_is_mine) REQUIRES(walks->lock)
{
    struct walk *walk = NULL;
    HASH_FIND(hh, walks->by_ino, &dir_ino, sizeof(dir_ino), walk);
    *out_is_mine = walk == NULL || walk->is_resting;
    if (walk == NULL && (walk = calloc(1, sizeof(*walk))) != NULL) {
        walk->walks = walks;
        walk->ino = dir_ino;
        folder_stack_init(&walk->folders, walks->tree);
        HASH_ADD(hh, walks->by_ino, ino, sizeof(dir_ino), walk);
    }
    if (walk != NULL) {
        walk->is_resting = false;
    }
    return walk;
}

void tree_walk_fetch(struct tree_walks *walks, uint64_t dir_ino, unsigned max_pages,
                     const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct waiter *waiter = waiter_new(done, ctx, NULL, 0);
    if (waiter == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    bool is_mine = false;
    struct hub_call how = *call;
    lock_acquire(&walks->lock);
    struct walk *walk = find_or_add(walks, dir_ino, &is_mine);
    if (walk != NULL && is_mine) {
        walk->call = how;
        walk->pages_left = max_pages;
    }
    if (walk != NULL) {
        LL_APPEND(walk->waiters, waiter);
        walk->fetch_left = max_pages;
    }
    lock_release(&walks->lock);
    if (walk == NULL) {
        waiters_call(waiter, ERR_NO_MEMORY, NULL);
    } else if (is_mine) {
        go(walk);
    }
}

static bool is_barred(const struct tree_walks *walks, uint64_t repo_root)
    REQUIRES(walks->lock)
{
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < BARRED_MAX; i++) {
        if (walks->barred[i].repo_root == repo_root &&
            now_ms < walks->barred[i].until_ms) {
            return true;
        }
    }
    return false;
}

void tree_walk_ahead(struct tree_walks *walks, uint64_t repo_root, uint64_t dir_ino,
                     enum hub_class class)
{
    bool is_mine = false;
    lock_acquire(&walks->lock);
    struct walk *walk =
        is_barred(walks, repo_root) ? NULL : find_or_add(walks, dir_ino, &is_mine);
    if (walk != NULL && is_mine) {
        allow_more(walk);
        walk->call = (struct hub_call){.class = class, .reason = "walk"};
    }
    lock_release(&walks->lock);
    if (walk != NULL && is_mine) {
        go(walk);
    }
}

// Whether the folder at `path` lies below the one that is walked.
static bool is_below(const struct walk *walk, const struct location *folder)
{
    const char *top = walk->at.path;
    size_t len = strlen(top);
    return walk->at.repo_root == folder->repo_root &&
           (len == 0 ||
            (strncmp(folder->path, top, len) == 0 && folder->path[len] == '/'));
}

bool tree_walk_follow(struct tree_walks *walks, const struct location *folder,
                      waiter_fn done, void *ctx)
{
    struct waiter *waiter = waiter_new(done, ctx, NULL, 0);
    if (waiter == NULL) {
        return false;
    }
    hub_ticket ticket = 0;
    struct walk *walk;
    lock_acquire(&walks->lock);
    for (walk = walks->by_ino; walk != NULL; walk = walk->hh.next) {
        if (walk->is_located && !walk->is_resting && is_below(walk, folder)) {
            LL_APPEND(walk->followers, waiter);
            ticket = walk->ticket;
            break;
        }
    }
    lock_release(&walks->lock);
    if (walk == NULL) {
        free(waiter);
    } else if (ticket != 0) {
        hub_promote(walks->hub, ticket, HUB_DEMAND);
    }
    return walk != NULL;
}
