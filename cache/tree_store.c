// SPDX-License-Identifier: Apache-2.0
// The tree store: names. Which entries a directory of a commit has, and which inode number
// each version of each path got. A warm mount answers all lookups from here.
//
//   DIR/tree.db      tables: tree_schema.c      DIR/tree.lock    flock around transactions
//   DIR/tree.users   who has it open            DIR/tree.inodes  numbers that may be taken
//
// A running mount never changes to another file: kernel and users hold numbers from this one.
// A damaged file is therefore only replaced at open; damage met while running is an error of
// that request, and noted in DIR/tree.suspect for the next open. Where the disk refuses the
// file (read-only, full), the store goes on in memory: tree_memory.c.
#include "cache/tree_state.h"

#include <stdio.h>
#include <sys/stat.h>

static void path_in(const struct tree_store *store, const char *name, char *out,
                    size_t size)
{
    snprintf(out, size, "%s/%s", store->dir, name);
}

static void free_store(struct tree_store *store) NO_THREAD_ANALYSIS
{
    while (store->idle) {
        struct tree_conn *conn = store->idle;
        store->idle = conn->next;
        tree_conn_free(conn);
    }
    tree_conn_free(store->writer);
    store_lock_destroy(&store->process_lock);
    lock_destroy(&store->pool_lock);
    lock_destroy(&store->writer_lock);
    free(store->path);
    free(store->dir);
    free(store);
}

static enum err new_store(const char *dir, struct tree_store **out) NO_THREAD_ANALYSIS
{
    struct tree_store *store = calloc(1, sizeof(*store));
    if (!store) {
        return ERR_NO_MEMORY;
    }
    lock_init(&store->pool_lock);
    lock_init(&store->writer_lock);
    store->users.fd = -1;
    store->dir = strdup(dir);
    if (asprintf(&store->path, "%s/tree.db", dir) < 0) {
        store->path = NULL;
    }
    enum err err = store_lock_init(&store->process_lock, dir, "tree.lock");
    if (err || !store->dir || !store->path) {
        free_store(store);
        return ERR_NO_MEMORY;
    }
    *out = store;
    return ERR_NONE;
}

static enum err open_writer(struct tree_store *store) REQUIRES(store->writer_lock)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_conn_open(store->path, SQL_CREATE, &conn);
    if (err) {
        return err;
    }
    err = tree_make_tables(conn->db, store->ino_floor);
    if (!err) {
        err = sql_prepare_all(conn->db, tree_statement_sql, conn->statements,
                              TREE_STATEMENTS);
    }
    if (err) {
        tree_conn_free(conn);
        return err;
    }
    struct stat status;
    if (stat(store->path, &status) == 0) {
        store->device = status.st_dev;
        store->inode = status.st_ino;
    }
    conn->is_writer = true;
    store->writer = conn;
    return ERR_NONE;
}

static void move_aside(struct tree_store *store)
{
    char path[PATH_BYTES_MAX + 32];
    path_in(store, "tree.db.damaged", path, sizeof(path));
    log_warn("cache", "%s is damaged; it was moved to %s and a new one is begun",
             store->path, path);
    if (rename(store->path, path) != 0) {
        unlink(store->path);
    }
    path_in(store, "tree.db-wal", path, sizeof(path));
    unlink(path);
    path_in(store, "tree.db-shm", path, sizeof(path));
    unlink(path);
    path_in(store, "tree.suspect", path, sizeof(path));
    unlink(path);
}

static enum err open_file(struct tree_store *store) REQUIRES(store->writer_lock)
{
    char suspect[PATH_BYTES_MAX + 32];
    struct stat status;
    path_in(store, "tree.suspect", suspect, sizeof(suspect));
    store->ino_floor = tree_read_ino_floor(store->dir);
    bool is_suspect = stat(suspect, &status) == 0;
    enum err err = is_suspect ? ERR_DAMAGED : open_writer(store);
    if (!err && store->users.was_unclean) {
        err = sql_quick_check(store->writer->db);
        if (err) {
            tree_conn_free(store->writer);
            store->writer = NULL;
        }
    }
    if (err == ERR_DAMAGED) {
        move_aside(store);
        err = open_writer(store);
    }
    return err;
}

static enum err open_on_disk(struct tree_store *store, struct why *why)
    REQUIRES(store->writer_lock)
{
    enum err err = file_make_dirs(store->dir, 0700, why);
    err = err ? err : store_users_enter(store->dir, "tree.users", &store->users);
    err = err ? err : store_lock_take(&store->process_lock, 10000);
    if (err) {
        return err;
    }
    err = open_file(store);
    store_lock_give(&store->process_lock);
    return err;
}

enum err
tree_store_open(const char *dir, struct why *why,
                struct tree_store **out) NO_THREAD_ANALYSIS // nobody else has it yet
{
    struct tree_store *store = NULL;
    enum err err = new_store(dir, &store);
    if (err) {
        return why_set(why, err, "cannot open %s/tree.db: %s", dir, err_sentence(err));
    }
    err = open_on_disk(store, NULL);
    if (err == ERR_NEWER_SCHEMA) {
        why_set(why, err,
                "%s was written by a newer hugfs; use that one, or another cache_dir, or "
                "delete "
                "the file",
                store->path);
    } else if (err && err != ERR_NO_MEMORY) {
        store_users_leave(&store->users, false);
        err = tree_open_in_memory(store, err);
    }
    if (err && err != ERR_NEWER_SCHEMA) {
        why_set(why, err, "cannot open %s: %s", store->path, err_sentence(err));
    }
    if (err) {
        store_users_leave(&store->users, false);
        free_store(store);
        return err;
    }
    *out = store;
    return ERR_NONE;
}

void tree_store_close(struct tree_store *store)
    NO_THREAD_ANALYSIS // nobody else has it any more
{
    if (!store) {
        return;
    }
    bool in_memory = atomic_load(&store->in_memory);
    bool clean = !in_memory && !atomic_load(&store->suspect);
    if (!in_memory && store_lock_take(&store->process_lock, 1000) == ERR_NONE) {
        sql_checkpoint(store->writer->db, store->path, 0);
        store_lock_give(&store->process_lock);
    }
    store_users_leave(&store->users, clean);
    free_store(store);
}
