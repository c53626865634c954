// SPDX-License-Identifier: Apache-2.0
// Where the disk refuses tree.db (read-only, full, somebody else's), the tree is kept in memory:
// the mount goes on listing, and what it learns from then on is forgotten at its end.
//
//   at open       what tree.db has is copied when it can be read, so a cache on a read-only
//                 disk still answers; else the tree begins empty
//   while in use  everything is copied, because kernel and users hold inode numbers from
//                 there. Readers that have a connection to the file finish with it
//
// There is no way back while the store is open: other processes go on in the file and would
// give out the numbers that this one has given out. For the same reason numbers made in memory
// begin above all that a file can reach, at a random one of 2048 places: that a number which
// somebody remembers comes to mean another file at a later mount is unlikely.
#include "cache/tree_state.h"

#include <stdio.h>

// A tree larger than this is not taken along: about 800,000 files.
#define TREE_MEMORY_MAX (INT64_C(256) << 20)

// The upper half of all stored numbers; tree_db.c keeps those of the file below it.
#define INO_MEMORY_FIRST (UINT64_C(1) << (INO_STORED_BITS - 1))
#define INO_MEMORY_STEP (UINT64_C(1) << 32)

static uint64_t random_first_ino(void)
{
    uint64_t place = random_below(INO_MEMORY_FIRST / INO_MEMORY_STEP);
    return INO_MEMORY_FIRST + place * INO_MEMORY_STEP;
}

static enum err copy_all(sqlite3 *from, sqlite3 *to)
{
    int64_t pages = 0;
    int64_t page_bytes = 0;
    enum err err = sql_query_i64(from, "PRAGMA page_count", &pages);
    err = err ? err : sql_query_i64(from, "PRAGMA page_size", &page_bytes);
    if (err || page_bytes <= 0 || pages > TREE_MEMORY_MAX / page_bytes) {
        return err ? err : ERR_NO_MEMORY; // more of it than we take
    }
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup) {
        return sql_err(to, sqlite3_extended_errcode(to));
    }
    sqlite3_backup_step(backup, -1);
    return sql_err(to, sqlite3_backup_finish(backup));
}

static enum err raise_first_ino(sqlite3 *db, uint64_t first)
{
    sqlite3_stmt *statement = NULL;
    enum err err =
        sql_prepare(db, "UPDATE sqlite_sequence SET seq=? WHERE name='node'", &statement);
    if (!err) {
        sqlite3_bind_int64(statement, 1, (int64_t)first - 1);
        err = sql_done(statement);
    }
    sqlite3_finalize(statement);
    return err;
}

// A database in memory with what `from` has, or an empty one when that is NULL.
static enum err open_copy(sqlite3 *from, struct tree_conn **out)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_conn_open(":memory:", SQL_CREATE, &conn);
    if (err) {
        return err;
    }
    uint64_t first = random_first_ino();
    if (from) {
        err = copy_all(from, conn->db);
    }
    err = err ? err : tree_make_tables(conn->db, first); // the file may be of version 1
    err = err ? err : raise_first_ino(conn->db, first);
    err = err ? err
              : sql_prepare_all(conn->db, tree_statement_sql, conn->statements,
                                TREE_STATEMENTS);
    if (err) {
        tree_conn_free(conn);
        return err;
    }
    conn->is_writer = true;
    *out = conn;
    return ERR_NONE;
}

// What the file has, where it is sound and can be read at least.
static enum err open_copy_of_file(const char *path, struct tree_conn **out)
{
    char wal[PATH_BYTES_MAX + 8];
    struct tree_conn *file = NULL;
    struct tree_conn *copy = NULL;
    snprintf(wal, sizeof(wal), "%s-wal", path);
    bool is_alone = access(wal, F_OK) != 0;
    enum err err = tree_conn_open(path, is_alone ? SQL_READ_ALONE : SQL_READ, &file);
    err = err ? err : open_copy(file->db, &copy);
    tree_conn_free(file);
    err = err ? err : sql_quick_check(copy->db);
    if (err) {
        tree_conn_free(copy);
        return err;
    }
    *out = copy;
    return ERR_NONE;
}

enum err tree_open_in_memory(struct tree_store *store, enum err because)
{
    bool has_file = open_copy_of_file(store->path, &store->writer) == ERR_NONE;
    log_warn("cache",
             "%s cannot be %s (%s); listings are kept in memory and forgotten at "
             "the end",
             store->path, has_file ? "written" : "used", err_sentence(because));
    atomic_store(&store->in_memory, true);
    return has_file ? ERR_NONE : open_copy(NULL, &store->writer);
}

enum err tree_move_to_memory(struct tree_store *store, enum err because)
{
    if (store->is_stuck || atomic_load(&store->in_memory)) {
        return because;
    }
    struct tree_conn *copy = NULL;
    enum err err = open_copy(store->writer->db, &copy);
    if (err) {
        store->is_stuck = true;
        log_warn(
            "cache",
            "%s cannot be written (%s) nor be moved to memory (%s); folders that were "
            "not listed before cannot be listed",
            store->path, err_sentence(because), err_sentence(err));
        return err;
    }
    log_warn(
        "cache",
        "%s cannot be written any more (%s); going on in memory: what is listed from "
        "now on is forgotten at the end",
        store->path, err_sentence(because));
    tree_conn_free(store->writer);
    store->writer = copy;
    atomic_store(&store->in_memory, true);
    return ERR_NONE;
}
