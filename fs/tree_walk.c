// SPDX-License-Identifier: Apache-2.0
// The Hub lists recursively as git does: a folder, then all that is in it, then what follows it. So
// the folders that are open at any moment are those on the path to the last entry; one is complete,
// and put into the store, as soon as an entry comes that is not below it. Memory holds the entries
// of open folders only.
//
// That order is not promised anywhere, so it is checked: an entry whose folder is not open, or a
// folder that would be closed empty (git has none), ends the walk. Nothing that was stored before is
// wrong then, and the folders that are missing are listed one by one.
//
// A walk ahead of a reader rests when it has used up its pages: it keeps its open folders and the
// address of the next page, and goes on when the reader has caught up. RESTING_MAX of them are kept.
#include "fs/tree_walk.h"

#include <utlist.h>

enum {
    DEPTH_MAX = 256,
    ENTRIES_MAX = 1 << 20, // of one folder
    FOLDER_BYTES_MAX = 256 << 20,
    AHEAD_PAGES_FIRST = 2,
    AHEAD_PAGES_MAX = 64,
    RESTING_MAX = 8,
};

// A folder whose entries are coming in.
struct open_folder {
    uint64_t ino;
    char *path;                 // from the repository root
    struct tree_entry *entries; // paths: offsets into `paths` until it is closed
    size_t *offsets;
    size_t n;
    size_t n_room;
    struct buffer paths;
};

struct walk {
    struct tree_walks *walks;
    uint64_t ino;
    struct location at;
    struct hub_call call;
    unsigned pages_left;
    unsigned ahead_pages; // of a walk ahead: what it was allowed last; 0 = it is none
    bool is_resting;      // under the lock
    char *next;           // where it goes on
    struct open_folder open[DEPTH_MAX];
    size_t depth;           // open folders
    struct waiter *waiters; // under the lock
    UT_hash_handle hh;
};

struct tree_walks {
    struct hub *hub;
    struct tree_store *tree;
    struct locator *locator;
    struct lock lock;
    struct walk *by_ino GUARDED_BY(lock);
};

static void free_walk(struct walk *walk);

enum err tree_walks_new(struct hub *hub, struct tree_store *tree, struct locator *locator,
                        struct tree_walks **out)
{
    struct tree_walks *walks = calloc(1, sizeof(*walks));
    if (walks == NULL) {
        return ERR_NO_MEMORY;
    }
    walks->hub = hub;
    walks->tree = tree;
    walks->locator = locator;
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

// --------------------------------------------------------------------------- open folders

static void release_folder(struct open_folder *folder)
{
    free(folder->path);
    free(folder->entries);
    free(folder->offsets);
    buffer_release(&folder->paths);
    *folder = (struct open_folder){.ino = 0};
}

static enum err open_folder(struct walk *walk, uint64_t ino, const char *path)
{
    if (walk->depth == DEPTH_MAX) {
        return ERR_TOO_LARGE;
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    walk->open[walk->depth++] = (struct open_folder){
        .ino = ino, .path = copy, .paths = buffer_init(FOLDER_BYTES_MAX)};
    return ERR_NONE;
}

static enum err add_entry(struct open_folder *folder, const struct tree_entry *entry)
{
    if (folder->n == ENTRIES_MAX) {
        return ERR_TOO_LARGE;
    }
    if (folder->n == folder->n_room) {
        size_t room = folder->n_room == 0 ? 64 : folder->n_room * 2;
        struct tree_entry *entries =
            reallocarray(folder->entries, room, sizeof(*entries));
        if (entries != NULL) {
            folder->entries = entries;
        }
        size_t *offsets = reallocarray(folder->offsets, room, sizeof(*offsets));
        if (offsets != NULL) {
            folder->offsets = offsets;
        }
        if (entries == NULL || offsets == NULL) {
            return ERR_NO_MEMORY;
        }
        folder->n_room = room;
    }
    folder->entries[folder->n] = *entry;
    folder->offsets[folder->n] = folder->paths.len;
    enum err err = buffer_append(&folder->paths, entry->path, strlen(entry->path) + 1);
    folder->n += err == ERR_NONE;
    return err;
}

// Puts the deepest open folder into the store.
static enum err close_folder(struct walk *walk)
{
    struct open_folder *folder = &walk->open[walk->depth - 1];
    size_t duplicates = 0;
    if (folder->n == 0 && folder->path[0] != '\0') {
        return ERR_UNSUPPORTED;
    }
    for (size_t i = 0; i < folder->n; i++) {
        folder->entries[i].path = (const char *)folder->paths.bytes + folder->offsets[i];
    }
    enum err err = tree_store_put_page(walk->walks->tree, folder->ino, folder->entries,
                                       folder->n, NULL, &duplicates);
    release_folder(folder);
    walk->depth--;
    return err == ERR_NOT_FOUND ? ERR_SYSTEM : err; // of the store: not about a name
}

// Whether the entry lies directly in the folder.
static bool is_in(const struct open_folder *folder, const char *path)
{
    size_t len = strlen(folder->path);
    if (len > 0 && (strncmp(path, folder->path, len) != 0 || path[len] != '/')) {
        return false;
    }
    return strchr(path + len + (len > 0), '/') == NULL;
}

static enum err put_entry(struct walk *walk, const struct tree_entry *entry)
{
    enum err err = ERR_NONE;
    struct tree_node node;
    while (err == ERR_NONE && walk->depth > 1 &&
           !is_in(&walk->open[walk->depth - 1], entry->path)) {
        err = close_folder(walk);
    }
    struct open_folder *folder = &walk->open[walk->depth - 1];
    if (err == ERR_NONE && !is_in(folder, entry->path)) {
        return ERR_UNSUPPORTED;
    }
    if (err == ERR_NONE) {
        err = add_entry(folder, entry);
    }
    if (err == ERR_NONE && entry->kind == ENTRY_DIRECTORY) {
        err = tree_store_put_single(walk->walks->tree, folder->ino, entry, &node);
        if (err == ERR_NONE) {
            err = open_folder(walk, node.ino, entry->path);
        }
    }
    return err;
}

// ---------------------------------------------------------------------------------- pages

static void free_walk(struct walk *walk)
{
    while (walk->depth > 0) {
        release_folder(&walk->open[--walk->depth]);
    }
    location_release(&walk->at);
    free(walk->next);
    free(walk);
}

static void finish(struct walk *walk, enum err err, const struct why *why)
{
    struct tree_walks *walks = walk->walks;
    lock_acquire(&walks->lock);
    struct waiter *waiters = walk->waiters;
    HASH_DEL(walks->by_ino, walk);
    lock_release(&walks->lock);
    if (err == ERR_UNSUPPORTED) {
        log_info("fs", "%s is not listed folder by folder; they are listed one by one",
                 walk->at.source.repo.name);
    }
    waiters_call(waiters, err, why);
    free_walk(walk);
}

// Keeps the walk for later; true when an older one has to go in its place, which is *out_dropped.
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
    bool may_rest = walk->waiters == NULL;
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
    }
    lock_release(&walks->lock);
    if (!may_rest) {
        free(copy);
    }
    return may_rest;
}

static void on_page(void *ctx, enum err err, const struct why *why,
                    const struct tree_entry *entries, size_t n, const char *next,
                    size_t refused);

static void send_page(struct walk *walk, const char *page)
{
    (void)hub_tree_recursive(walk->walks->hub, &walk->call, &walk->at.source.repo,
                             &walk->at.source.sha, walk->at.path, page, on_page, walk);
}

static void on_page(void *ctx, enum err err, const struct why *why,
                    const struct tree_entry *entries, size_t n, const char *next,
                    size_t refused)
{
    struct walk *walk = ctx;
    (void)refused; // hub/ has logged them
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        err = put_entry(walk, &entries[i]);
    }
    if (err == ERR_NONE && next != NULL && --walk->pages_left == 0) {
        struct walk *dropped = NULL;
        if (walk->ahead_pages > 0 && rest(walk, next, &dropped)) {
            if (dropped != NULL) {
                free_walk(dropped);
            }
            return;
        }
        err = ERR_TOO_LARGE;
    }
    if (err == ERR_NONE && next != NULL) {
        send_page(walk, next);
        return;
    }
    while (err == ERR_NONE && walk->depth > 0) {
        err = close_folder(walk);
    }
    finish(walk, err, why);
}

static void begin(struct walk *walk)
{
    enum err err = locator_find(walk->walks->locator, walk->ino, &walk->at);
    if (err == ERR_NONE) {
        err = open_folder(walk, walk->ino, walk->at.path);
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
    struct waiter *waiter = done != NULL ? waiter_new(done, ctx, NULL, 0) : NULL;
    if (done != NULL && waiter == NULL) {
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
        walk->ahead_pages = 0;
    }
    if (walk != NULL && waiter != NULL) {
        LL_APPEND(walk->waiters, waiter);
    }
    lock_release(&walks->lock);
    if (walk == NULL) {
        waiters_call(waiter, ERR_NO_MEMORY, NULL);
    } else if (is_mine) {
        go(walk);
    }
}

void tree_walk_ahead(struct tree_walks *walks, uint64_t dir_ino, enum hub_class class)
{
    bool is_mine = false;
    lock_acquire(&walks->lock);
    struct walk *walk = find_or_add(walks, dir_ino, &is_mine);
    if (walk != NULL && is_mine) {
        unsigned pages = walk->ahead_pages * 2;
        pages = pages == 0 ? AHEAD_PAGES_FIRST : pages;
        walk->ahead_pages = pages < AHEAD_PAGES_MAX ? pages : AHEAD_PAGES_MAX;
        walk->pages_left = walk->ahead_pages;
        walk->call = (struct hub_call){.class = class, .reason = "walk"};
    }
    lock_release(&walks->lock);
    if (walk != NULL && is_mine) {
        go(walk);
    }
}
