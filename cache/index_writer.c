// SPDX-License-Identifier: Apache-2.0
// The writing side of index.db.
//
// Invariant: rows of `run` with one object are disjoint. index_insert_run() is the only
// place that adds chunks and it fills gaps only; index_cut_hole() only takes away. Other
// processes keep to it too, because every change is made under the lock between processes.
#include "cache/index_changes.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *const change_sql[CHANGES] = {
    [GET_OBJECT] = "SELECT id FROM object WHERE kind=?1 AND hash=?2",
    [ADD_OBJECT] = "INSERT INTO object(kind, hash) VALUES(?1, ?2)",
    [RUN_AT] = "SELECT id, n, segment, offset FROM run WHERE id BETWEEN ?1 AND ?2"
               " ORDER BY id DESC LIMIT 1",
    [RUN_AFTER] = "SELECT id, n, segment, offset FROM run WHERE id>?1 AND id<?2"
                  " ORDER BY id LIMIT 1",
    [ADD_RUN] =
        "INSERT OR REPLACE INTO run(id, n, segment, offset) VALUES(?1, ?2, ?3, ?4)",
    [DELETE_RUN] = "DELETE FROM run WHERE id=?1",
    [ADD_SEGMENT] = "INSERT INTO segment(class, bytes) VALUES(?1, ?2)",
    [PUT_SEGMENT] = "INSERT OR REPLACE INTO segment(id, class, bytes) VALUES(?1, ?2, ?3)",
    [DELETE_SEGMENT] = "DELETE FROM segment WHERE id=?1",
    [DELETE_SEGMENT_RUNS] = "DELETE FROM run WHERE segment=?1",
    [CUT_SEGMENT_RUNS] = "DELETE FROM run WHERE segment=?1 AND offset>=?2",
    [FIND_SEGMENT] = "SELECT 1 FROM segment WHERE id=?1",
    [NEXT_SEGMENT] =
        "SELECT id, bytes FROM segment WHERE class=?1 AND id>?2 ORDER BY id LIMIT 1",
    [SUM_SEGMENTS] = "SELECT coalesce(sum(bytes),0), coalesce(sum(bytes*(class>=2)),0)"
                     " FROM segment",
    [SEGMENT_RUNS] = "SELECT run.id, run.n, run.offset, object.kind, object.hash"
                     " FROM run JOIN object ON object.id=run.id>>24"
                     " WHERE run.segment=?1 ORDER BY run.id",
};

// A row of run, as the gap arithmetic needs it.
struct run_row {
    int64_t id;
    int64_t n;
    int64_t segment;
    int64_t offset;
};

enum err index_writer_open(const char *path, struct index_writer **out)
{
    struct index_writer *writer = calloc(1, sizeof(*writer));
    if (!writer) {
        return ERR_NO_MEMORY;
    }
    writer->path = strdup(path);
    enum err err =
        writer->path ? index_open_for_writing(path, &writer->db) : ERR_NO_MEMORY;
    struct stat status;
    if (!err && stat(path, &status) == 0) {
        writer->device = status.st_dev;
        writer->inode = status.st_ino;
    }
    if (!err) {
        err = sql_prepare_all(writer->db, change_sql, writer->statements, CHANGES);
    }
    if (err) {
        index_writer_close(writer);
        return err;
    }
    *out = writer;
    return ERR_NONE;
}

void index_writer_close(struct index_writer *writer)
{
    if (writer) {
        sql_close(writer->db);
        free(writer->path);
        free(writer);
    }
}

sqlite3 *index_writer_db(struct index_writer *writer)
{
    return writer->db;
}

bool index_writer_is_current(const struct index_writer *writer)
{
    struct stat status;
    return stat(writer->path, &status) == 0 && status.st_dev == writer->device &&
           status.st_ino == writer->inode;
}

enum err index_begin(struct index_writer *writer)
{
    return sql_exec(writer->db, "BEGIN IMMEDIATE");
}

enum err index_commit(struct index_writer *writer)
{
    enum err err = sql_exec(writer->db, "COMMIT");
    if (err) {
        index_rollback(writer);
        return err;
    }
    sql_checkpoint(writer->db, writer->path, WAL_BYTES_MAX);
    return ERR_NONE;
}

void index_rollback(struct index_writer *writer)
{
    if (!sqlite3_get_autocommit(writer->db)) {
        sqlite3_exec(writer->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

enum err index_object_id(struct index_writer *writer, const struct object_id *object,
                         bool create, int64_t *out_id)
{
    enum change step = GET_OBJECT;
    for (;;) {
        sqlite3_stmt *statement = writer->statements[step];
        sqlite3_bind_int(statement, 1, (int)object->kind);
        sqlite3_bind_blob(statement, 2, object->hash.bytes, sizeof(object->hash.bytes),
                          SQLITE_STATIC);
        if (step == ADD_OBJECT) {
            enum err err = sql_done(statement);
            if (!err) {
                *out_id = sqlite3_last_insert_rowid(writer->db);
            }
            return err;
        }
        enum err err = sql_row(statement);
        if (!err) {
            *out_id = sqlite3_column_int64(statement, 0);
        }
        sqlite3_reset(statement);
        if (err != ERR_ABSENT || !create) {
            return err;
        }
        step = ADD_OBJECT;
    }
}

static enum err get_row(struct index_writer *writer, enum change question, int64_t a,
                        int64_t b, struct run_row *out)
{
    sqlite3_stmt *statement = writer->statements[question];
    sqlite3_bind_int64(statement, 1, a);
    sqlite3_bind_int64(statement, 2, b);
    enum err err = sql_row(statement);
    if (!err) {
        out->id = sqlite3_column_int64(statement, 0);
        out->n = sqlite3_column_int64(statement, 1);
        out->segment = sqlite3_column_int64(statement, 2);
        out->offset = sqlite3_column_int64(statement, 3);
        if (!run_row_is_legal(out->n, out->segment, out->offset)) {
            out->n = 0; // a flipped bit: the row covers nothing and is replaced
        }
    }
    sqlite3_reset(statement);
    return err;
}

static enum err add_row(struct index_writer *writer, const struct run_row *row)
{
    sqlite3_stmt *statement = writer->statements[ADD_RUN];
    sqlite3_bind_int64(statement, 1, row->id);
    sqlite3_bind_int64(statement, 2, row->n);
    sqlite3_bind_int64(statement, 3, row->segment);
    sqlite3_bind_int64(statement, 4, row->offset);
    return sql_done(statement);
}

enum err index_insert_run(struct index_writer *writer, const struct run_place *place)
{
    int64_t object = 0;
    enum err err = index_object_id(writer, &place->object, true, &object);
    int64_t base = (int64_t)((uint64_t)object << CHUNK_NUMBER_BITS);
    int64_t chunk = base + place->first;
    int64_t end = chunk + place->n;
    while (!err && chunk < end) {
        struct run_row row;
        err = get_row(writer, RUN_AT, base, chunk, &row);
        if (!err && row.id + row.n > chunk) {
            chunk = row.id + row.n;
            continue;
        }
        if (!err || err == ERR_ABSENT) {
            err = get_row(writer, RUN_AFTER, chunk, end, &row);
        }
        if (err && err != ERR_ABSENT) {
            break;
        }
        int64_t gap_end = err == ERR_ABSENT ? end : row.id;
        row = (struct run_row){chunk, gap_end - chunk, (int64_t)place->segment,
                               (int64_t)place->offset};
        err = add_row(writer, &row);
        chunk = gap_end;
    }
    return err;
}

bool index_covers(struct index_writer *writer, const struct run_place *place)
{
    int64_t object = 0;
    if (index_object_id(writer, &place->object, false, &object)) {
        return false;
    }
    int64_t base = (int64_t)((uint64_t)object << CHUNK_NUMBER_BITS);
    int64_t chunk = base + place->first;
    int64_t end = chunk + place->n;
    struct run_row row;
    while (chunk < end && !get_row(writer, RUN_AT, base, chunk, &row) &&
           row.id + row.n > chunk) {
        chunk = row.id + row.n;
    }
    return chunk >= end;
}

enum err index_delete_by(struct index_writer *writer, enum change change, int64_t id)
{
    sqlite3_stmt *statement = writer->statements[change];
    sqlite3_bind_int64(statement, 1, id);
    return sql_done(statement);
}

// Replaces a row by what is left and right of [from, to).
static enum err split_row(struct index_writer *writer, const struct run_row *row,
                          int64_t from, int64_t to)
{
    enum err err = index_delete_by(writer, DELETE_RUN, row->id);
    if (!err && row->id < from) {
        struct run_row left = {row->id, from - row->id, row->segment, row->offset};
        err = add_row(writer, &left);
    }
    if (!err && row->id + row->n > to) {
        struct run_row right = {to, row->id + row->n - to, row->segment, row->offset};
        err = add_row(writer, &right);
    }
    return err;
}

enum err index_cut_hole(struct index_writer *writer, const struct run_hole *hole)
{
    if (hole->offset == HOLE_WHOLE_SEGMENT) {
        return index_remove_segment(writer, hole->segment);
    }
    int64_t object = 0;
    enum err err = index_object_id(writer, &hole->object, false, &object);
    if (err) {
        return err == ERR_ABSENT ? ERR_NONE : err;
    }
    int64_t base = (int64_t)((uint64_t)object << CHUNK_NUMBER_BITS);
    int64_t from = base + hole->first;
    int64_t to = from + hole->n;
    struct run_row row;
    err = get_row(writer, RUN_AT, base, from, &row);
    int64_t at = from;
    while (!err || err == ERR_ABSENT) {
        if (!err && row.segment == (int64_t)hole->segment &&
            row.offset == (int64_t)hole->offset && row.id + row.n > from) {
            err = split_row(writer, &row, from, to);
            if (err) {
                break;
            }
        }
        err = get_row(writer, RUN_AFTER, at, to, &row);
        if (err) {
            break;
        }
        at = row.id;
    }
    return err == ERR_ABSENT ? ERR_NONE : err;
}

uint64_t index_bytes_in_use(struct index_writer *writer)
{
    int64_t pages = 0;
    int64_t unused = 0;
    if (sql_query_i64(writer->db, "PRAGMA page_count", &pages) ||
        sql_query_i64(writer->db, "PRAGMA freelist_count", &unused)) {
        return 0;
    }
    return (uint64_t)(pages - unused) * 4096;
}

uint64_t index_bytes_on_disk(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".damaged"};
    uint64_t bytes = 0;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char name[PATH_BYTES_MAX + 16];
        struct stat status;
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        if (stat(name, &status) == 0) {
            bytes += (uint64_t)status.st_size;
        }
    }
    return bytes;
}
