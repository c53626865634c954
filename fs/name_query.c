// SPDX-License-Identifier: Apache-2.0
// Batches of single names (paths-info), one at a time per directory.
//
// A `batch` exists while a question about names of a directory is under way. `asked` are the
// names in it, `pending` those for the next. The answer comes on a pool thread, is stored
// there, then the waiters are called.
//
// Lock: `lock` guards the table and the lists. `asked` belongs to the thread that handles
// the answer (or sends the question) until it is given up in finish().
#include "fs/name_query.h"

#include <utlist.h>

enum { NAMES_PER_CALL = 100 };

struct batch {
    struct name_query *query;
    uint64_t ino;
    struct hub_call call; // of the latest asker, as `pending`: under the lock
    struct waiter *pending;
    struct waiter *asked;
    bool has_retried;    // `asked`, at another commit
    struct hub_call how; // of `asked`
    struct location at;  // of the directory, when `asked` were asked
    UT_hash_handle hh;
};

struct name_query {
    struct hub *hub;
    struct tree_store *tree;
    struct locator *locator;
    struct lock lock;
    struct batch *batches GUARDED_BY(lock);
};

enum err name_query_new(struct hub *hub, struct tree_store *tree, struct locator *locator,
                        struct name_query **out)
{
    struct name_query *query = calloc(1, sizeof(*query));
    if (query == NULL) {
        return ERR_NO_MEMORY;
    }
    query->hub = hub;
    query->tree = tree;
    query->locator = locator;
    lock_init(&query->lock);
    *out = query;
    return ERR_NONE;
}

void name_query_free(struct name_query *query)
{
    if (query != NULL) {
        lock_destroy(&query->lock);
        free(query);
    }
}

// ------------------------------------------------------------------------------- answers

static void send_names(struct batch *batch);
static void send_asked(struct batch *batch);

static void finish(struct batch *batch, enum err err, const struct why *why)
{
    struct name_query *query = batch->query;
    lock_acquire(&query->lock);
    struct waiter *waiters = batch->asked;
    batch->asked = NULL;
    bool has_more = batch->pending != NULL;
    if (!has_more) {
        HASH_DEL(query->batches, batch);
    }
    lock_release(&query->lock);
    waiters_call(waiters, err, why);
    if (has_more) {
        send_names(batch);
    } else {
        location_release(&batch->at);
        free(batch);
    }
}

// The entry whose path is that of `name` in the directory.
static const struct tree_entry *find_entry(const struct tree_entry *entries, size_t n,
                                           const char *dir_path, const char *name)
{
    size_t dir_len = strlen(dir_path);
    for (size_t i = 0; i < n; i++) {
        const char *path = entries[i].path;
        if (dir_len > 0) {
            if (strncmp(path, dir_path, dir_len) != 0 || path[dir_len] != '/') {
                continue;
            }
            path += dir_len + 1;
        }
        if (strcmp(path, name) == 0) {
            return &entries[i];
        }
    }
    return NULL;
}

static enum err store(struct batch *batch, const struct tree_entry *entry)
{
    struct tree_node node;
    enum err err = tree_store_put_single(batch->query->tree, batch->ino, entry, &node);
    return err == ERR_NOT_FOUND ? ERR_SYSTEM : err; // of the store: not about the name
}

static void on_names(void *ctx, enum err err, const struct why *why,
                     const struct tree_entry *entries, size_t n)
{
    struct batch *batch = ctx;
    struct waiter *waiter;
    if (err == ERR_NOT_FOUND && !batch->has_retried) {
        // The Hub has the commit no more; the folder may be in another one that is known.
        locator_distrust(batch->query->locator, batch->at.row, &batch->at.source.sha);
        batch->has_retried = true;
        send_asked(batch);
        return;
    }
    err = err == ERR_NOT_FOUND ? ERR_STALE : err; // of the repository: not about a name
    if (err == ERR_NONE) {
        LL_FOREACH (batch->asked, waiter) {
            const struct tree_entry *entry =
                find_entry(entries, n, batch->at.path, waiter->name);
            waiter->err = entry == NULL ? ERR_NOT_FOUND : store(batch, entry);
        }
    }
    finish(batch, err, why);
}

// -------------------------------------------------------------------------------- asking

// Moves up to NAMES_PER_CALL names from `pending` to `asked`.
static struct hub_call gather(struct batch *batch)
{
    lock_acquire(&batch->query->lock);
    for (size_t n = 0; n < NAMES_PER_CALL && batch->pending != NULL; n++) {
        struct waiter *waiter = batch->pending;
        LL_DELETE(batch->pending, waiter);
        LL_PREPEND(batch->asked, waiter);
    }
    struct hub_call call = batch->call;
    lock_release(&batch->query->lock);
    return call;
}

// The full paths of the names asked for, in `paths`; `text` holds them.
static enum err write_paths(const struct batch *batch, struct buffer *text,
                            const char **paths, size_t *out_n)
{
    size_t offsets[NAMES_PER_CALL];
    size_t n = 0;
    const struct waiter *waiter;
    LL_FOREACH (batch->asked, waiter) {
        offsets[n++] = text->len;
        enum err err = buffer_printf(text, "%s%s%s", batch->at.path,
                                     batch->at.path[0] == '\0' ? "" : "/", waiter->name);
        if (err == ERR_NONE) {
            err = buffer_append(text, "", 1);
        }
        if (err != ERR_NONE) {
            return err;
        }
    }
    for (size_t i = 0; i < n; i++) {
        paths[i] = (const char *)text->bytes + offsets[i];
    }
    *out_n = n;
    return ERR_NONE;
}

static void send_asked(struct batch *batch)
{
    struct name_query *query = batch->query;
    struct hub_call call = batch->how;
    AUTO(buffer) struct buffer text = buffer_init(NAMES_PER_CALL * (PATH_BYTES_MAX + 1));
    const char *paths[NAMES_PER_CALL];
    size_t n = 0;
    location_release(&batch->at);
    enum err err = locator_find(query->locator, batch->ino, &batch->at);
    if (err == ERR_NONE) {
        err = write_paths(batch, &text, paths, &n);
    }
    if (err != ERR_NONE) {
        finish(batch, err, NULL);
        return;
    }
    (void)hub_paths_info(query->hub, &call, &batch->at.source.repo, &batch->at.source.sha,
                         paths, n, on_names, batch);
}

static void send_names(struct batch *batch)
{
    batch->how = gather(batch);
    batch->has_retried = false;
    send_asked(batch);
}

void name_query_ask(struct name_query *query, uint64_t dir_ino, const char *name,
                    size_t len, const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct waiter *waiter = waiter_new(done, ctx, name, len);
    if (waiter == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    struct batch *batch = NULL;
    struct batch *added = NULL;
    lock_acquire(&query->lock);
    HASH_FIND(hh, query->batches, &dir_ino, sizeof(dir_ino), batch);
    if (batch == NULL && (batch = added = calloc(1, sizeof(*batch))) != NULL) {
        batch->query = query;
        batch->ino = dir_ino;
        HASH_ADD(hh, query->batches, ino, sizeof(dir_ino), batch);
    }
    if (batch != NULL) {
        batch->call = *call;
        LL_APPEND(batch->pending, waiter);
    }
    lock_release(&query->lock);
    if (batch == NULL) {
        waiters_call(waiter, ERR_NO_MEMORY, NULL);
    } else if (added != NULL) {
        send_names(added);
    }
}
