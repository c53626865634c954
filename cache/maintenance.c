// SPDX-License-Identifier: Apache-2.0
// `hugfs cache verify|trim|clear`: long work on the whole store, by the caller's thread.
// verify reads without any lock; trim and clear hold the writer's lock and the one between
// processes, so batches wait for them (readers and puts do not).
#include "cache/store_state.h"

#include <stdio.h>

enum { VERIFY_PAGE = 256 };

// Reads every chunk of a run back, whatever its bit says. An error is none of the run's.
// `chunk` has room for CHUNK_BYTES_MAX.
static enum err verify_run(struct chunk_store *store, const struct run_place *place,
                           uint8_t *chunk, struct chunk_store_check *check)
{
    struct segment_file *file = NULL;
    struct run_header *header = NULL;
    enum err err = store_open_run(store, place, &file, &header);
    if (err && err != ERR_ABSENT && err != ERR_DAMAGED && err != ERR_TRUNCATED) {
        return err;
    }
    if (err) {
        // The row names what is not there. A reader would find out in the same way.
        struct run_place now;
        if (store_locate(store, &place->object, place->first, &now) == ERR_NONE &&
            now.segment == place->segment) {
            store_report_damage(store, place, place->first, place->n,
                                "the segment is missing");
        }
        check->damaged += place->n;
        return ERR_NONE;
    }
    uint32_t low = place->first - header->first;
    for (uint32_t i = low; i < low + place->n; i++) {
        uint32_t begin = run_header_begin(header, i);
        uint32_t len = run_header_end(header, i) - begin;
        check->chunks++;
        if (file_pread(file->fd, chunk, len, header->data + begin) ||
            crc32c(0, chunk, len) != run_header_crc(header, i)) {
            store_report_damage(store, place, header->first + i, 1,
                                "a checksum does not match");
            check->damaged++;
        } else {
            run_header_set_checked(header, i);
        }
    }
    run_header_unref(header);
    segment_table_unref(store->segments, file);
    return ERR_NONE;
}

static enum err commit_now(struct chunk_store *store, uint64_t *out_orphans)
{
    lock_acquire(&store->writer_lock);
    enum err err = store_begin_access(store);
    if (!err) {
        err = store_commit_pending(store);
        if (!err && out_orphans) {
            err = adopt_orphans(store, out_orphans);
        }
        store_end_access(store);
    }
    lock_release(&store->writer_lock);
    return err;
}

enum err chunk_store_flush(struct chunk_store *store)
{
    return commit_now(store, NULL);
}

enum err chunk_store_verify(struct chunk_store *store, struct chunk_store_check *out)
{
    struct chunk_store_check check = {0};
    AUTO_FREE struct run_place *places = calloc(VERIFY_PAGE, sizeof(*places));
    AUTO_FREE uint8_t *chunk = malloc(CHUNK_BYTES_MAX);
    if (!places || !chunk) {
        return ERR_NO_MEMORY;
    }
    enum err err = commit_now(store, &check.orphans);
    int64_t after = 0;
    int64_t before = -1;
    while (!err && after != before) {
        before = after;
        size_t n = 0;
        struct index_reader *reader = NULL;
        err = run_index_take(store->index, &reader);
        if (!err) {
            err = index_list_runs(reader, &after, places, VERIFY_PAGE, &n);
            run_index_give(store->index, reader);
        }
        for (size_t i = 0; i < n && !err; i++) {
            err = verify_run(store, &places[i], chunk, &check);
        }
    }
    store_note_index_error(store, err);
    err = err ? err : commit_now(store, NULL);
    if (!err) {
        *out = check;
    }
    return err;
}

// Seals what this process has open and what ended ones left half full, so that it can be
// evicted like the rest.
static enum err seal_open(struct chunk_store *store) REQUIRES(store->writer_lock)
{
    appender_retire_all(store->normal);
    appender_retire_all(store->pinned);
    enum err err = store_commit_pending(store);
    return err ? err : seal_abandoned_segments(store);
}

// Evicts the oldest segments of a class. `copy`: pinned runs in them are copied first; where
// that is not possible the segment stays.
static enum err evict_class(struct chunk_store *store, enum segment_class class,
                            uint64_t target_bytes, bool copy) REQUIRES(store->writer_lock)
{
    uint64_t id = 0;
    uint64_t bytes = 0;
    enum err err = ERR_NONE;
    while (!err && store_used_bytes(store) > target_bytes) {
        err = index_next_segment(store->writer, class, id, &id, &bytes);
        err = err ? err : evict_segment(store, id, bytes, copy);
        err = err == ERR_NO_SPACE ? ERR_NONE : err;
    }
    return err == ERR_ABSENT ? ERR_NONE : err;
}

enum err chunk_store_trim(struct chunk_store *store, uint64_t target_bytes)
{
    lock_acquire(&store->writer_lock);
    enum err err = store_begin_access(store);
    if (!err) {
        err = seal_open(store);
        err = err ? err : evict_class(store, SEGMENT_SEALED, target_bytes, true);
        store_end_access(store);
    }
    lock_release(&store->writer_lock);
    return err;
}

static enum err forget_everything(struct chunk_store *store) REQUIRES(store->writer_lock)
{
    enum err err = index_begin(store->writer);
    err = err ? err
              : sql_exec(index_writer_db(store->writer),
                         "DELETE FROM pin; DELETE FROM piece; DELETE FROM file;"
                         "DELETE FROM run; DELETE FROM object;");
    err = err ? err : index_commit(store->writer);
    index_rollback(store->writer);
    if (!err) {
        // Gives the pages back; when a reader is in the way, they are used again instead.
        (void)!sql_exec(index_writer_db(store->writer), "VACUUM");
        sql_checkpoint(index_writer_db(store->writer), store->index_path, 0);
        pin_set_clear(store->pins);
    }
    return err;
}

enum err chunk_store_clear(struct chunk_store *store)
{
    lock_acquire(&store->writer_lock);
    enum err err = store_begin_access(store);
    if (!err) {
        resident_runs_clear(store->resident);
        pending_files_clear(store->files);
        pin_set_clear(store->pins);
        err = seal_open(store);
        err = err ? err : evict_class(store, SEGMENT_SEALED, 0, false);
        err = err ? err : evict_class(store, SEGMENT_PINNED, 0, false);
        err = err ? err : forget_everything(store);
        store_end_access(store);
    }
    lock_release(&store->writer_lock);
    return err;
}

enum err chunk_store_rebuild(struct chunk_store *store)
{
    lock_acquire(&store->writer_lock);
    enum err err = store_begin_access(store);
    if (!err) {
        err = store_commit_pending(store);
        if (err == ERR_DAMAGED || sql_quick_check(index_writer_db(store->writer))) {
            err = rebuild_index(store, "is damaged");
        }
        uint64_t orphans = 0;
        err = err ? err : adopt_orphans(store, &orphans);
        store_end_access(store);
    }
    lock_release(&store->writer_lock);
    return err;
}
