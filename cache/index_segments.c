// SPDX-License-Identifier: Apache-2.0
// The rows of the table segment: how many bytes each file takes from the budget, and whether
// it may be evicted. Numbers come from AUTOINCREMENT and are never given out twice (nor by the
// index before, index_schema.c), so a place (segment, offset) that somebody remembers means one record
// or none.
#include "cache/index_changes.h"

enum err index_add_segment(struct index_writer *writer, enum segment_class class,
                           uint64_t bytes, uint64_t *out_id)
{
    sqlite3_stmt *statement = writer->statements[ADD_SEGMENT];
    sqlite3_bind_int(statement, 1, (int)class);
    sqlite3_bind_int64(statement, 2, (int64_t)bytes);
    enum err err = sql_done(statement);
    if (!err) {
        *out_id = (uint64_t)sqlite3_last_insert_rowid(writer->db);
    }
    return err;
}

enum err index_put_segment(struct index_writer *writer, uint64_t id,
                           enum segment_class class, uint64_t bytes)
{
    sqlite3_stmt *statement = writer->statements[PUT_SEGMENT];
    sqlite3_bind_int64(statement, 1, (int64_t)id);
    sqlite3_bind_int(statement, 2, (int)class);
    sqlite3_bind_int64(statement, 3, (int64_t)bytes);
    return sql_done(statement);
}

enum err index_remove_segment(struct index_writer *writer, uint64_t id)
{
    enum err err = index_delete_by(writer, DELETE_SEGMENT_RUNS, (int64_t)id);
    return err ? err : index_delete_by(writer, DELETE_SEGMENT, (int64_t)id);
}

enum err index_cut_segment(struct index_writer *writer, uint64_t id, uint64_t end)
{
    sqlite3_stmt *statement = writer->statements[CUT_SEGMENT_RUNS];
    sqlite3_bind_int64(statement, 1, (int64_t)id);
    sqlite3_bind_int64(statement, 2, (int64_t)end);
    return sql_done(statement);
}

enum err index_find_segment(struct index_writer *writer, uint64_t id)
{
    sqlite3_stmt *statement = writer->statements[FIND_SEGMENT];
    sqlite3_bind_int64(statement, 1, (int64_t)id);
    enum err err = sql_row(statement);
    sqlite3_reset(statement);
    return err;
}

enum err index_next_segment(struct index_writer *writer, enum segment_class class,
                            uint64_t after, uint64_t *out_id, uint64_t *out_bytes)
{
    sqlite3_stmt *statement = writer->statements[NEXT_SEGMENT];
    sqlite3_bind_int(statement, 1, (int)class);
    sqlite3_bind_int64(statement, 2, (int64_t)after);
    enum err err = sql_row(statement);
    if (!err) {
        *out_id = (uint64_t)sqlite3_column_int64(statement, 0);
        *out_bytes = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    sqlite3_reset(statement);
    return err;
}

enum err index_segment_sums(struct index_writer *writer, uint64_t *out_all,
                            uint64_t *out_pinned)
{
    sqlite3_stmt *statement = writer->statements[SUM_SEGMENTS];
    enum err err = sql_row(statement);
    if (!err) {
        *out_all = (uint64_t)sqlite3_column_int64(statement, 0);
        *out_pinned = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    sqlite3_reset(statement);
    return err;
}

enum err index_segment_runs(struct index_writer *writer, uint64_t segment,
                            struct run_place **out, size_t *out_n)
{
    sqlite3_stmt *statement = writer->statements[SEGMENT_RUNS];
    sqlite3_bind_int64(statement, 1, (int64_t)segment);
    struct run_place *places = NULL;
    size_t n = 0;
    size_t capacity = 0;
    enum err err = ERR_NONE;
    while (!(err = sql_row(statement))) {
        if (n == capacity) {
            capacity = capacity ? capacity * 2 : 256;
            struct run_place *grown = reallocarray(places, capacity, sizeof(*grown));
            if (!grown) {
                err = ERR_NO_MEMORY;
                break;
            }
            places = grown;
        }
        struct run_place *place = &places[n];
        *place = (struct run_place){.segment = segment};
        place->first =
            (uint32_t)sqlite3_column_int64(statement, 0) & (CHUNK_NUMBER_LIMIT - 1);
        place->n = (uint32_t)sqlite3_column_int64(statement, 1);
        place->offset = (uint64_t)sqlite3_column_int64(statement, 2);
        place->object.kind = (enum object_kind)sqlite3_column_int(statement, 3);
        n += sql_column_bytes(statement, 4, place->object.hash.bytes,
                              sizeof(struct digest));
    }
    sqlite3_reset(statement);
    if (err != ERR_ABSENT) {
        free(places);
        return err;
    }
    *out = places;
    *out_n = n;
    return ERR_NONE;
}
