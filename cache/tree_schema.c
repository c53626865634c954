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
//   ref      where a branch or tag stood
//   commit_  the root node of a commit, and an index of them in the order they were learned
//   memo     what else the callers want to remember, under keys of theirs (tree_memos.c)
//
// A directory's oid is its git tree oid, so a directory that did not change between commits
// is the same node with the same listing, stored once.
//
// node.crc covers what a node says (tree_lookup.c): a flipped bit must not show one file's
// content under another one's name. A repository's row has no checksum, but its unique index
// says all of it again, and the two are compared (tree_repos.c).
#include "cache/tree_schema.h"

#include "cache/cache.h"

#include <stdio.h>

// What a file of version 1 has.
static const char version_1_sql[] =
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
    "INSERT INTO sqlite_sequence VALUES('node', %llu);";

// What version 2 adds. "IF NOT EXISTS": a flipped bit may have made a 1 of the 2.
static const char version_2_sql[] =
    "CREATE TABLE IF NOT EXISTS memo(key TEXT PRIMARY KEY, at INTEGER NOT NULL,"
    " crc INTEGER NOT NULL, value BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS commit_newest ON commit_(repo, root_ino);"
    "PRAGMA user_version=2;";

const char *const tree_statement_sql[TREE_STATEMENTS] = {
    [GET_REPO] = "SELECT id FROM repo WHERE endpoint=?1 AND kind=?2 AND name=?3"
                 " AND fingerprint=?4",
    [ADD_REPO] =
        "INSERT INTO repo(endpoint, kind, name, fingerprint) VALUES(?1, ?2, ?3, ?4)",
    [REPO_OF_ROW] =
        "SELECT kind, name, fingerprint,"
        " (SELECT again.id FROM repo AS again WHERE again.endpoint=repo.endpoint"
        "  AND again.kind=repo.kind AND again.name=repo.name"
        "  AND again.fingerprint=repo.fingerprint)"
        " FROM repo WHERE id=?1 AND endpoint=?2",
    [LIST_REPOS] =
        "SELECT id, name,"
        " (SELECT again.endpoint=?1 AND again.kind=?2 AND again.fingerprint=?3"
        "  AND again.name=repo.name FROM repo AS again WHERE again.id=repo.id)"
        " FROM repo WHERE endpoint=?1 AND kind=?2 AND fingerprint=?3"
        " AND EXISTS(SELECT 1 FROM commit_ CROSS JOIN dir WHERE commit_.repo=repo.id"
        "  AND dir.ino=commit_.root_ino)"
        " ORDER BY name",
    [COUNT_IN_REPO] = "UPDATE repo SET files=files+?2, bytes=bytes+?3 WHERE id=?1",
    [REPO_TOTALS] = "SELECT files, bytes FROM repo WHERE id=?1",
    [GET_REF] = "SELECT sha, checked_at, date, canonical, gated FROM ref WHERE repo=?1"
                " AND name=?2",
    [LIST_REFS] = "SELECT sha, checked_at, date, canonical, gated, name FROM ref"
                  " WHERE repo=?1 ORDER BY name",
    [DELETE_REF] = "DELETE FROM ref WHERE repo=?1 AND name=?2",
    [PUT_REF] = "INSERT OR REPLACE INTO ref VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [GET_COMMIT] = "SELECT root_ino FROM commit_ WHERE repo=?1 AND sha=?2",
    [PUT_COMMIT] = "INSERT OR REPLACE INTO commit_ VALUES(?1, ?2, ?3, ?4)",
    [LIST_COMMITS] = "SELECT " TREE_NODE_COLUMNS ", commit_.sha, commit_.date"
                     " FROM commit_ INDEXED BY commit_newest CROSS JOIN node"
                     " WHERE commit_.repo=?1 AND node.ino=commit_.root_ino"
                     " ORDER BY commit_.root_ino DESC",
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
    // UNION, not UNION ALL: entries that damage made a circle of come to an end.
    [FIND_PARTIAL] =
        "WITH RECURSIVE below(ino) AS (VALUES(?1) UNION SELECT node.ino FROM below"
        "  CROSS JOIN entry INDEXED BY entry_position CROSS JOIN node"
        "  WHERE entry.dir=below.ino AND entry.pos>0 AND node.ino=entry.ino"
        "  AND node.mode=?2)"
        " SELECT ino FROM below WHERE NOT EXISTS"
        " (SELECT 1 FROM dir WHERE dir.ino=below.ino AND dir.complete) LIMIT 1",
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
    [GET_MEMO] = "SELECT at, crc, value FROM memo WHERE key=?1",
    [PUT_MEMO] = "INSERT OR REPLACE INTO memo VALUES(?1, ?2, ?3, ?4)",
};

static enum err make_new(sqlite3 *db, uint64_t ino_first)
{
    char sql[sizeof(version_1_sql) + 32];
    int len =
        snprintf(sql, sizeof(sql), version_1_sql, (unsigned long long)(ino_first - 1));
    return len > 0 && (size_t)len < sizeof(sql) ? sql_exec(db, sql) : ERR_TOO_LARGE;
}

static enum err migrate(sqlite3 *db)
{
    int64_t any = 0;
    enum err err = sql_query_i64(db, "SELECT EXISTS(SELECT 1 FROM commit_)", &any);
    return err ? err : sql_exec(db, version_2_sql); // without that table it is damaged
}

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
    if (version != 1 && tables > 0) {
        return ERR_DAMAGED; // a file of somebody else, or damage
    }
    err = sql_exec(db, "BEGIN IMMEDIATE");
    if (!err && version != 1) {
        err = make_new(db, ino_first);
    }
    err = err ? err : migrate(db);
    return err ? err : sql_exec(db, "COMMIT");
}
