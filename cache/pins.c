// SPDX-License-Identifier: Apache-2.0
// Pins: contents that eviction leaves alone. A pin is a row; what it means in bytes are the
// runs of the content's pieces (or of the blob itself), and these live in segments of their
// own class, so eviction, which goes by segment, never has to look inside one.
//
// Pinning copies what is here already; what comes later goes there directly. Unpinning makes
// ordinary segments of those that hold runs nobody pins any more; what in them still is pinned
// is copied out again before they are evicted.
#include "cache/copy_forward.h"

static const char xet_ranges_sql[] =
    "SELECT object.kind, object.hash, piece.first, piece.n FROM file"
    " JOIN piece ON piece.file=file.id JOIN object ON object.id=piece.object"
    " WHERE file.content=?1 ORDER BY object.id, piece.first";

// Adds the chunk ranges that make up a Xet content.
static enum err add_xet_ranges(sqlite3 *db, const struct digest *content,
                               struct pin_set *set)
{
    sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, xet_ranges_sql, &statement);
    if (!err) {
        sqlite3_bind_blob(statement, 1, content->bytes, sizeof(content->bytes),
                          SQLITE_STATIC);
    }
    while (!err && !(err = sql_row(statement))) {
        struct object_id object = {(enum object_kind)sqlite3_column_int(statement, 0),
                                   {{0}}};
        int64_t first = sqlite3_column_int64(statement, 2);
        int64_t n = sqlite3_column_int64(statement, 3);
        if (sql_column_bytes(statement, 1, object.hash.bytes,
                             sizeof(object.hash.bytes)) &&
            first >= 0 && n > 0 && first + n <= CHUNK_NUMBER_LIMIT) {
            err = pin_set_add_range(set, &object, (uint32_t)first, (uint32_t)n);
        }
    }
    sqlite3_finalize(statement);
    return err == ERR_ABSENT ? ERR_NONE : err;
}

static enum err load_pins(sqlite3 *db, struct pin_set *set)
{
    sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, "SELECT content, is_xet FROM pin", &statement);
    while (!err && !(err = sql_row(statement))) {
        struct digest content;
        if (sql_column_bytes(statement, 0, content.bytes, sizeof(content.bytes))) {
            err = pin_set_add_content(set, &content);
            if (!err && sqlite3_column_int(statement, 1)) {
                err = add_xet_ranges(db, &content, set);
            }
        }
    }
    sqlite3_finalize(statement);
    return err == ERR_ABSENT ? ERR_NONE : err;
}

void pins_reload(struct chunk_store *store)
{
    struct pin_set *fresh = NULL;
    if (pin_set_new(&fresh) == ERR_NONE) {
        if (load_pins(index_writer_db(store->writer), fresh) == ERR_NONE) {
            pin_set_swap(store->pins, fresh);
        }
        pin_set_free(fresh);
    }
}

static enum err change_pin(struct chunk_store *store, const char *sql,
                           const struct digest *content, bool is_xet, uint64_t size)
    REQUIRES(store->writer_lock)
{
    sqlite3_stmt *statement = NULL;
    enum err err = index_begin(store->writer);
    if (err) {
        return err;
    }
    err = sql_prepare(index_writer_db(store->writer), sql, &statement);
    if (!err) {
        sqlite3_bind_blob(statement, 1, content->bytes, sizeof(content->bytes),
                          SQLITE_STATIC);
        sqlite3_bind_int(statement, 2, is_xet);
        sqlite3_bind_int64(statement, 3, (int64_t)size);
        err = sql_done(statement);
    }
    sqlite3_finalize(statement);
    err = err ? err : index_commit(store->writer);
    index_rollback(store->writer);
    return err;
}

static enum err check_room(struct chunk_store *store, uint64_t size, struct why *why)
    REQUIRES(store->writer_lock)
{
    int64_t wished = 0;
    enum err err = sql_query_i64(index_writer_db(store->writer),
                                 "SELECT coalesce(sum(size),0) FROM pin", &wished);
    if (err) {
        return why_set(why, err, "the index of %s cannot be read", store->dir);
    }
    uint64_t limit = store->budget / 100 * PINNED_PERCENT_MAX;
    uint64_t total = 0;
    if (!checked_add((uint64_t)wished, size, &total) || total > limit) {
        return why_set(
            why, ERR_NO_SPACE,
            "cannot pin %llu bytes more: %llu are pinned and at most %d %% of the "
            "cache in %s (%llu bytes) may be; make cache_size larger or unpin something",
            (unsigned long long)size, (unsigned long long)wished, PINNED_PERCENT_MAX,
            store->dir, (unsigned long long)limit);
    }
    return ERR_NONE;
}

// ------------------------------------------------------------- moving what is here already

static enum err commit_move(struct chunk_store *store, const struct run_place *from,
                            const struct copies *copies) REQUIRES(store->writer_lock)
{
    struct run_hole hole = {from->object, from->segment, from->offset, from->first,
                            from->n};
    enum err err = index_begin(store->writer);
    if (err) {
        return err;
    }
    err = index_cut_hole(store->writer, &hole);
    for (size_t i = 0; i < copies->n && !err; i++) {
        err = index_insert_run(store->writer, &copies->places[i]);
    }
    err = err ? err : index_commit(store->writer);
    index_rollback(store->writer);
    return err;
}

static enum err move_run(struct chunk_store *store, const struct run_place *place)
    REQUIRES(store->writer_lock)
{
    struct copies copies;
    enum err err = copies_init(&copies, 1, 0);
    struct copy_group group = {place, 1, place->n, true};
    if (!err && copy_group(store, &group, &copies)) {
        err = commit_move(store, place, &copies);
    }
    copies_finish(store, &copies);
    return err;
}

// Moves the pinned runs of one segment into pinned segments.
static enum err move_pinned_runs(struct chunk_store *store, uint64_t segment)
    REQUIRES(store->writer_lock)
{
    AUTO_FREE struct run_place *places = NULL;
    size_t n = 0;
    enum err err = index_segment_runs(store->writer, segment, &places, &n);
    for (size_t i = 0; i < n && !err; i++) {
        if (pin_set_covers(store->pins, &places[i].object, places[i].first,
                           places[i].n)) {
            err = move_run(store, &places[i]);
        }
    }
    return err;
}

static enum err move_all(struct chunk_store *store, enum segment_class class)
    REQUIRES(store->writer_lock)
{
    uint64_t id = 0;
    uint64_t bytes = 0;
    enum err err = ERR_NONE;
    while (!err && !(err = index_next_segment(store->writer, class, id, &id, &bytes))) {
        err = move_pinned_runs(store, id);
    }
    return err == ERR_ABSENT ? ERR_NONE : err;
}

enum err chunk_store_pin(struct chunk_store *store, const struct digest *content,
                         bool is_xet, uint64_t size, struct why *why)
{
    lock_acquire(&store->writer_lock);
    enum err err = store_begin_access(store);
    if (err) {
        lock_release(&store->writer_lock);
        return why_set(why, err, "cannot write to the cache in %s: %s", store->dir,
                       err_sentence(err));
    }
    if (!pin_set_has_content(store->pins, content)) {
        err = store_commit_pending(store);
        err = err ? err : check_room(store, size, why);
        err = err ? err
                  : change_pin(store, "INSERT OR REPLACE INTO pin VALUES(?1, ?2, ?3)",
                               content, is_xet, size);
        if (!err) {
            pins_reload(store);
            err = move_all(store, SEGMENT_SEALED);
        }
        err = err ? err : move_all(store, SEGMENT_OPEN);
    }
    store_end_access(store);
    lock_release(&store->writer_lock);
    return err;
}

// ---------------------------------------------------------------------------------- unpin

static bool all_pinned(struct chunk_store *store, uint64_t segment)
    REQUIRES(store->writer_lock)
{
    AUTO_FREE struct run_place *places = NULL;
    size_t n = 0;
    bool all =
        index_segment_runs(store->writer, segment, &places, &n) == ERR_NONE && n > 0;
    for (size_t i = 0; i < n && all; i++) {
        all =
            pin_set_covers(store->pins, &places[i].object, places[i].first, places[i].n);
    }
    return all;
}

// Whether nobody fills it: a process that is gone may have left it open.
static bool is_at_rest(struct chunk_store *store, enum segment_class class,
                       uint64_t segment) REQUIRES(store->writer_lock)
{
    AUTO_CLOSE int fd = -1;
    struct store_uuid uuid;
    uint64_t end = 0;
    return class == SEGMENT_PINNED || !recover_segment(store, segment, &fd, &uuid, &end);
}

static enum err release_class(struct chunk_store *store, enum segment_class class)
    REQUIRES(store->writer_lock)
{
    uint64_t id = 0;
    uint64_t bytes = 0;
    enum err err = ERR_NONE;
    while (!(err = index_next_segment(store->writer, class, id, &id, &bytes))) {
        if (!is_at_rest(store, class, id) || all_pinned(store, id)) {
            continue;
        }
        err = index_begin(store->writer);
        err = err ? err : index_put_segment(store->writer, id, SEGMENT_SEALED, bytes);
        err = err ? err : index_commit(store->writer);
        index_rollback(store->writer);
        if (err) {
            break;
        }
    }
    return err == ERR_ABSENT ? ERR_NONE : err;
}

enum err chunk_store_unpin(struct chunk_store *store, const struct digest *content)
{
    lock_acquire(&store->writer_lock);
    enum err err = store_begin_access(store);
    if (!err) {
        err = change_pin(store, "DELETE FROM pin WHERE content=?1", content, false, 0);
        if (!err) {
            pins_reload(store);
            appender_retire_all(store->pinned);
            err = store_commit_pending(store);
        }
        err = err ? err : release_class(store, SEGMENT_PINNED);
        err = err ? err : release_class(store, SEGMENT_OPEN_PINNED);
        store_end_access(store);
    }
    lock_release(&store->writer_lock);
    return err;
}

bool chunk_store_is_pinned(struct chunk_store *store, const struct digest *content)
{
    return pin_set_has_content(store->pins, content);
}
