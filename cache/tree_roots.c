// SPDX-License-Identifier: Apache-2.0
// Commits: their root nodes, and the times that come from them.
#include "cache/tree_state.h"

enum { ROOT_MODE = ENTRY_DIRECTORY };

static enum err get_root(struct tree_conn *conn, int64_t repo, const struct oid *commit,
                         uint64_t *out)
{
    sqlite3_stmt *statement = conn->statements[GET_COMMIT];
    sqlite3_bind_int64(statement, 1, repo);
    sqlite3_bind_blob(statement, 2, commit->bytes, sizeof(commit->bytes), SQLITE_STATIC);
    enum err err = sql_row(statement);
    if (!err) {
        *out = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    sqlite3_reset(statement);
    return err;
}

static enum err make_root_node(struct tree_conn *conn, int64_t repo,
                               const struct oid *commit, int64_t date_s,
                               uint64_t *out_ino)
{
    struct tree_node node = {.repo = repo, .kind = ENTRY_DIRECTORY, .oid = *commit};
    sqlite3_stmt *statement = conn->statements[ADD_NODE];
    sqlite3_bind_int64(statement, 1, repo);
    sqlite3_bind_zeroblob(statement, 2, 0);
    sqlite3_bind_blob(statement, 3, commit->bytes, sizeof(commit->bytes), SQLITE_STATIC);
    sqlite3_bind_int(statement, 4, ROOT_MODE);
    sqlite3_bind_int(statement, 5, 0);
    sqlite3_bind_int64(statement, 6, 0);
    sqlite3_bind_null(statement, 7);
    sqlite3_bind_null(statement, 8);
    sqlite3_bind_int64(statement, 9, date_s);
    sqlite3_bind_int64(statement, 10, tree_node_checksum(&node, "", 0));
    enum err err = sql_done(statement);
    *out_ino = (uint64_t)sqlite3_last_insert_rowid(conn->db);
    return err;
}

struct root {
    int64_t repo;
    const struct oid *commit;
    int64_t date_s;
    uint64_t ino;
};

static enum err make_root(struct tree_store *store, struct tree_conn *conn, void *change)
    REQUIRES(store->writer_lock)
{
    struct root *root = change;
    // Another one may have been faster.
    enum err err = get_root(conn, root->repo, root->commit, &root->ino);
    if (err != ERR_ABSENT) {
        return err;
    }
    err = make_root_node(conn, root->repo, root->commit, root->date_s, &root->ino);
    if (err) {
        return err;
    }
    sqlite3_stmt *statement = conn->statements[PUT_COMMIT];
    sqlite3_bind_int64(statement, 1, root->repo);
    sqlite3_bind_blob(statement, 2, root->commit->bytes, sizeof(root->commit->bytes),
                      SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, (int64_t)root->ino);
    sqlite3_bind_int64(statement, 4, root->date_s);
    err = sql_done(statement);
    return err ? err : tree_reserve_inos(store, root->ino);
}

enum err tree_store_find_root(struct tree_store *store, int64_t repo,
                              const struct oid *commit, uint64_t *out_ino)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    err = get_root(conn, repo, commit, out_ino);
    tree_give(store, conn);
    return tree_note(store, err);
}

enum err tree_store_root(struct tree_store *store, int64_t repo, const struct oid *commit,
                         int64_t date_s, uint64_t *out_ino)
{
    enum err err = tree_store_find_root(store, repo, commit, out_ino);
    if (err != ERR_ABSENT) {
        return err;
    }
    struct root root = {repo, commit, date_s, 0};
    err = tree_write(store, make_root, &root);
    if (!err) {
        *out_ino = root.ino;
    }
    return err;
}

// The commit of a row of LIST_COMMITS must be the one that its root node, which has a
// checksum, says: a flipped bit must not show one commit's files as another one's.
static enum err take_commit(sqlite3_stmt *statement, struct tree_node *out)
{
    struct oid commit;
    struct tree_node root;
    enum err err = tree_take_node(statement, 0, &root);
    if (err) {
        return err;
    }
    if (!sql_column_bytes(statement, TREE_NODE_COLUMN_COUNT, commit.bytes,
                          sizeof(commit.bytes)) ||
        !oid_equal(&commit, &root.oid) || root.kind != ENTRY_DIRECTORY) {
        return ERR_DAMAGED;
    }
    *out = root;
    return ERR_NONE;
}

enum err tree_store_commits(struct tree_store *store, int64_t repo, tree_commit_fn visit,
                            void *ctx)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    sqlite3_stmt *statement = conn->statements[LIST_COMMITS];
    sqlite3_bind_int64(statement, 1, repo);
    bool going = true;
    while (going && !(err = sql_row(statement))) {
        struct tree_node root;
        err = take_commit(statement, &root);
        if (err) {
            break;
        }
        int64_t date_s = sqlite3_column_int64(statement, TREE_NODE_COLUMN_COUNT + 1);
        going = visit(ctx, &root.oid, root.ino, date_s);
    }
    sqlite3_reset(statement);
    tree_give(store, conn);
    return err == ERR_ABSENT ? ERR_NONE : tree_note(store, err);
}

struct mtime_change {
    uint64_t ino;
    int64_t mtime_s;
};

static enum err set_mtime(struct tree_store *store, struct tree_conn *conn, void *change)
    REQUIRES(store->writer_lock)
{
    const struct mtime_change *mtime = change;
    (void)store;
    sqlite3_stmt *statement = conn->statements[SET_MTIME];
    sqlite3_bind_int64(statement, 1, (int64_t)mtime->ino);
    sqlite3_bind_int64(statement, 2, mtime->mtime_s);
    return sql_done(statement);
}

enum err tree_store_set_mtime(struct tree_store *store, uint64_t ino, int64_t mtime_s)
{
    struct mtime_change change = {ino, mtime_s};
    return tree_write(store, set_mtime, &change);
}
