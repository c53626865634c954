// SPDX-License-Identifier: Apache-2.0
// The tables of index.db. All of them can be rebuilt from the segments or asked for again:
// object, run and segment come from a scan; file, piece and pin are hints and wishes.
//
// run.id is object id << 24 | first chunk, so the run that holds a chunk is one search in
// one B-tree: the greatest id not above it. That answer is right only because runs of one
// object are disjoint (index_writer.c keeps only the gaps of what it inserts): with runs
// 0-99 and 50-59 the search for chunk 70 would find 50-59 and miss.
//
// Segment numbers are given out once, by one index after another too: those of a new index begin at the
// milliseconds since 1970. A put that still writes to a segment whose folder was removed meanwhile then
// names no segment of the index that came after.
//
// A row of run names the record; how many chunks the record has, their ends and checksums
// stay in the segment. A row may cover only a part of its record.
//
// piece.crc covers what the row says (piece_index.c): a flipped bit in index.db must not
// make a file out of another file's chunks. A flipped run row needs no such thing, because
// the record it names says whose chunks it has.
#include "cache/index_schema.h"

static const char schema_sql[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
    "CREATE TABLE object(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, hash BLOB NOT "
    "NULL,"
    " UNIQUE(kind, hash));"
    "CREATE TABLE run(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, segment INTEGER NOT "
    "NULL,"
    " offset INTEGER NOT NULL);"
    "CREATE INDEX run_segment ON run(segment);"
    "CREATE TABLE segment(id INTEGER PRIMARY KEY AUTOINCREMENT, class INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL);"
    "INSERT INTO sqlite_sequence VALUES('segment',"
    " max(0, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)));"
    "CREATE TABLE file(id INTEGER PRIMARY KEY, content BLOB NOT NULL UNIQUE,"
    " size INTEGER NOT NULL, verified INTEGER NOT NULL);"
    "CREATE TABLE piece(file INTEGER, offset INTEGER, length INTEGER NOT NULL,"
    " object INTEGER NOT NULL, first INTEGER NOT NULL, n INTEGER NOT NULL, crc INTEGER "
    "NOT NULL,"
    " PRIMARY KEY(file, offset)) WITHOUT ROWID;"
    "CREATE TABLE pin(content BLOB PRIMARY KEY, is_xet INTEGER NOT NULL,"
    " size INTEGER NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version=1;"
    "COMMIT;";

static enum err make_tables(sqlite3 *db)
{
    int64_t version = 0;
    int64_t tables = 0;
    enum err err = sql_query_i64(db, "PRAGMA user_version", &version);
    if (!err) {
        err = sql_query_i64(db, "SELECT count(*) FROM sqlite_schema", &tables);
    }
    if (err || version == INDEX_SCHEMA_VERSION) {
        return err;
    }
    // Tables without our version are a file of somebody else, or damage.
    return tables > 0 ? ERR_DAMAGED : sql_exec(db, schema_sql);
}

enum err index_open_for_writing(const char *path, sqlite3 **out)
{
    sqlite3 *db = NULL;
    enum err err = sql_open(path, SQL_CREATE, INDEX_SCHEMA_VERSION, &db);
    if (err) {
        return err;
    }
    err = make_tables(db);
    if (err) {
        sql_close(db);
        return err;
    }
    *out = db;
    return ERR_NONE;
}

enum err index_get_uuid(sqlite3 *db, struct store_uuid *out)
{
    sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, "SELECT value FROM meta WHERE key='uuid'", &statement);
    if (!err) {
        err = sql_row(statement);
    }
    if (!err && !sql_column_bytes(statement, 0, out->bytes, sizeof(out->bytes))) {
        err = ERR_DAMAGED;
    }
    sqlite3_finalize(statement);
    return err;
}

enum err index_set_uuid(sqlite3 *db, const struct store_uuid *uuid)
{
    sqlite3_stmt *statement = NULL;
    enum err err =
        sql_prepare(db, "INSERT OR REPLACE INTO meta VALUES('uuid', ?)", &statement);
    if (!err) {
        sqlite3_bind_blob(statement, 1, uuid->bytes, sizeof(uuid->bytes), SQLITE_STATIC);
        err = sql_done(statement);
    }
    sqlite3_finalize(statement);
    return err;
}
