// SPDX-License-Identifier: Apache-2.0
// Getting at the index for writing, whatever happened to the folder meanwhile: it may have
// been deleted, remounted read-only, filled up; another process may have put a new index in
// place of a damaged one. Every write goes through store_begin_access(), which finds out.
//
// "Degraded" is one state with one log line when it begins and one when it ends. In it,
// reads of what is on disk go on, new runs stay in memory (bounded), and the writer thread
// tries again once a second.
#include "cache/store_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static const char cachedir_tag[] =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of hugfs. Everything in it may be deleted at any time.\n"
    "# About cache directory tags see https://bford.info/cachedir/\n";

void store_set_degraded(struct chunk_store *store, enum err err, const char *what)
{
    if (!atomic_exchange(&store->degraded, true)) {
        log_warn("cache", "%s: cannot %s (%s); going on without storing new data",
                 store->dir, what, err_sentence(err));
    }
}

void store_clear_degraded(struct chunk_store *store)
{
    if (atomic_load(&store->degraded) && atomic_exchange(&store->degraded, false)) {
        log_info("cache", "%s: storing new data again", store->dir);
    }
}

void store_note_index_error(struct chunk_store *store, enum err err)
{
    if (err == ERR_DAMAGED && !atomic_exchange(&store->index_damaged, true)) {
        store_writer_wake(store, true);
    }
}

static enum err make_tag(const char *dir)
{
    char path[PATH_BYTES_MAX + 16];
    snprintf(path, sizeof(path), "%s/CACHEDIR.TAG", dir);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? ERR_NONE : err_from_errno(errno);
    }
    return file_pwrite(fd, cachedir_tag, sizeof(cachedir_tag) - 1, 0);
}

enum err store_make_folders(const char *dir, struct why *why)
{
    char path[PATH_BYTES_MAX + 16];
    snprintf(path, sizeof(path), "%s/segments", dir);
    enum err err = file_make_dirs(path, 0700, why);
    if (err) {
        return err;
    }
    err = make_tag(dir);
    return err ? why_set(why, err, "cannot write %s/CACHEDIR.TAG: %s", dir,
                         err_sentence(err))
               : ERR_NONE;
}

// A new index gets the uuid that goes with it, and the segments that are there already.
static enum err take_stock(struct chunk_store *store) REQUIRES(store->writer_lock)
{
    sqlite3 *db = index_writer_db(store->writer);
    enum err err = index_get_uuid(db, &store->uuid);
    bool is_new = err == ERR_ABSENT;
    if (err && !is_new) {
        return err;
    }
    if (is_new) {
        random_bytes(store->uuid.bytes, sizeof(store->uuid.bytes));
    }
    uint64_t orphans = 0;
    err = adopt_orphans(store, &orphans);
    if (!err && is_new) {
        err = index_set_uuid(db, &store->uuid);
    }
    if (!err && orphans > 0) {
        log_info("cache", "%s: %llu segments were not in the index and are again",
                 store->dir, (unsigned long long)orphans);
    }
    return err ? err : recover_open_segments(store);
}

enum err store_open_index(struct chunk_store *store)
{
    index_writer_close(store->writer);
    store->writer = NULL;
    run_index_reset(store->index);
    enum err err = index_writer_open(store->index_path, &store->writer);
    err = err ? err : take_stock(store);
    if (err == ERR_DAMAGED) {
        return rebuild_index(store, "is damaged");
    }
    if (err) {
        index_writer_close(store->writer);
        store->writer = NULL;
    }
    return err;
}

// The file under our connection is not the store's index any more. What this process knows
// about places on disk is void.
static void forget_places(struct chunk_store *store) REQUIRES(store->writer_lock)
{
    log_warn("cache",
             "%s: the index was removed or replaced while in use; reading it again",
             store->dir);
    appender_retire_all(store->normal);
    appender_retire_all(store->pinned);
    struct open_segment *segment = NULL;
    while ((segment = appender_take_full(store->normal)) ||
           (segment = appender_take_full(store->pinned))) {
        open_segment_free(segment);
    }
    resident_runs_drop_segment(store->resident, 0);
    run_holes_clear(store->holes);
    segment_table_drop_all(store->segments);
    run_header_cache_clear(store->headers);
    run_ahead_clear(store->ahead);
    run_index_reset(store->index);
    index_writer_close(store->writer);
    store->writer = NULL;
}

enum err store_begin_access(struct chunk_store *store)
{
    bool lost = store->writer && !index_writer_is_current(store->writer);
    if (!store->writer || lost) {
        enum err err = store_make_folders(store->dir, NULL);
        if (err) {
            return err;
        }
    }
    enum err err = store_lock_take(&store->process_lock, STORE_LOCK_WAIT_MS);
    if (err) {
        return err;
    }
    if (lost) {
        forget_places(store);
    }
    if (!store->writer) {
        err = store_open_index(store);
    } else if (atomic_load(&store->index_damaged)) {
        err = rebuild_index(store, "was found damaged while in use");
    }
    if (err) {
        store_lock_give(&store->process_lock);
    }
    return err;
}

void store_end_access(struct chunk_store *store)
{
    store_lock_give(&store->process_lock);
}
