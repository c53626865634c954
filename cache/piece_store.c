// SPDX-License-Identifier: Apache-2.0
// Plans: which chunks make up a file, at the grain learned so far, and the verdict on whole
// files. Hints all of it, with one rule that is more than a hint: a row that a flipped bit
// changed is not served (its checksum covers content, range, object and chunks), because a
// wrong piece would read as another file's bytes.
#include "cache/store_state.h"

size_t chunk_store_pieces(struct chunk_store *store, const struct digest *xet_hash,
                          uint64_t offset, uint64_t length, struct piece *out, size_t max)
{
    uint64_t end = 0;
    if (max == 0 || !checked_add(offset, length, &end) || end > INT64_MAX) {
        return 0;
    }
    // What is pending is copied first: if it is committed meanwhile the index has it too.
    struct piece_list pending = {0};
    struct piece_list list = {0};
    bool sound = pending_files_overlay(store->files, xet_hash, offset, end, &pending);
    list.capacity = max;
    list.pieces = calloc(max, sizeof(*list.pieces));
    struct index_reader *reader = NULL;
    if (list.pieces && run_index_take(store->index, &reader) == ERR_NONE) {
        enum err err =
            index_get_pieces(reader, xet_hash, offset, end, list.pieces, max, &list.n);
        run_index_give(store->index, reader);
        store_note_index_error(store, err);
    }
    // Beyond the rows that there was room for nothing is known but what is pending.
    uint64_t known_to =
        list.n == max ? list.pieces[max - 1].offset + list.pieces[max - 1].length : end;
    for (size_t i = 0;
         sound && list.pieces && i < pending.n && pending.pieces[i].offset < known_to;
         i++) {
        sound = piece_list_replace(&list, &pending.pieces[i]) == ERR_NONE;
    }
    size_t n = 0;
    for (size_t i = 0; sound && i < list.n && n < max; i++) {
        if (piece_overlaps(&list.pieces[i], offset, end)) {
            out[n++] = list.pieces[i];
        }
    }
    piece_list_release(&pending);
    piece_list_release(&list);
    return n;
}

// What makes up a pinned file is pinned.
static enum err pin_pieces(struct chunk_store *store, const struct digest *content,
                           const struct piece *pieces, size_t n)
{
    enum err err = ERR_NONE;
    if (pin_set_has_content(store->pins, content)) {
        for (size_t i = 0; i < n && !err; i++) {
            err = pin_set_add_range(store->pins, &pieces[i].object, pieces[i].first,
                                    pieces[i].n);
        }
    }
    return err;
}

enum err chunk_store_put_pieces(struct chunk_store *store, const struct digest *xet_hash,
                                uint64_t file_size, const struct piece *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!piece_is_legal(&pieces[i])) {
            return ERR_MALFORMED;
        }
    }
    enum err err = pending_files_put(store->files, xet_hash, file_size, pieces, n);
    err = err ? err : pin_pieces(store, xet_hash, pieces, n);
    store_writer_wake(store, false);
    return err;
}

enum verified_state chunk_store_ask_verified(struct chunk_store *store,
                                             const struct digest *content, uint64_t size,
                                             bool *out_is_known)
{
    enum verified_state state = VERIFIED_UNKNOWN;
    uint64_t known_size = 0;
    struct index_reader *reader = NULL;
    enum err err = ERR_NONE;
    if (!pending_files_verdict(store->files, content, &known_size, &state)) {
        err = run_index_take(store->index, &reader);
        err = err ? err : index_get_file(reader, content, &known_size, &state);
        store_note_index_error(store, err);
    }
    if (reader) {
        run_index_give(store->index, reader);
    }
    *out_is_known = err == ERR_NONE || err == ERR_ABSENT;
    return known_size == size ? state : VERIFIED_UNKNOWN;
}

enum verified_state chunk_store_verified(struct chunk_store *store,
                                         const struct digest *content, uint64_t size)
{
    bool is_known = false;
    return chunk_store_ask_verified(store, content, size, &is_known);
}

enum err chunk_store_set_verified(struct chunk_store *store, const struct digest *content,
                                  uint64_t size, enum verified_state state)
{
    enum err err = pending_files_set_verdict(store->files, content, size, state);
    store_writer_wake(store, false);
    return err;
}

// --------------------------------------------------------------------- inside a transaction

// The statements of one batch of plans; a batch comes at most every 50 ms.
struct plan_writer {
    struct index_writer *writer;
    sqlite3_stmt *put_file;
    sqlite3_stmt *file_id;
    sqlite3_stmt *overlapping;
    sqlite3_stmt *delete_piece;
    sqlite3_stmt *add_piece;
};

static enum err plan_writer_init(struct plan_writer *plan, struct index_writer *writer)
{
    static const char *const texts[] = {
        "INSERT INTO file(content, size, verified) VALUES(?1, ?2, max(?3, 0)) ON "
        "CONFLICT(content)"
        " DO UPDATE SET size=?2, verified=CASE WHEN ?3>=0 THEN ?3"
        " WHEN size=?2 THEN verified ELSE 0 END",
        "SELECT id FROM file WHERE content=?1",
        "SELECT piece.offset, length, object.kind, object.hash, first, n, crc FROM piece"
        " JOIN object ON object.id=piece.object WHERE piece.file=?1 AND piece.offset<?3"
        " AND piece.offset>=coalesce("
        "(SELECT max(p.offset) FROM piece p WHERE p.file=?1 AND p.offset<=?2), 0)"
        " ORDER BY piece.offset",
        "DELETE FROM piece WHERE file=?1 AND offset=?2",
        "INSERT OR REPLACE INTO piece VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    };
    sqlite3_stmt *statements[5] = {NULL};
    *plan = (struct plan_writer){.writer = writer};
    enum err err = sql_prepare_all(index_writer_db(writer), texts, statements, 5);
    plan->put_file = statements[0];
    plan->file_id = statements[1];
    plan->overlapping = statements[2];
    plan->delete_piece = statements[3];
    plan->add_piece = statements[4];
    return err;
}

static void plan_writer_release(struct plan_writer *plan)
{
    sqlite3_finalize(plan->put_file);
    sqlite3_finalize(plan->file_id);
    sqlite3_finalize(plan->overlapping);
    sqlite3_finalize(plan->delete_piece);
    sqlite3_finalize(plan->add_piece);
}

static enum err put_file(struct plan_writer *plan, const struct pending_file *file,
                         int64_t *out_id)
{
    sqlite3_bind_blob(plan->put_file, 1, file->content.bytes, 32, SQLITE_STATIC);
    sqlite3_bind_int64(plan->put_file, 2, (int64_t)file->size);
    sqlite3_bind_int(plan->put_file, 3, file->has_verdict ? (int)file->verdict : -1);
    enum err err = sql_done(plan->put_file);
    if (err) {
        return err;
    }
    sqlite3_bind_blob(plan->file_id, 1, file->content.bytes, 32, SQLITE_STATIC);
    err = sql_row(plan->file_id);
    *out_id = sqlite3_column_int64(plan->file_id, 0);
    sqlite3_reset(plan->file_id);
    return err;
}

static enum err add_piece(struct plan_writer *plan, int64_t file,
                          const struct digest *content, const struct piece *piece)
{
    int64_t object = 0;
    enum err err = index_object_id(plan->writer, &piece->object, true, &object);
    if (err) {
        return err;
    }
    sqlite3_bind_int64(plan->add_piece, 1, file);
    sqlite3_bind_int64(plan->add_piece, 2, (int64_t)piece->offset);
    sqlite3_bind_int64(plan->add_piece, 3, (int64_t)piece->length);
    sqlite3_bind_int64(plan->add_piece, 4, object);
    sqlite3_bind_int64(plan->add_piece, 5, piece->first);
    sqlite3_bind_int64(plan->add_piece, 6, piece->n);
    sqlite3_bind_int64(plan->add_piece, 7, piece_checksum(content, piece));
    return sql_done(plan->add_piece);
}

// The old rows that a new piece replaces, at least in part. What is left of one is written anew, so a
// damaged one counts as none, as for readers.
static enum err old_pieces(struct plan_writer *plan, int64_t file,
                           const struct digest *content, const struct piece *added,
                           struct piece_list *out)
{
    sqlite3_stmt *statement = plan->overlapping;
    sqlite3_bind_int64(statement, 1, file);
    sqlite3_bind_int64(statement, 2, (int64_t)added->offset);
    sqlite3_bind_int64(statement, 3, (int64_t)(added->offset + added->length));
    enum err err = ERR_NONE;
    while (!err && !(err = sql_row(statement))) {
        struct piece old = {
            .offset = (uint64_t)sqlite3_column_int64(statement, 0),
            .length = (uint64_t)sqlite3_column_int64(statement, 1),
            .object.kind = (enum object_kind)sqlite3_column_int(statement, 2),
            .first = (uint32_t)sqlite3_column_int64(statement, 4),
            .n = (uint32_t)sqlite3_column_int64(statement, 5),
        };
        if (sql_column_bytes(statement, 3, old.object.hash.bytes,
                             sizeof(struct digest)) &&
            piece_is_legal(&old) &&
            sqlite3_column_int64(statement, 6) == piece_checksum(content, &old) &&
            piece_overlaps(&old, added->offset, added->offset + added->length)) {
            err = piece_list_replace(out, &old);
        }
    }
    sqlite3_reset(statement);
    return err == ERR_ABSENT ? ERR_NONE : err;
}

static enum err replace_piece(struct plan_writer *plan, int64_t file,
                              const struct digest *content, const struct piece *new)
{
    struct piece_list list = {0};
    enum err err = old_pieces(plan, file, content, new, &list);
    for (size_t i = 0; i < list.n && !err; i++) {
        sqlite3_bind_int64(plan->delete_piece, 1, file);
        sqlite3_bind_int64(plan->delete_piece, 2, (int64_t)list.pieces[i].offset);
        err = sql_done(plan->delete_piece);
    }
    err = err ? err : piece_list_replace(&list, new);
    for (size_t i = 0; i < list.n && !err; i++) {
        err = add_piece(plan, file, content, &list.pieces[i]);
    }
    piece_list_release(&list);
    return err;
}

enum err commit_files(struct chunk_store *store, const struct pending_batch *batch)
{
    struct plan_writer plan;
    enum err err = plan_writer_init(&plan, store->writer);
    for (const struct pending_file *file = batch->files; file && !err;
         file = file->next) {
        int64_t id = 0;
        err = put_file(&plan, file, &id);
        for (size_t i = 0; i < file->pieces.n && !err; i++) {
            err = replace_piece(&plan, id, &file->content, &file->pieces.pieces[i]);
        }
        // Once more: the set may have been read from the index while these were not in it.
        err =
            err ? err
                : pin_pieces(store, &file->content, file->pieces.pieces, file->pieces.n);
    }
    plan_writer_release(&plan);
    return err;
}
