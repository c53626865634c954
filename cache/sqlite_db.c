// SPDX-License-Identifier: Apache-2.0
// The thin layer over SQLite that index.db and tree.db share. Connections are opened without
// SQLite's own mutex: each belongs to one thread at a time (a pool sees to it). Nobody
// outside cache/ knows that SQLite exists.
#include "cache/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { BUSY_MS = 2000 };

static enum err io_err(sqlite3 *db, int extended)
{
    if (extended == SQLITE_IOERR_SHORT_READ || extended == SQLITE_IOERR_CORRUPTFS) {
        return ERR_DAMAGED;
    }
    if (extended == SQLITE_IOERR_NOMEM) {
        return ERR_NO_MEMORY;
    }
    int system_errno = db ? sqlite3_system_errno(db) : 0;
    return system_errno ? err_from_errno(system_errno) : ERR_SYSTEM;
}

enum err sql_err(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_NONE;
    case SQLITE_NOMEM:
        return ERR_NO_MEMORY;
    case SQLITE_FULL:
        return ERR_NO_SPACE;
    case SQLITE_READONLY:
        return ERR_READ_ONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return ERR_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_MISMATCH:
        return ERR_DAMAGED;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return ERR_ACCESS;
    case SQLITE_CANTOPEN: {
        int system_errno = db ? sqlite3_system_errno(db) : 0;
        return system_errno ? err_from_errno(system_errno) : ERR_ACCESS;
    }
    case SQLITE_IOERR:
        return io_err(db, db ? sqlite3_extended_errcode(db) : rc);
    default:
        return ERR_SYSTEM;
    }
}

// No mmap_size: it would save 1-2 us of a lookup whose pages SQLite does not have, and make a
// SIGBUS of what is an error of pread now.
static enum err set_up(sqlite3 *db, enum sql_open_mode mode, int64_t schema_max)
{
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_extended_result_codes(db, 1);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    int64_t version = 0;
    enum err err = sql_query_i64(db, "PRAGMA user_version", &version);
    if (err || version > schema_max) {
        return err ? err : ERR_NEWER_SCHEMA;
    }
    if (mode == SQL_READ || mode == SQL_READ_ALONE) {
        return sql_exec(db, "PRAGMA cache_size=-1024; PRAGMA query_only=1;"
                            "PRAGMA wal_autocheckpoint=0;");
    }
    return sql_exec(db, "PRAGMA cache_size=-2048; PRAGMA journal_mode=WAL;"
                        "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;"
                        "PRAGMA journal_size_limit=1048576; PRAGMA temp_store=MEMORY;");
}

// Makes a new database file for its owner alone; -wal and -shm inherit its mode. One that is
// there is not opened: closing it again would drop the locks that SQLite holds on it in this
// process. Any other failure is for SQLite to tell.
static void make_private(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    (void)fd;
}

// "file:PATH?immutable=1"
static enum err append_immutable_uri(struct buffer *uri, const char *path)
{
    enum err err = buffer_append_text(uri, "file:");
    for (; *path && !err; path++) {
        err = strchr("%?#", *path) ? buffer_printf(uri, "%%%02X", (unsigned)*path)
                                   : buffer_append(uri, path, 1);
    }
    return err ? err : buffer_append_text(uri, "?immutable=1");
}

static enum err open_db(const char *path, enum sql_open_mode mode, sqlite3 **out)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    AUTO(buffer) struct buffer uri = buffer_init(3 * PATH_BYTES_MAX + 32);
    if (mode == SQL_READ_ALONE) {
        enum err err = append_immutable_uri(&uri, path);
        if (err) {
            return err;
        }
        flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
        path = buffer_text(&uri);
    } else if (mode == SQL_CREATE) {
        flags |= SQLITE_OPEN_CREATE;
        if (strcmp(path, ":memory:") != 0) {
            make_private(path);
        }
    }
    int rc = sqlite3_open_v2(path, out, flags, NULL);
    return sql_err(*out, rc);
}

enum err sql_open(const char *path, enum sql_open_mode mode, int64_t schema_max,
                  sqlite3 **out)
{
    sqlite3 *db = NULL;
    bool writes = mode == SQL_WRITE || mode == SQL_CREATE;
    enum err err = open_db(path, mode, &db);
    if (!err && writes && sqlite3_db_readonly(db, "main") == 1) {
        err = ERR_READ_ONLY; // SQLite opens a file it may only read as read-only
    }
    err = err ? err : set_up(db, mode, schema_max);
    if (err) {
        sql_close(db);
        return err;
    }
    *out = db;
    return ERR_NONE;
}

void sql_close(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    while (db && (statement = sqlite3_next_stmt(db, NULL))) {
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
}

enum err sql_exec(sqlite3 *db, const char *sql)
{
    return sql_err(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

enum err sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return (rc & 0xff) == SQLITE_ERROR ? ERR_DAMAGED : sql_err(db, rc);
}

enum err sql_prepare_all(sqlite3 *db, const char *const *texts, sqlite3_stmt **out,
                         size_t n)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; i < n && !err; i++) {
        err = sql_prepare(db, texts[i], &out[i]);
    }
    return err;
}

enum err sql_row(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        return ERR_NONE;
    }
    if (rc == SQLITE_DONE) {
        return ERR_ABSENT;
    }
    // The schema changed under a prepared statement in a way that it no longer compiles.
    return (rc & 0xff) == SQLITE_ERROR ? ERR_DAMAGED
                                       : sql_err(sqlite3_db_handle(statement), rc);
}

enum err sql_done(sqlite3_stmt *statement)
{
    enum err err = sql_row(statement);
    sqlite3_reset(statement);
    return err == ERR_ABSENT ? ERR_NONE : err;
}

enum err sql_query_i64(sqlite3 *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, sql, &statement);
    if (!err) {
        err = sql_row(statement);
    }
    if (!err) {
        *out = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return err;
}

bool sql_column_bytes(sqlite3_stmt *statement, int column, void *out, size_t len)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    if (!bytes || sqlite3_column_bytes(statement, column) != (int)len) {
        return false;
    }
    memcpy(out, bytes, len);
    return true;
}

enum err sql_quick_check(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, "PRAGMA quick_check(1)", &statement);
    if (!err) {
        err = sql_row(statement);
    }
    if (!err) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        err = text && strcmp(text, "ok") == 0 ? ERR_NONE : ERR_DAMAGED;
    }
    sqlite3_finalize(statement);
    return err == ERR_ABSENT ? ERR_DAMAGED : err;
}

void sql_checkpoint(sqlite3 *db, const char *path, uint64_t wal_bytes)
{
    char wal[PATH_BYTES_MAX + 8];
    struct stat status;
    snprintf(wal, sizeof(wal), "%s-wal", path);
    if (stat(wal, &status) != 0 || (uint64_t)status.st_size <= wal_bytes) {
        return;
    }
    // PASSIVE does what it can without waiting for a reader; the next one does the rest. An
    // error here shows itself at the next write.
    int mode = wal_bytes == 0 ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    sqlite3_wal_checkpoint_v2(db, NULL, mode, NULL, NULL);
}
