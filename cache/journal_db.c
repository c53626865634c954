// SPDX-License-Identifier: Apache-2.0
// The tables of journal.db. Each row ends with a checksum of the columns before it.
//
//   inode   a file or directory that differs from the base tree, with its one or two layers
//   name    what a directory's name leads to; inode 0 is a whiteout
//   batch   a commit that is being made, and batch_item what it consists of
//   small   the bytes of a sealed layer that is too small for a flush of its own. They are in
//           the staging file too, where a power cut may take them; the next open puts them back
//   meta    what else fs/ wants to remember
//
// WAL with locking_mode=EXCLUSIVE from before the first access: the index of the WAL is in
// memory, so a full disk can't make a SIGBUS of it, and a durable commit is one flush. The
// bug that corrupts a WAL (store_lock.c) needs two connections; there is one.
#include "cache/journal_db.h"

#include <fcntl.h>

static const char tables_sql[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE inode(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
    " not_before_s INTEGER NOT NULL, tries INTEGER NOT NULL,"
    " number INTEGER NOT NULL, state INTEGER NOT NULL, generation INTEGER NOT NULL,"
    " size INTEGER NOT NULL, below_valid INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
    " ranges BLOB NOT NULL,"
    " flight_number INTEGER NOT NULL, flight_state INTEGER NOT NULL,"
    " flight_generation INTEGER NOT NULL, flight_size INTEGER NOT NULL,"
    " flight_below_valid INTEGER NOT NULL, flight_mtime_ns INTEGER NOT NULL,"
    " flight_ranges BLOB NOT NULL,"
    " base BLOB NOT NULL, path TEXT NOT NULL, error TEXT NOT NULL, crc INTEGER NOT NULL);"
    "CREATE TABLE name(dir INTEGER, name BLOB, inode INTEGER NOT NULL, extra BLOB,"
    " crc INTEGER NOT NULL, PRIMARY KEY(dir, name)) WITHOUT ROWID;"
    "CREATE TABLE batch(id TEXT NOT NULL UNIQUE, parent BLOB NOT NULL,"
    " state INTEGER NOT NULL, description TEXT NOT NULL, at_s INTEGER NOT NULL,"
    " crc INTEGER NOT NULL);"
    "CREATE TABLE batch_item(batch TEXT, position INTEGER, op INTEGER NOT NULL,"
    " path BLOB NOT NULL, inode INTEGER NOT NULL, generation INTEGER NOT NULL,"
    " extra BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(batch, position))"
    " WITHOUT ROWID;"
    "CREATE INDEX item_inode ON batch_item(inode, generation);"
    "CREATE TABLE small(inode INTEGER, number INTEGER, ranges BLOB NOT NULL,"
    " bytes BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(inode, number));"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL);"
    "PRAGMA user_version=1;"
    "COMMIT;";

static const char put_inode_sql[] =
    "INSERT OR REPLACE INTO inode VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
    " ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";
// Keeps the row's place: batches are listed in the order in which they were made.
static const char put_batch_sql[] =
    "INSERT INTO batch VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(id) DO"
    " UPDATE SET parent=?2, state=?3, description=?4, at_s=?5, crc=?6";
static const char find_item_sql[] =
    "SELECT 1 FROM batch_item JOIN batch ON batch.id=batch_item.batch"
    " WHERE inode=?1 AND generation=?2 AND length(batch.parent)>0";
// A layer that is COMMITTING in batch ?1 and in no other one.
static const char find_committing_sql[] =
    "SELECT 1 FROM batch_item AS item JOIN inode ON inode.id=item.inode"
    " WHERE item.batch=?1 AND ((inode.generation=item.generation AND inode.state=5)"
    "  OR (inode.flight_generation=item.generation AND inode.flight_state=5"
    "   AND inode.flight_number>0))"
    " AND NOT EXISTS(SELECT 1 FROM batch_item AS other WHERE other.inode=item.inode"
    "  AND other.generation=item.generation AND other.batch<>?1)";
static const char *const statement_sql[JOURNAL_STATEMENTS] = {
    [PUT_INODE] = put_inode_sql,
    [GET_INODE] = "SELECT * FROM inode WHERE id=?1",
    [DROP_INODE] = "DELETE FROM inode WHERE id=?1",
    [LIST_INODES] = "SELECT * FROM inode ORDER BY id",
    [PUT_NAME] = "INSERT INTO name VALUES(?1, ?2, ?3, ?4, ?5)",
    [DROP_NAME] = "DELETE FROM name WHERE dir=?1 AND name=?2",
    [LIST_NAMES] = "SELECT * FROM name",
    [PUT_BATCH] = put_batch_sql,
    [DROP_BATCH] = "DELETE FROM batch WHERE id=?1",
    [LIST_BATCHES] = "SELECT * FROM batch ORDER BY rowid",
    [PUT_ITEM] = "INSERT INTO batch_item VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [DROP_ITEMS] = "DELETE FROM batch_item WHERE batch=?1",
    [LIST_ITEMS] = "SELECT * FROM batch_item WHERE batch=?1 ORDER BY position",
    [FIND_ITEM] = find_item_sql,
    [FIND_COMMITTING] = find_committing_sql,
    [PUT_META] = "INSERT OR REPLACE INTO meta VALUES(?1, ?2, ?3)",
    [DROP_META] = "DELETE FROM meta WHERE key=?1",
    [LIST_METAS] = "SELECT * FROM meta ORDER BY key",
    [PUT_SMALL] = "INSERT OR REPLACE INTO small VALUES(?1, ?2, ?3, ?4, ?5)",
    [DROP_SMALL] = "DELETE FROM small WHERE inode=?1 AND number=?2",
    [DROP_SMALLS] = "DELETE FROM small WHERE inode=?1",
    [LIST_SMALLS] = "SELECT * FROM small",
};

static enum err check_tables(struct journal_db *db, bool may_create, bool *out_is_new)
{
    int64_t version = 0;
    int64_t tables = 0;
    enum err err = sql_query_i64(db->db, "PRAGMA user_version", &version);
    if (err || version > JOURNAL_SCHEMA_VERSION) {
        return err ? err : ERR_NEWER_SCHEMA;
    }
    err = sql_query_i64(db->db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (err || version == JOURNAL_SCHEMA_VERSION) {
        return err ? err : sql_quick_check(db->db);
    }
    if (tables > 0) {
        return ERR_DAMAGED; // of somebody else, or a flipped bit
    }
    *out_is_new = true;
    return may_create ? ERR_NONE : ERR_ABSENT;
}

static enum err set_up(struct journal_db *db, bool may_create)
{
    sqlite3_extended_result_codes(db->db, 1);
    sqlite3_db_config(db->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(db->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    enum err err = sql_exec(db->db, "PRAGMA locking_mode=EXCLUSIVE");
    bool is_new = false;
    err = err ? err : check_tables(db, may_create, &is_new);
    if (err) {
        return err;
    }
    if (sqlite3_db_readonly(db->db, "main") == 1) {
        return ERR_READ_ONLY;
    }
    err = sql_exec(db->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                           "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-4096;"
                           "PRAGMA temp_store=MEMORY;");
    db->is_full = true;
    if (!err && is_new) {
        err = sql_exec(db->db, tables_sql);
    }
    return err ? err
               : sql_prepare_all(db->db, statement_sql, db->statements,
                                 JOURNAL_STATEMENTS);
}

// For its owner alone from birth; the WAL inherits the mode. Closed before SQLite comes:
// closing it later would drop SQLite's locks. Errors are for SQLite to tell.
static void make_private(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    (void)fd;
}

enum err journal_db_open(const char *path, bool may_create, struct journal_db *out)
{
    struct journal_db db = {0};
    make_private(path);
    int rc = sqlite3_open_v2(
        path, &db.db, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW,
        NULL);
    enum err err = sql_err(db.db, rc);
    err = err ? err : set_up(&db, may_create);
    if (err) {
        sql_close(db.db);
        return err;
    }
    *out = db;
    return ERR_NONE;
}

void journal_db_close(struct journal_db *db, bool tidy)
{
    for (size_t i = 0; i < JOURNAL_STATEMENTS; i++) {
        sqlite3_finalize(db->statements[i]);
    }
    if (tidy) {
        sqlite3_wal_checkpoint_v2(db->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    sql_close(db->db);
    *db = (struct journal_db){0};
}

static int on_commit(void *ctx, sqlite3 *db, const char *name, int frames)
{
    (void)db;
    (void)name;
    struct journal_db *journal = ctx;
    journal->has_written = true;
    journal->wal_frames = frames;
    return SQLITE_OK;
}

void journal_db_watch(struct journal_db *db)
{
    sqlite3_wal_hook(db->db, on_commit, db);
}

enum err journal_db_set_full(struct journal_db *db, bool full)
{
    if (db->is_full == full) {
        return ERR_NONE;
    }
    enum err err =
        sql_exec(db->db, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    db->is_full = err ? db->is_full : full;
    return err;
}

static enum err run_bound(sqlite3_stmt *statement)
{
    enum err err = sql_done(statement);
    sqlite3_clear_bindings(statement);
    return err;
}

enum err journal_db_run(struct journal_db *db, enum journal_statement which,
                        const struct cell *cells, size_t n)
{
    row_bind_plain(db->statements[which], cells, n);
    return run_bound(db->statements[which]);
}

enum err journal_db_put(struct journal_db *db, enum journal_statement which,
                        const struct cell *cells, size_t n)
{
    row_bind(db->statements[which], cells, n);
    return run_bound(db->statements[which]);
}
