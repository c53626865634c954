// SPDX-License-Identifier: Apache-2.0
// journal.db: its tables, its connection and its statements.
#pragma once

#include "cache/journal_rows.h"

enum { JOURNAL_SCHEMA_VERSION = 1 };

enum journal_statement {
    PUT_INODE,
    GET_INODE,
    DROP_INODE,
    LIST_INODES,
    PUT_NAME,
    DROP_NAME,
    LIST_NAMES,
    PUT_BATCH,
    DROP_BATCH,
    LIST_BATCHES,
    PUT_ITEM,
    DROP_ITEMS,
    LIST_ITEMS,
    FIND_ITEM,
    FIND_COMMITTING,
    PUT_META,
    DROP_META,
    LIST_METAS,
    PUT_SMALL,
    DROP_SMALL,
    DROP_SMALLS,
    LIST_SMALLS,
    JOURNAL_STATEMENTS
};

struct journal_db {
    sqlite3 *db;
    sqlite3_stmt *statements[JOURNAL_STATEMENTS];
    bool is_full;     // the connection flushes at each commit
    bool has_written; // set by each commit that wrote to the WAL
    int wal_frames;   // of the WAL, by the last commit
};

// One connection, never shared between threads at the same time. ERR_NEWER_SCHEMA and
// ERR_DAMAGED leave the files as they are. ERR_ABSENT: there are no tables yet and !may_create.
NODISCARD enum err journal_db_open(const char *path, bool may_create,
                                   struct journal_db *out);
// `tidy`: the WAL goes into the database first.
void journal_db_close(struct journal_db *db, bool tidy);

// Tells db->has_written and ->wal_frames from now on. `db` must not move any more.
void journal_db_watch(struct journal_db *db);
// Whether commits are flushed to the disk. Between transactions.
NODISCARD enum err journal_db_set_full(struct journal_db *db, bool full);

// Runs a statement with these parameters, which returns no rows, and resets it.
NODISCARD enum err journal_db_run(struct journal_db *db, enum journal_statement which,
                                  const struct cell *cells, size_t n);
// The same with the checksum as the last parameter.
NODISCARD enum err journal_db_put(struct journal_db *db, enum journal_statement which,
                                  const struct cell *cells, size_t n);
