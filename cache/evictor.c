// SPDX-License-Identifier: Apache-2.0
// Giving space back: whole segments, oldest first.
//
// It runs only when a segment is to be opened, never on its own, and in two steps. Before
// the new segment is made, whatever does not fit is evicted outright. After, room for the
// next one is made, and now runs that were read again since they came (the touched bits) are
// copied forward into the new segment, at most a quarter of the old one, so that progress is
// certain. Runs that belong to a pin are always copied, into pinned segments. Neighbouring
// runs of an object are copied as one, which undoes fragmentation.
//
//   copy -> one transaction: rows of the old segment go, rows of the copies come -> unlink
//
// Killed in between, the copies are found when the open segment is scanned and are skipped as
// already there, or the old file is found without a row and indexed again: always consistent.
#include "cache/copy_forward.h"

#include <stdio.h>
#include <sys/statvfs.h>

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static uint64_t device_free(const struct chunk_store *store)
{
    struct statvfs status;
    if (statvfs(store->dir, &status) != 0) {
        return UINT64_MAX;
    }
    return (uint64_t)status.f_bavail * status.f_frsize;
}

static bool fits(struct chunk_store *store, uint64_t bytes) REQUIRES(store->writer_lock)
{
    uint64_t reserve =
        clamp(store->budget / INDEX_RESERVE_SHARE, INDEX_RESERVE_MIN, INDEX_RESERVE_MAX);
    uint64_t free_bytes = device_free(store);
    return store_used_bytes(store) + bytes + reserve <= store->budget &&
           free_bytes >= bytes && free_bytes - bytes >= store->free_floor;
}

static enum err commit_eviction(struct chunk_store *store, uint64_t id,
                                const struct copies *copies) REQUIRES(store->writer_lock)
{
    enum err err = index_begin(store->writer);
    if (err) {
        return err;
    }
    err = index_remove_segment(store->writer, id);
    for (size_t i = 0; i < copies->n && !err; i++) {
        err = index_insert_run(store->writer, &copies->places[i]);
    }
    if (err) {
        index_rollback(store->writer);
        return err;
    }
    return index_commit(store->writer);
}

enum err evict_segment(struct chunk_store *store, uint64_t id, uint64_t bytes, bool copy)
{
    AUTO_FREE struct run_place *places = NULL;
    size_t n = 0;
    struct copies copies;
    enum err err = copy ? index_segment_runs(store->writer, id, &places, &n) : ERR_NONE;
    if (err) {
        return err;
    }
    err = copies_init(&copies, n, bytes);
    if (!err && !copy_forward(store, places, n, &copies)) {
        err = ERR_NO_SPACE;
    }
    if (!err) {
        err = commit_eviction(store, id, &copies);
    }
    copies_finish(store, &copies);
    if (err) {
        return err;
    }
    char path[PATH_BYTES_MAX + 64];
    segment_path(store->dir, id, path, sizeof(path));
    unlink(path);
    segment_table_drop(store->segments, id);
    atomic_fetch_add(&store->evicted_bytes, bytes);
    return ERR_NONE;
}

// Whether a segment holds runs that a pin wants kept: then it is never given up uncopied.
static bool has_pinned_runs(struct chunk_store *store, uint64_t id)
    REQUIRES(store->writer_lock)
{
    AUTO_FREE struct run_place *places = NULL;
    size_t n = 0;
    bool has = false;
    if (index_segment_runs(store->writer, id, &places, &n) == ERR_NONE) {
        for (size_t i = 0; i < n && !has; i++) {
            has = pin_set_covers(store->pins, &places[i].object, places[i].first,
                                 places[i].n);
        }
    }
    return has;
}

enum err evict_for(struct chunk_store *store, uint64_t bytes, bool copy)
{
    enum err err = ERR_NONE;
    uint64_t after = 0;
    if (!fits(store, bytes)) {
        err = prune_index(store);
    }
    while (!err && !fits(store, bytes)) {
        uint64_t id = 0;
        uint64_t size = 0;
        err = index_next_segment(store->writer, SEGMENT_SEALED, after, &id, &size);
        if (err) {
            return err == ERR_ABSENT ? ERR_NO_SPACE : err;
        }
        after = id;
        if (!copy && has_pinned_runs(store, id)) {
            continue;
        }
        err = evict_segment(store, id, size, copy);
        if (err == ERR_NO_SPACE) {
            err = ERR_NONE; // its pinned runs could not be copied now: the next one
        }
    }
    return err;
}

enum err prune_index(struct chunk_store *store)
{
    uint64_t share = store->budget / INDEX_SHARE_OF_BUDGET;
    if (index_bytes_in_use(store->writer) <=
        clamp(share, INDEX_RESERVE_MIN, UINT64_MAX)) {
        return ERR_NONE;
    }
    enum err err = index_begin(store->writer);
    if (err) {
        return err;
    }
    err = sql_exec(
        index_writer_db(store->writer),
        "DELETE FROM piece WHERE file IN (SELECT id FROM file WHERE content NOT IN"
        " (SELECT content FROM pin) ORDER BY id LIMIT (SELECT count(*)/4+1 FROM file));"
        "DELETE FROM file WHERE content NOT IN (SELECT content FROM pin) AND NOT EXISTS"
        " (SELECT 1 FROM piece WHERE piece.file=file.id) AND verified=0;"
        "DELETE FROM object WHERE id NOT IN (SELECT object FROM piece) AND NOT EXISTS"
        " (SELECT 1 FROM run WHERE run.id BETWEEN object.id<<24 AND "
        "(object.id<<24)+16777215);");
    if (err) {
        index_rollback(store->writer);
        return err;
    }
    return index_commit(store->writer);
}
