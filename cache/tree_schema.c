// SPDX-License-Identifier: Apache-2.0
// The tables of tree.db.
//
//   repo     a repository as seen with one credential, and sums over its files for statfs
//   node     one version of one path: (repo, path, oid, mode). Immutable, so its row id is an
//            inode number for ever; AUTOINCREMENT never gives one out twice
//   dir      how far a directory node is listed
//   entry    its listing. pos is the order of arrival and the readdir cookie; a negative pos is
//            an entry that was asked for by name before its page came. The table is in order
//            of names, its index in order of positions with the number beside: a lookup and a
//            listing each go through two B-trees, this one and the one of nodes
//   ref      where a branch or tag stood;  commit_   the root node of a commit
//
// A directory's oid is its git tree oid, so a directory that did not change between commits
// is the same node with the same listing, stored once.
//
// node.crc covers what a node says (tree_lookup.c): a flipped bit must not show one file's
// content under another one's name.
#include "cache/tree_schema.h"

#include "cache/cache.h"

#include <stdio.h>

static const char schema_sql[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE repo(id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, kind INTEGER NOT "
    "NULL,"
    " name TEXT NOT NULL, fingerprint TEXT NOT NULL, files INTEGER NOT NULL DEFAULT 0,"
    " bytes INTEGER NOT NULL DEFAULT 0, UNIQUE(endpoint, kind, name, fingerprint));"
    "CREATE TABLE node(ino INTEGER PRIMARY KEY AUTOINCREMENT, repo INTEGER NOT NULL,"
    " path BLOB NOT NULL, oid BLOB NOT NULL, mode INTEGER NOT NULL, masked INTEGER NOT "
    "NULL,"
    " size INTEGER NOT NULL, sha256 BLOB, xet_hash BLOB, mtime INTEGER NOT NULL,"
    " crc INTEGER NOT NULL, UNIQUE(repo, path, oid, mode));"
    "CREATE TABLE dir(ino INTEGER PRIMARY KEY, complete INTEGER NOT NULL,"
    " entries INTEGER NOT NULL, next_page TEXT);"
    "CREATE TABLE entry(dir INTEGER, name BLOB, pos INTEGER NOT NULL, ino INTEGER NOT "
    "NULL,"
    " PRIMARY KEY(dir, name)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX entry_position ON entry(dir, pos, ino);"
    "CREATE TABLE ref(repo INTEGER, name TEXT, sha BLOB NOT NULL, checked_at INTEGER NOT "
    "NULL,"
    " date INTEGER NOT NULL, canonical TEXT NOT NULL, gated INTEGER NOT NULL,"
    " PRIMARY KEY(repo, name)) WITHOUT ROWID;"
    "CREATE TABLE commit_(repo INTEGER, sha BLOB, root_ino INTEGER NOT NULL,"
    " date INTEGER NOT NULL, PRIMARY KEY(repo, sha)) WITHOUT ROWID;"
    "INSERT INTO sqlite_sequence VALUES('node', %llu);"
    "PRAGMA user_version=1;"
    "COMMIT;";

const char *const tree_statement_sql[TREE_STATEMENTS] = {
    [GET_REPO] = "SELECT id FROM repo WHERE endpoint=?1 AND kind=?2 AND name=?3"
                 " AND fingerprint=?4",
    [ADD_REPO] =
        "INSERT INTO repo(endpoint, kind, name, fingerprint) VALUES(?1, ?2, ?3, ?4)",
    [COUNT_IN_REPO] = "UPDATE repo SET files=files+?2, bytes=bytes+?3 WHERE id=?1",
    [REPO_TOTALS] = "SELECT files, bytes FROM repo WHERE id=?1",
    [GET_REF] = "SELECT sha, checked_at, date, canonical, gated FROM ref WHERE repo=?1 "
                "AND name=?2",
    [PUT_REF] = "INSERT OR REPLACE INTO ref VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [GET_COMMIT] = "SELECT root_ino FROM commit_ WHERE repo=?1 AND sha=?2",
    [PUT_COMMIT] = "INSERT OR REPLACE INTO commit_ VALUES(?1, ?2, ?3, ?4)",
    [ADD_NODE] =
        "INSERT INTO node(repo, path, oid, mode, masked, size, sha256, xet_hash, mtime,"
        " crc) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT(repo, path, oid, mode) DO NOTHING",
    [FIND_NODE] =
        "SELECT " TREE_NODE_COLUMNS " FROM node WHERE repo=?1 AND path=?2 AND oid=?3"
        " AND mode=?4",
    [GET_NODE] = "SELECT " TREE_NODE_COLUMNS " FROM node WHERE ino=?1",
    [FILL_NODE] = "UPDATE node SET masked=?2, size=?3, sha256=?4, xet_hash=?5, crc=?6"
                  " WHERE ino=?1",
    [SET_MTIME] = "UPDATE node SET mtime=?2 WHERE ino=?1 AND mtime=-1",
    [GET_DIR] = "SELECT complete, entries, next_page FROM dir WHERE ino=?1",
    [PUT_DIR] = "INSERT OR REPLACE INTO dir VALUES(?1, ?2, ?3, ?4)",
    [LOOKUP_ENTRY] = "SELECT " TREE_NODE_COLUMNS " FROM entry CROSS JOIN node"
                     " WHERE entry.dir=?1 AND entry.name=?2 AND node.ino=entry.ino",
    [LIST_ENTRIES] = "SELECT " TREE_NODE_COLUMNS ", entry.pos, entry.name FROM entry"
                     " CROSS JOIN node WHERE entry.dir=?1 AND entry.pos>?2"
                     " AND node.ino=entry.ino ORDER BY entry.pos",
    [ADD_ENTRY] = "INSERT INTO entry(dir, pos, name, ino) VALUES(?1, ?2, ?3, ?4) ON "
                  "CONFLICT(dir, name) DO NOTHING",
    [FIND_ENTRY] = "SELECT pos, ino FROM entry WHERE dir=?1 AND name=?2",
    [DELETE_ENTRY] = "DELETE FROM entry WHERE dir=?1 AND pos=?2",
    [POINT_ENTRY] = "UPDATE entry SET ino=?3 WHERE dir=?1 AND name=?2",
};

enum err tree_make_tables(sqlite3 *db, uint64_t ino_first)
{
    int64_t version = 0;
    int64_t tables = 0;
    enum err err = sql_query_i64(db, "PRAGMA user_version", &version);
    if (!err) {
        err = sql_query_i64(db, "SELECT count(*) FROM sqlite_schema", &tables);
    }
    if (err || version == TREE_SCHEMA_VERSION) {
        return err;
    }
    if (tables > 0) {
        return ERR_DAMAGED; // a file of somebody else, or damage
    }
    char sql[sizeof(schema_sql) + 32];
    int len = snprintf(sql, sizeof(sql), schema_sql, (unsigned long long)(ino_first - 1));
    return len > 0 && (size_t)len < sizeof(sql) ? sql_exec(db, sql) : ERR_TOO_LARGE;
}
