// SPDX-License-Identifier: Apache-2.0
// Connections to tree.db, its transactions, and the numbers that are never given out twice.
//
// Readers take a connection from a pool, ask one autocommit question and give it back. There
// is one writer per process; between processes flock on tree.lock (store_lock.c says why).
// When the disk refuses the file, the store is in memory and has that one connection for
// everything: taking it for reading takes the writer's lock.
//
// Inode numbers: the row id of a node, AUTOINCREMENT from 2^32 on. A file that was damaged and
// begun anew would start there again and give a number of another file to somebody who
// remembers it (an NFS client, a backup's index). So the side file tree.inodes says up to
// where numbers may have been given out; it moves in steps of INO_STEP, before the
// transaction that needs it commits.
#include "cache/tree_state.h"

#include <inttypes.h>
#include <stdio.h>

#define INO_STEP (UINT64_C(1) << 20)
#define INO_STORED_LIMIT (UINT64_C(1) << 62) // bit 62 = local inodes (fs/)
#define TREE_WAL_BYTES_MAX (UINT64_C(4) << 20)
enum { TREE_LOCK_WAIT_MS = 10000 };

enum err tree_conn_open(const char *path, enum sql_open_mode mode, struct tree_conn **out)
{
    struct tree_conn *conn = calloc(1, sizeof(*conn));
    if (!conn) {
        return ERR_NO_MEMORY;
    }
    enum err err = sql_open(path, mode, TREE_SCHEMA_VERSION, &conn->db);
    if (err) {
        free(conn);
        return err;
    }
    *out = conn;
    return ERR_NONE;
}

void tree_conn_free(struct tree_conn *conn)
{
    if (conn) {
        sql_close(conn->db);
        free(conn);
    }
}

static enum err open_reader(struct tree_store *store, struct tree_conn **out)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_conn_open(store->path, SQL_READ, &conn);
    if (err) {
        return err;
    }
    err =
        sql_prepare_all(conn->db, tree_statement_sql, conn->statements, TREE_STATEMENTS);
    if (err) {
        tree_conn_free(conn);
        return err;
    }
    *out = conn;
    return ERR_NONE;
}

// The writer's connection, for reading: of a store in memory, or one whose file was deleted
// while it runs. The analysis cannot see that the lock is held from take to give.
static enum err take_writer(struct tree_store *store,
                            struct tree_conn **out) NO_THREAD_ANALYSIS
{
    lock_acquire(&store->writer_lock);
    *out = store->writer;
    return ERR_NONE;
}

enum err tree_take(struct tree_store *store, struct tree_conn **out) NO_THREAD_ANALYSIS
{
    if (store->in_memory) {
        return take_writer(store, out);
    }
    lock_acquire(&store->pool_lock);
    struct tree_conn *conn = store->idle;
    if (conn) {
        store->idle = conn->next;
    }
    lock_release(&store->pool_lock);
    if (!conn && access(store->path, F_OK) != 0) {
        return take_writer(store, out);
    }
    if (!conn) {
        return tree_note(store, open_reader(store, out));
    }
    *out = conn;
    return ERR_NONE;
}

void tree_give(struct tree_store *store, struct tree_conn *conn) NO_THREAD_ANALYSIS
{
    if (conn == store->writer) {
        lock_release(&store->writer_lock);
        return;
    }
    lock_acquire(&store->pool_lock);
    conn->next = store->idle;
    store->idle = conn;
    lock_release(&store->pool_lock);
}

enum err tree_begin(struct tree_store *store, struct tree_conn **out) NO_THREAD_ANALYSIS
{
    lock_acquire(&store->writer_lock);
    enum err err = ERR_NONE;
    if (!store->in_memory) {
        err = store_lock_take(&store->process_lock, TREE_LOCK_WAIT_MS);
    }
    if (err == ERR_NOT_FOUND && file_make_dirs(store->dir, 0700, NULL) == ERR_NONE) {
        err = store_lock_take(&store->process_lock, TREE_LOCK_WAIT_MS); // it was deleted
    }
    if (!err) {
        err = sql_exec(store->writer->db, "BEGIN IMMEDIATE");
    }
    if (err) {
        store_lock_give(&store->process_lock);
        lock_release(&store->writer_lock);
        return tree_note(store, err);
    }
    *out = store->writer;
    return ERR_NONE;
}

enum err tree_end(struct tree_store *store, struct tree_conn *conn,
                  enum err err) NO_THREAD_ANALYSIS
{
    enum err result = err;
    if (!result) {
        result = sql_exec(conn->db, "COMMIT");
    }
    if (!sqlite3_get_autocommit(conn->db)) {
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
    }
    if (!result && !store->in_memory) {
        sql_checkpoint(conn->db, store->path, TREE_WAL_BYTES_MAX);
    }
    store_lock_give(&store->process_lock);
    lock_release(&store->writer_lock);
    return tree_note(store, result);
}

enum err tree_note(struct tree_store *store, enum err err)
{
    if (err == ERR_DAMAGED && !store->in_memory &&
        !atomic_exchange(&store->suspect, true)) {
        char path[PATH_BYTES_MAX + 32];
        snprintf(path, sizeof(path), "%s/tree.suspect", store->dir);
        log_warn("cache", "%s is damaged; the next mount begins a new one", store->path);
        if (file_replace(path, "", 0, 0600, NULL)) {
            log_warn("cache", "%s cannot be written", path);
        }
    }
    return err;
}

static void floor_path(const char *dir, char *out, size_t size)
{
    snprintf(out, size, "%s/tree.inodes", dir);
}

uint64_t tree_read_ino_floor(const char *dir)
{
    char path[PATH_BYTES_MAX + 32];
    floor_path(dir, path, sizeof(path));
    AUTO(buffer) struct buffer text = buffer_init(64);
    uint64_t floor = 0;
    if (file_read_all(path, NULL, &text) == ERR_NONE) {
        floor = strtoull(buffer_text(&text), NULL, 16);
    }
    return floor < INO_STORED_FIRST || floor >= INO_STORED_LIMIT ? INO_STORED_FIRST
                                                                 : floor;
}

enum err tree_reserve_inos(struct tree_store *store, uint64_t ino)
{
    if (store->in_memory || ino < store->ino_floor) {
        return ERR_NONE;
    }
    uint64_t floor = tree_read_ino_floor(store->dir); // another process may have moved it
    if (ino >= floor) {
        char path[PATH_BYTES_MAX + 32];
        char text[32];
        floor = ino + INO_STEP;
        floor_path(store->dir, path, sizeof(path));
        int len = snprintf(text, sizeof(text), "%" PRIx64 "\n", floor);
        enum err err = file_replace(path, text, (size_t)len, 0600, NULL);
        if (err) {
            return err;
        }
    }
    store->ino_floor = floor;
    return ERR_NONE;
}
