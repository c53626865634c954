// SPDX-License-Identifier: Apache-2.0
// What both stores need of SQLite: connections set up alike, and its results as enum err.
#pragma once

#include "base/base.h"

#include <sqlite3.h>

// Maps a result code of SQLite. SQLITE_OK, ROW and DONE are ERR_NONE; a damaged file is
// ERR_DAMAGED; what the disk refused has its own error.
enum err sql_err(sqlite3 *db, int rc);

// SQL_READ_ALONE: a file without its -wal and -shm on a disk that takes no new ones. Nobody
// can be writing such a file, so it is read without locks.
enum sql_open_mode { SQL_READ, SQL_READ_ALONE, SQL_WRITE, SQL_CREATE };

// A connection for one thread at a time: WAL, synchronous=NORMAL, no automatic checkpoints
// and none on close (store_lock.c says why). ERR_NEWER_SCHEMA, and the file is not touched,
// when its user_version is greater than `schema_max`.
NODISCARD enum err sql_open(const char *path, enum sql_open_mode mode, int64_t schema_max,
                            sqlite3 **out);
// Finalizes what is left and closes. NULL is fine.
void sql_close(sqlite3 *db);

NODISCARD enum err sql_exec(sqlite3 *db, const char *sql);
// SQL of ours that does not compile means a damaged schema: ERR_DAMAGED.
NODISCARD enum err sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out);

// Prepares statement i of n from texts[i]; on error those made so far stay for sql_close().
NODISCARD enum err sql_prepare_all(sqlite3 *db, const char *const *texts,
                                   sqlite3_stmt **out, size_t n);

// Steps once. ERR_NONE = a row, ERR_ABSENT = done without one.
NODISCARD enum err sql_row(sqlite3_stmt *statement);
// Steps a statement that returns no rows, and resets it.
NODISCARD enum err sql_done(sqlite3_stmt *statement);

// One integer from a one-row query without parameters.
NODISCARD enum err sql_query_i64(sqlite3 *db, const char *sql, int64_t *out);

// Copies a 32-byte or 20-byte column; false when it has another length.
bool sql_column_bytes(sqlite3_stmt *statement, int column, void *out, size_t len);

// PRAGMA quick_check: ERR_NONE or ERR_DAMAGED.
NODISCARD enum err sql_quick_check(sqlite3 *db);

// Copies the WAL into the database when it has more than `wal_bytes`. Call under the store's
// lock. Readers are not waited for, unless `wal_bytes` is 0: then the WAL is emptied.
void sql_checkpoint(sqlite3 *db, const char *path, uint64_t wal_bytes);
