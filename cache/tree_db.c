// SPDX-License-Identifier: Apache-2.0
// Connections to tree.db, its transactions, and the numbers that are never given out twice.
//
// Readers take a connection from a pool, ask one autocommit question and give it back. There
// is one writer per process; between processes flock on tree.lock (store_lock.c says why).
// When the disk refuses the file, the store is in memory (tree_memory.c) and has that one
// connection for everything: taking it for reading takes the writer's lock.
//
// Inode numbers: the row id of a node, AUTOINCREMENT from 2^32 on. A file that was damaged and
// begun anew would start there again and give a number of another file to somebody who
// remembers it (an NFS client, a backup's index). So the side file tree.inodes says up to
// where numbers may have been given out; it moves in steps of INO_STEP, before the
// transaction that needs it commits.
#include "cache/tree_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define INO_STEP (UINT64_C(1) << 20)
// Where numbers of the file end; those made in memory follow (tree_memory.c).
#define INO_STORED_LIMIT (UINT64_C(1) << (INO_STORED_BITS - 1))
#define INO_LIMIT (UINT64_C(1) << INO_STORED_BITS)
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
// or replaced while it runs. The analysis cannot see that the lock is held from take to give.
static enum err take_writer(struct tree_store *store,
                            struct tree_conn **out) NO_THREAD_ANALYSIS
{
    lock_acquire(&store->writer_lock);
    *out = store->writer;
    return ERR_NONE;
}

// Another process that found the cache deleted begins a new file, with numbers that this one has given
// out already.
static bool is_our_file(const struct tree_store *store)
{
    struct stat status;
    return stat(store->path, &status) == 0 && status.st_dev == store->device &&
           status.st_ino == store->inode;
}

enum err tree_take(struct tree_store *store, struct tree_conn **out) NO_THREAD_ANALYSIS
{
    if (atomic_load(&store->in_memory)) {
        return take_writer(store, out);
    }
    lock_acquire(&store->pool_lock);
    struct tree_conn *conn = store->idle;
    if (conn) {
        store->idle = conn->next;
    }
    lock_release(&store->pool_lock);
    enum err err = ERR_NONE;
    if (!conn && is_our_file(store)) {
        err = tree_note(store, open_reader(store, &conn));
        if (!err && !is_our_file(store)) {
            tree_conn_free(STEAL_POINTER(conn));
        }
    }
    if (!err && !conn) {
        return take_writer(store, out);
    }
    *out = conn;
    return err;
}

void tree_give(struct tree_store *store, struct tree_conn *conn) NO_THREAD_ANALYSIS
{
    if (conn->is_writer) {
        lock_release(&store->writer_lock);
        return;
    }
    lock_acquire(&store->pool_lock);
    conn->next = store->idle;
    store->idle = conn;
    lock_release(&store->pool_lock);
}

// ------------------------------------------------------------------------------- changes

static enum err lock_out_processes(struct tree_store *store) REQUIRES(store->writer_lock)
{
    if (atomic_load(&store->in_memory)) {
        return ERR_NONE;
    }
    enum err err = store_lock_take(&store->process_lock, TREE_LOCK_WAIT_MS);
    if (err == ERR_NOT_FOUND && file_make_dirs(store->dir, 0700, NULL) == ERR_NONE) {
        err = store_lock_take(&store->process_lock, TREE_LOCK_WAIT_MS); // it was deleted
    }
    return err;
}

static enum err write_once(struct tree_store *store, tree_change_fn make, void *change)
    REQUIRES(store->writer_lock)
{
    enum err err = lock_out_processes(store);
    if (err) {
        return err;
    }
    sqlite3 *db = store->writer->db;
    err = sql_exec(db, "BEGIN IMMEDIATE");
    err = err ? err : make(store, store->writer, change);
    err = err ? err : sql_exec(db, "COMMIT");
    if (!sqlite3_get_autocommit(db)) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    if (!err && !atomic_load(&store->in_memory)) {
        sql_checkpoint(db, store->path, TREE_WAL_BYTES_MAX);
    }
    store_lock_give(&store->process_lock);
    return err;
}

// Whether an error is the disk's and not the question's.
static bool is_of_disk(enum err err)
{
    return err == ERR_NO_SPACE || err == ERR_READ_ONLY || err == ERR_ACCESS ||
           err == ERR_NOT_FOUND || err == ERR_SYSTEM;
}

enum err tree_write(struct tree_store *store, tree_change_fn make, void *change)
{
    lock_acquire(&store->writer_lock);
    enum err err = write_once(store, make, change);
    if (is_of_disk(err) && tree_move_to_memory(store, err) == ERR_NONE) {
        err = write_once(store, make, change);
    }
    lock_release(&store->writer_lock);
    return tree_note(store, err);
}

enum err tree_note(struct tree_store *store, enum err err)
{
    if (err == ERR_DAMAGED && !atomic_load(&store->in_memory) &&
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
    bool in_memory = atomic_load(&store->in_memory);
    if (ino >= (in_memory ? INO_LIMIT : INO_STORED_LIMIT)) {
        return ERR_DAMAGED; // nobody makes that many: a row's number was changed
    }
    if (in_memory || ino < store->ino_floor) {
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
