// SPDX-License-Identifier: Apache-2.0
// What a tree store is made of. Private to cache/; the files that share it:
//
//   tree_store.c   open, close                tree_db.c       connections, inode numbers
//   tree_schema.c  tables, statements         tree_memory.c   where the disk refuses
//   tree_pages.c   listings come in           tree_lookup.c   questions
//   tree_modes.c   what a git tree tells      tree_folders.c  whole folders
//   tree_repos.c   repositories               tree_refs.c     branches and tags
//   tree_roots.c   commits and their times    tree_memos.c    what else is to remember
#pragma once

#include "cache/cache.h"
#include "cache/sqlite_db.h"
#include "cache/store_lock.h"
#include "cache/tree_schema.h"

#include <stdatomic.h>

struct tree_conn {
    struct tree_conn *next;
    bool is_writer; // of a pool otherwise
    sqlite3 *db;
    sqlite3_stmt *statements[TREE_STATEMENTS];
};

struct tree_store {
    char *dir;
    char *path;   // tree.db
    dev_t device; // of the file that was opened, which another may replace
    ino_t inode;
    // The disk refused the file: one connection, for reading too. Set under writer_lock,
    // never cleared.
    _Atomic bool in_memory;
    struct store_users users;
    _Atomic bool suspect; // damage was met; noted for the next open

    struct lock pool_lock;
    struct tree_conn *idle GUARDED_BY(pool_lock);

    // The one writer of this process; taken before the lock between processes.
    struct lock writer_lock;
    struct tree_conn *writer GUARDED_BY(writer_lock);
    struct store_lock process_lock GUARDED_BY(writer_lock);
    uint64_t ino_floor GUARDED_BY(writer_lock); // numbers below it are reserved on disk
    bool is_stuck GUARDED_BY(writer_lock); // moving to memory failed: not tried again
};

// ---- tree_db.c
NODISCARD enum err tree_conn_open(const char *path, enum sql_open_mode mode,
                                  struct tree_conn **out);
void tree_conn_free(struct tree_conn *conn);

// A connection for one question; give it back with its statements reset.
NODISCARD enum err tree_take(struct tree_store *store, struct tree_conn **out);
void tree_give(struct tree_store *store, struct tree_conn *conn);

// A change of the store, called in a transaction on the writer's connection and with its
// lock. It may be called twice: the first transaction is rolled back when the disk refuses it.
typedef enum err (*tree_change_fn)(struct tree_store *store, struct tree_conn *conn,
                                   void *change);
// Makes a change, all of it or nothing: on disk, or in memory from the moment on when the disk
// refuses one.
NODISCARD enum err tree_write(struct tree_store *store, tree_change_fn make,
                              void *change);

// Numbers up to `ino` are about to be committed: makes sure that no later tree.db gives them
// out again. ERR_DAMAGED when they have grown out of their range.
NODISCARD enum err tree_reserve_inos(struct tree_store *store, uint64_t ino)
    REQUIRES(store->writer_lock);
// What the side file says; INO_STORED_FIRST when there is none.
uint64_t tree_read_ino_floor(const char *dir);

// Passes an error on; damage is noted on disk, so that the next open begins anew.
enum err tree_note(struct tree_store *store, enum err err);

// ---- tree_memory.c
// Makes the writer's connection one to a database in memory, with all that tree.db has where
// that can be read and is not too much. For a store that is being opened.
NODISCARD enum err tree_open_in_memory(struct tree_store *store, enum err because)
    REQUIRES(store->writer_lock);
// The same for a store in use, which must not forget what it has told: when not everything
// can be taken along the store stays as it is, and that is an error.
NODISCARD enum err tree_move_to_memory(struct tree_store *store, enum err because)
    REQUIRES(store->writer_lock);

// ---- tree_lookup.c
// Fills a node from columns `at`.. of a statement (TREE_NODE_COLUMNS); ERR_DAMAGED when the
// row's checksum does not match, or its number is none.
NODISCARD enum err tree_take_node(sqlite3_stmt *statement, int at, struct tree_node *out);
NODISCARD enum err tree_get_node(struct tree_conn *conn, uint64_t ino,
                                 struct tree_node *out, char **out_path);
// The node of an entry; ERR_ABSENT when the directory has none of that name (so far).
NODISCARD enum err tree_find_entry(struct tree_conn *conn, uint64_t dir_ino,
                                   const char *name, size_t name_len,
                                   struct tree_node *out);
// Copies a column's text with its NUL; false when it does not fit or has a NUL inside.
bool tree_take_text(sqlite3_stmt *statement, int column, char *out, size_t size);
uint32_t tree_node_checksum(const struct tree_node *node, const void *path,
                            size_t path_len);
