// SPDX-License-Identifier: Apache-2.0
// Repositories, where their branches stood, and the root nodes of their commits.
#include "cache/tree_state.h"

#include <stdio.h>

enum { ROOT_MODE = ENTRY_DIRECTORY };

static enum err find_repo(struct tree_conn *conn, enum tree_statement which,
                          const char *endpoint, const struct repo_id *repo,
                          const char *fingerprint)
{
    sqlite3_stmt *statement = conn->statements[which];
    sqlite3_bind_text(statement, 1, endpoint, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, (int)repo->kind);
    sqlite3_bind_text(statement, 3, repo->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, fingerprint, -1, SQLITE_STATIC);
    return sql_row(statement);
}

static enum err get_repo(struct tree_conn *conn, const char *endpoint,
                         const struct repo_id *repo, const char *fingerprint,
                         int64_t *out)
{
    enum err err = find_repo(conn, GET_REPO, endpoint, repo, fingerprint);
    if (!err) {
        *out = sqlite3_column_int64(conn->statements[GET_REPO], 0);
    }
    sqlite3_reset(conn->statements[GET_REPO]);
    return err;
}

struct repo_key {
    const char *endpoint;
    const struct repo_id *repo;
    const char *fingerprint;
    int64_t id;
};

static enum err add_repo(struct tree_store *store, struct tree_conn *conn, void *change)
    REQUIRES(store->writer_lock)
{
    struct repo_key *key = change;
    (void)store;
    // Another one may have been faster.
    enum err err = get_repo(conn, key->endpoint, key->repo, key->fingerprint, &key->id);
    if (err == ERR_ABSENT) {
        err = find_repo(conn, ADD_REPO, key->endpoint, key->repo, key->fingerprint);
        sqlite3_reset(conn->statements[ADD_REPO]);
        err = err == ERR_ABSENT ? ERR_NONE : err;
        key->id = sqlite3_last_insert_rowid(conn->db);
    }
    return err;
}

enum err tree_store_repo(struct tree_store *store, const char *endpoint,
                         const struct repo_id *repo, const char *fingerprint,
                         int64_t *out_repo)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    err = get_repo(conn, endpoint, repo, fingerprint, out_repo);
    tree_give(store, conn);
    if (err != ERR_ABSENT) {
        return tree_note(store, err);
    }
    struct repo_key key = {endpoint, repo, fingerprint, 0};
    err = tree_write(store, add_repo, &key);
    if (!err) {
        *out_repo = key.id;
    }
    return err;
}

enum err tree_store_get_ref(struct tree_store *store, int64_t repo, const char *revision,
                            struct tree_ref *out)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    sqlite3_stmt *statement = conn->statements[GET_REF];
    sqlite3_bind_int64(statement, 1, repo);
    sqlite3_bind_text(statement, 2, revision, -1, SQLITE_STATIC);
    struct tree_ref ref = {0};
    err = sql_row(statement);
    if (!err) {
        const char *canonical = (const char *)sqlite3_column_text(statement, 3);
        ref.checked_at_s = sqlite3_column_int64(statement, 1);
        ref.date_s = sqlite3_column_int64(statement, 2);
        snprintf(ref.canonical, sizeof(ref.canonical), "%s", canonical ? canonical : "");
        ref.gated = sqlite3_column_int(statement, 4) != 0;
        if (!sql_column_bytes(statement, 0, ref.sha.bytes, sizeof(ref.sha.bytes))) {
            err = ERR_DAMAGED;
        }
    }
    sqlite3_reset(statement);
    tree_give(store, conn);
    if (!err) {
        *out = ref;
    }
    return tree_note(store, err);
}

struct ref_change {
    int64_t repo;
    const char *revision;
    const struct tree_ref *ref;
};

static enum err write_ref(struct tree_store *store, struct tree_conn *conn, void *change)
    REQUIRES(store->writer_lock)
{
    const struct ref_change *at = change;
    const struct tree_ref *ref = at->ref;
    (void)store;
    sqlite3_stmt *statement = conn->statements[PUT_REF];
    sqlite3_bind_int64(statement, 1, at->repo);
    sqlite3_bind_text(statement, 2, at->revision, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 3, ref->sha.bytes, sizeof(ref->sha.bytes),
                      SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, ref->checked_at_s);
    sqlite3_bind_int64(statement, 5, ref->date_s);
    sqlite3_bind_text(statement, 6, ref->canonical, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 7, ref->gated);
    return sql_done(statement);
}

enum err tree_store_put_ref(struct tree_store *store, int64_t repo, const char *revision,
                            const struct tree_ref *ref)
{
    struct ref_change change = {repo, revision, ref};
    return tree_write(store, write_ref, &change);
}

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

enum err tree_store_root(struct tree_store *store, int64_t repo, const struct oid *commit,
                         int64_t date_s, uint64_t *out_ino)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    err = get_root(conn, repo, commit, out_ino);
    tree_give(store, conn);
    if (err != ERR_ABSENT) {
        return tree_note(store, err);
    }
    struct root root = {repo, commit, date_s, 0};
    err = tree_write(store, make_root, &root);
    if (!err) {
        *out_ino = root.ino;
    }
    return err;
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
