// SPDX-License-Identifier: Apache-2.0
// tree.db: its tables and every statement that is used on them.
#pragma once

#include "cache/sqlite_db.h"

// 2: the table memo, the index commit_newest.
enum { TREE_SCHEMA_VERSION = 2 };

// The longest address of a next page that is stored.
enum { TREE_NEXT_MAX = 4096 };

enum tree_statement {
    GET_REPO,
    ADD_REPO,
    REPO_OF_ROW,
    LIST_REPOS,
    COUNT_IN_REPO,
    REPO_TOTALS,
    GET_REF,
    PUT_REF,
    LIST_REFS,
    DELETE_REF,
    GET_COMMIT,
    PUT_COMMIT,
    LIST_COMMITS,
    ADD_NODE,
    FIND_NODE,
    GET_NODE,
    FILL_NODE,
    SET_MTIME,
    GET_DIR,
    PUT_DIR,
    FIND_PARTIAL,
    LOOKUP_ENTRY,
    LIST_ENTRIES,
    ADD_ENTRY,
    FIND_ENTRY,
    DELETE_ENTRY,
    POINT_ENTRY,
    GET_MEMO,
    PUT_MEMO,
    TREE_STATEMENTS,
};

// The columns of a node, in the order tree_take_node() reads them.
#define TREE_NODE_COLUMNS                                                                \
    "node.ino, node.repo, node.path, node.oid, node.mode, node.masked, node.size,"       \
    " node.sha256, node.xet_hash, node.mtime, node.crc"
enum { TREE_NODE_COLUMN_COUNT = 11 };

extern const char *const tree_statement_sql[TREE_STATEMENTS];

// Makes the tables of a new file, whose inode numbers begin at `ino_first`, or brings one of an
// earlier version to this one: in one transaction, so after an error the file is as it was
// once the connection is closed. ERR_DAMAGED: the tables are of somebody else.
NODISCARD enum err tree_make_tables(sqlite3 *db, uint64_t ino_first);
