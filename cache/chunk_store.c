// SPDX-License-Identifier: Apache-2.0
// The chunk store: contents that this machine has, as runs of chunks in append-only segment
// files, and an SQLite index that says where each run is.
//
//   DIR/segments/%016x   data; segment_record.c draws the format
//   DIR/index.db         which run is where; can be deleted, rebuild.c makes it again
//   DIR/index.lock       flock around every write transaction (store_lock.c)
//   DIR/index.users      who has the store open
//
// The files of this folder that make it up are listed in store_state.h. This one opens and
// closes it and counts.
#include "cache/store_state.h"

#include <stdio.h>

static uint64_t segment_bytes_for(uint64_t budget)
{
    uint64_t bytes = budget / SEGMENT_SHARE_OF_BUDGET / KIB * KIB;
    if (bytes > SEGMENT_BYTES_MAX) {
        return SEGMENT_BYTES_MAX;
    }
    return bytes < SEGMENT_BYTES_MIN ? SEGMENT_BYTES_MIN : bytes;
}

static void free_store(struct chunk_store *store)
{
    run_index_free(store->index);
    segment_table_free(store->segments);
    run_header_cache_free(store->headers);
    run_ahead_free(store->ahead);
    resident_runs_free(store->resident);
    run_holes_free(store->holes);
    pending_files_free(store->files);
    pin_set_free(store->pins);
    appender_free(store->normal);
    appender_free(store->pinned);
    lock_acquire(&store->writer_lock);
    index_writer_close(store->writer);
    store_lock_destroy(&store->process_lock);
    lock_release(&store->writer_lock);
    lock_destroy(&store->writer_lock);
    lock_destroy(&store->wake_lock);
    condition_destroy(&store->wake);
    condition_destroy(&store->settled);
    free(store->index_path);
    free(store->dir);
    free(store);
}

static enum err allocate_parts(struct chunk_store *store)
{
    enum err err = run_index_new(store->index_path, &store->index);
    err = err ? err : segment_table_new(store->dir, &store->segments);
    err = err ? err : run_header_cache_new(&store->headers);
    err = err ? err : run_ahead_new(&store->ahead);
    err = err ? err : resident_runs_new(&store->resident);
    err = err ? err : run_holes_new(&store->holes);
    err = err ? err : pending_files_new(&store->files);
    err = err ? err : pin_set_new(&store->pins);
    err = err ? err : appender_new(&store->normal);
    return err ? err : appender_new(&store->pinned);
}

static enum err new_store(const struct chunk_store_config *config,
                          struct chunk_store **out)
{
    struct chunk_store *store = calloc(1, sizeof(*store));
    if (!store) {
        return ERR_NO_MEMORY;
    }
    lock_init(&store->writer_lock);
    lock_init(&store->wake_lock);
    condition_init(&store->wake);
    condition_init(&store->settled);
    store->users.fd = -1;
    store->budget = config->budget;
    store->free_floor = config->free_floor;
    store->segment_bytes = segment_bytes_for(config->budget);
    store->dir = strdup(config->dir);
    if (asprintf(&store->index_path, "%s/index.db", config->dir) < 0) {
        store->index_path = NULL;
    }
    lock_acquire(&store->writer_lock);
    store->first_segment = true;
    enum err err = store_lock_init(&store->process_lock, config->dir, "index.lock");
    lock_release(&store->writer_lock);
    if (!store->dir || !store->index_path) {
        err = ERR_NO_MEMORY;
    }
    err = err ? err : allocate_parts(store);
    if (err) {
        free_store(store);
        return err;
    }
    *out = store;
    return ERR_NONE;
}

static enum err refuse(const struct chunk_store *store, struct why *why, enum err err)
{
    if (err == ERR_NEWER_SCHEMA) {
        return why_set(
            why, err,
            "the cache in %s was written by a newer hugfs; use that one, or another "
            "cache_dir, or delete the folder",
            store->dir);
    }
    if (err == ERR_BUSY) {
        return why_set(why, err, "another process keeps the cache in %s locked",
                       store->dir);
    }
    return why_set(why, err, "cannot open the cache in %s: %s", store->dir,
                   err_sentence(err));
}

static enum err open_index(struct chunk_store *store)
{
    lock_acquire(&store->writer_lock);
    enum err err = store_begin_access(store);
    if (!err && store->users.was_unclean &&
        sql_quick_check(index_writer_db(store->writer))) {
        err = rebuild_index(store, "is damaged");
    }
    if (!err) {
        pins_reload(store);
        err = sql_query_i64(index_writer_db(store->writer), "PRAGMA data_version",
                            &store->data_version);
    }
    store_end_access(store);
    lock_release(&store->writer_lock);
    return err;
}

enum err chunk_store_open(const struct chunk_store_config *config, struct why *why,
                          struct chunk_store **out)
{
    struct chunk_store *store = NULL;
    enum err err = new_store(config, &store);
    if (err) {
        return why_set(why, err, "cannot open the cache in %s: %s", config->dir,
                       err_sentence(err));
    }
    err = store_make_folders(store->dir, why);
    if (!err) {
        err = store_users_enter(store->dir, "index.users", &store->users);
        err = err ? err : open_index(store);
        err = err ? err : store_writer_start(store);
        if (err) {
            refuse(store, why, err);
        }
    }
    if (err) {
        store_users_leave(&store->users, false);
        free_store(store);
        return err;
    }
    *out = store;
    return ERR_NONE;
}

void chunk_store_close(struct chunk_store *store)
{
    if (!store) {
        return;
    }
    run_ahead_stop(store->ahead);
    store_writer_stop(store);
    lock_acquire(&store->writer_lock);
    bool clean = false;
    if (store->writer && store_begin_access(store) == ERR_NONE) {
        clean = store_commit_pending(store) == ERR_NONE;
        segment_leave_open(store);
        sql_checkpoint(index_writer_db(store->writer), store->index_path, 0);
        store_end_access(store);
    }
    lock_release(&store->writer_lock);
    store_users_leave(&store->users, clean);
    free_store(store);
}

void chunk_store_stats(struct chunk_store *store, struct chunk_store_stats *out)
{
    struct index_counts counts = {0};
    struct index_reader *reader = NULL;
    if (run_index_take(store->index, &reader) == ERR_NONE) {
        store_note_index_error(store, index_count(reader, &counts));
        run_index_give(store->index, reader);
    }
    *out = (struct chunk_store_stats){
        .budget = store->budget,
        .used = counts.segment_bytes + index_bytes_on_disk(store->index_path),
        .pinned = counts.pinned_bytes,
        .segments = counts.segments,
        .runs = counts.runs,
        .volatile_bytes = resident_runs_volatile_bytes(store->resident),
        .evicted_bytes = atomic_load(&store->evicted_bytes),
        .damaged_chunks = atomic_load(&store->damaged_chunks),
        .degraded = atomic_load(&store->degraded),
    };
}
