// SPDX-License-Identifier: Apache-2.0
// From segments to index: after a crash, for files without a row, and when index.db is
// damaged or gone.
//
// Only heads of records are read (a terabyte is a few hundred thousand of them), because data
// is checked when it is read. One case is different: the segment that a killed process was
// filling can end in a record whose data was never written in full, so there the records that
// no row names are read and compared first.
//
// The index forgets its pins and plans when it is rebuilt; contents stay.
#include "cache/store_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

// ------------------------------------------------------------------------- one segment

struct indexing {
    struct index_writer *writer;
    int fd;
    uint64_t segment;
    bool check_data;
    enum err err;
};

static bool index_record(void *ctx, uint64_t offset, const struct record *record)
{
    struct indexing *indexing = ctx;
    struct run_place place = {.object = record->object,
                              .first = record->first,
                              .n = record->n,
                              .segment = indexing->segment,
                              .offset = offset};
    if (indexing->check_data && (index_covers(indexing->writer, &place) ||
                                 !record_data_is_sound(indexing->fd, offset, record))) {
        return true;
    }
    indexing->err = index_insert_run(indexing->writer, &place);
    return indexing->err == ERR_NONE;
}

// Adds the records of one segment to the index, inside a transaction. `check_data`: records
// that no row names are read and compared first. Says where appending may go on.
static enum err index_segment_records(struct chunk_store *store, int fd,
                                      const struct store_uuid *uuid, uint64_t segment,
                                      bool check_data, uint64_t *out_end)
    REQUIRES(store->writer_lock)
{
    struct indexing indexing = {store->writer, fd, segment, check_data, ERR_NONE};
    segment_scan(fd, uuid, segment, index_record, &indexing, out_end);
    return indexing.err;
}

static void remove_file(struct chunk_store *store, uint64_t id)
{
    char path[PATH_BYTES_MAX + 64];
    segment_path(store->dir, id, path, sizeof(path));
    unlink(path);
}

// ------------------------------------------------------------------- segments left open

enum err recover_segment(struct chunk_store *store, uint64_t id, int *out_fd,
                         struct store_uuid *out_uuid, uint64_t *out_end)
{
    AUTO_CLOSE int fd = -1;
    enum err err = segment_open(store->dir, id, O_RDWR, &fd, out_uuid);
    if (err) {
        return err;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return ERR_BUSY; // its owner lives
    }
    *out_fd = steal_fd(&fd);
    err = index_begin(store->writer);
    if (!err) {
        err = index_segment_records(store, *out_fd, out_uuid, id, true, out_end);
        // A record at the end that is not recognised any more: its place is given out again.
        err = err ? err : index_cut_segment(store->writer, id, *out_end);
        err = err ? err : index_commit(store->writer);
        index_rollback(store->writer);
    }
    store_note_index_error(store, err);
    return err;
}

// Sets the row right and cuts what was allocated ahead.
static enum err settle_segment(struct chunk_store *store, uint64_t id,
                               enum segment_class class, int fd, uint64_t end)
    REQUIRES(store->writer_lock)
{
    enum err err = index_begin(store->writer);
    if (err) {
        return err;
    }
    bool is_empty = end <= SEGMENT_HEADER_BYTES;
    err = is_empty ? index_remove_segment(store->writer, id)
                   : index_put_segment(store->writer, id, class, end);
    err = err ? err : index_commit(store->writer);
    index_rollback(store->writer);
    if (err) {
        return err;
    }
    if (is_empty) {
        remove_file(store, id);
    } else {
        (void)!ftruncate(fd, (off_t)end);
    }
    return ERR_NONE;
}

static enum err forget_segment(struct chunk_store *store, uint64_t id)
    REQUIRES(store->writer_lock)
{
    enum err err = index_begin(store->writer);
    if (!err) {
        err = index_remove_segment(store->writer, id);
        err = err ? err : index_commit(store->writer);
        index_rollback(store->writer);
    }
    if (!err) { // else the index is damaged: what it is rebuilt from stays
        remove_file(store, id);
    }
    return err;
}

// `seal`: also those with much room left are not to be filled any further.
static enum err recover_class(struct chunk_store *store, enum segment_class class,
                              bool seal) REQUIRES(store->writer_lock)
{
    uint64_t id = 0;
    uint64_t bytes = 0;
    enum err err = ERR_NONE;
    while (!(err = index_next_segment(store->writer, class, id, &id, &bytes))) {
        AUTO_CLOSE int fd = -1;
        struct store_uuid uuid;
        uint64_t end = 0;
        err = recover_segment(store, id, &fd, &uuid, &end);
        if (!err) {
            enum segment_class full =
                class == SEGMENT_OPEN ? SEGMENT_SEALED : SEGMENT_PINNED;
            bool is_full = seal || segment_is_nearly_full(store, end);
            err = settle_segment(store, id, is_full ? full : class, fd, end);
        } else if (err == ERR_ABSENT || (err == ERR_DAMAGED && fd < 0)) {
            err = forget_segment(store, id);
        }
        if (err && err != ERR_BUSY) {
            return err;
        }
    }
    return err == ERR_ABSENT ? ERR_NONE : err;
}

enum err recover_open_segments(struct chunk_store *store)
{
    enum err err = recover_class(store, SEGMENT_OPEN, false);
    return err ? err : recover_class(store, SEGMENT_OPEN_PINNED, false);
}

enum err seal_abandoned_segments(struct chunk_store *store)
{
    enum err err = recover_class(store, SEGMENT_OPEN, true);
    return err ? err : recover_class(store, SEGMENT_OPEN_PINNED, true);
}

// ------------------------------------------------------------------- files without a row

static int by_id(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

// The numbers of all segment files, ascending; malloc'd.
static enum err list_segment_files(struct chunk_store *store, uint64_t **out,
                                   size_t *out_n)
{
    char path[PATH_BYTES_MAX + 16];
    snprintf(path, sizeof(path), "%s/segments", store->dir);
    DIR *dir = opendir(path);
    if (!dir) {
        return err_from_errno(errno);
    }
    uint64_t *ids = NULL;
    size_t n = 0;
    enum err err = ERR_NONE;
    const struct dirent *entry = NULL;
    while (!err && (entry = readdir(dir))) {
        char *end = NULL;
        uint64_t id = strtoull(entry->d_name, &end, 16);
        if (strlen(entry->d_name) != 16 || *end != '\0' || id == 0 || id > INT64_MAX) {
            continue;
        }
        uint64_t *grown =
            (n & (n - 1)) == 0 ? reallocarray(ids, n ? n * 2 : 1, sizeof(*ids)) : ids;
        if (!grown) {
            err = ERR_NO_MEMORY;
            break;
        }
        ids = grown;
        ids[n++] = id;
    }
    closedir(dir);
    if (err) {
        free(ids);
        return err;
    }
    if (n > 0) {
        qsort(ids, n, sizeof(*ids), by_id);
    }
    *out = ids;
    *out_n = n;
    return ERR_NONE;
}

static enum err adopt_orphan(struct chunk_store *store, uint64_t id)
    REQUIRES(store->writer_lock)
{
    AUTO_CLOSE int fd = -1;
    struct store_uuid uuid;
    struct stat status;
    enum err err = segment_open(store->dir, id, O_RDWR, &fd, &uuid);
    if (err && err != ERR_ABSENT && err != ERR_DAMAGED) {
        return err;
    }
    if (err || fstat(fd, &status) != 0) {
        remove_file(store, id);
        return ERR_NONE;
    }
    bool is_owned = flock(fd, LOCK_EX | LOCK_NB) != 0;
    uint64_t end = 0;
    err = index_begin(store->writer);
    if (!err) {
        err = index_segment_records(store, fd, &uuid, id, false, &end);
        err = err ? err
                  : index_put_segment(store->writer, id, SEGMENT_OPEN,
                                      (uint64_t)status.st_size);
        err = err ? err : index_commit(store->writer);
        index_rollback(store->writer);
    }
    return err || is_owned ? err : settle_segment(store, id, SEGMENT_SEALED, fd, end);
}

enum err adopt_orphans(struct chunk_store *store, uint64_t *out_orphans)
{
    AUTO_FREE uint64_t *ids = NULL;
    size_t n = 0;
    uint64_t orphans = 0;
    enum err err = list_segment_files(store, &ids, &n);
    for (size_t i = 0; i < n && !err; i++) {
        err = index_find_segment(store->writer, ids[i]);
        if (err == ERR_ABSENT) {
            orphans++;
            err = adopt_orphan(store, ids[i]);
        }
    }
    *out_orphans = orphans;
    return err;
}

// ----------------------------------------------------------------------- a damaged index

static void move_index_aside(struct chunk_store *store)
{
    char path[PATH_BYTES_MAX + 32];
    snprintf(path, sizeof(path), "%s.damaged", store->index_path);
    if (rename(store->index_path, path) != 0) {
        unlink(store->index_path);
    }
    snprintf(path, sizeof(path), "%s-wal", store->index_path);
    unlink(path);
    snprintf(path, sizeof(path), "%s-shm", store->index_path);
    unlink(path);
}

enum err rebuild_index(struct chunk_store *store, const char *because)
{
    index_writer_close(store->writer);
    store->writer = NULL;
    atomic_store(&store->index_damaged, false);
    move_index_aside(store);
    run_index_reset(store->index);
    run_header_cache_clear(store->headers);
    run_ahead_clear(store->ahead);
    enum err err = index_writer_open(store->index_path, &store->writer);
    uint64_t orphans = 0;
    if (!err) {
        if (store->uuid.bytes[0] == 0) {
            random_bytes(store->uuid.bytes, sizeof(store->uuid.bytes));
        }
        err = adopt_orphans(store, &orphans);
    }
    if (!err) {
        err = index_set_uuid(index_writer_db(store->writer), &store->uuid);
    }
    log_warn("cache",
             "%s %s; it was moved to index.db.damaged and rebuilt from %llu segments"
             " (pins and plans are forgotten)%s%s",
             store->index_path, because, (unsigned long long)orphans, err ? ": " : "",
             err ? err_sentence(err) : "");
    if (err) {
        index_writer_close(store->writer);
        store->writer = NULL;
    }
    return err;
}
