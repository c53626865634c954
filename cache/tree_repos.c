// SPDX-License-Identifier: Apache-2.0
// Repositories. A row is one repository as one credential saw it, so what a token may see
// never shows under another one.
//
// A row that damage made another repository's would show that one's files under this one's
// name. It has no checksum, but the unique index holds all of it a second time: who reads the
// one compares it with the other.
#include "cache/tree_state.h"

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

enum err tree_store_find_repo(struct tree_store *store, const char *endpoint,
                              const struct repo_id *repo, const char *fingerprint,
                              int64_t *out_row)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    err = get_repo(conn, endpoint, repo, fingerprint, out_row);
    tree_give(store, conn);
    return tree_note(store, err);
}

enum err tree_store_repo(struct tree_store *store, const char *endpoint,
                         const struct repo_id *repo, const char *fingerprint,
                         int64_t *out_repo)
{
    if (strlen(fingerprint) >= TREE_FINGERPRINT_SIZE) {
        return ERR_TOO_LARGE;
    }
    enum err err = tree_store_find_repo(store, endpoint, repo, fingerprint, out_repo);
    if (err != ERR_ABSENT) {
        return err;
    }
    struct repo_key key = {endpoint, repo, fingerprint, 0};
    err = tree_write(store, add_repo, &key);
    if (!err) {
        *out_repo = key.id;
    }
    return err;
}

enum err tree_store_get_repo(struct tree_store *store, const char *endpoint, int64_t row,
                             struct repo_id *out_repo,
                             char out_fingerprint[TREE_FINGERPRINT_SIZE])
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    sqlite3_stmt *statement = conn->statements[REPO_OF_ROW];
    sqlite3_bind_int64(statement, 1, row);
    sqlite3_bind_text(statement, 2, endpoint, -1, SQLITE_STATIC);
    struct repo_id repo = {0};
    char fingerprint[TREE_FINGERPRINT_SIZE];
    err = sql_row(statement);
    if (!err) {
        int kind = sqlite3_column_int(statement, 0);
        bool is_sound = kind >= REPO_MODEL && kind <= REPO_SPACE &&
                        tree_take_text(statement, 1, repo.name, sizeof(repo.name)) &&
                        tree_take_text(statement, 2, fingerprint, sizeof(fingerprint)) &&
                        sqlite3_column_int64(statement, 3) == row;
        repo.kind = (enum repo_kind)kind;
        err = is_sound ? ERR_NONE : ERR_DAMAGED;
    }
    sqlite3_reset(statement);
    tree_give(store, conn);
    if (!err) {
        *out_repo = repo;
        memcpy(out_fingerprint, fingerprint, sizeof(fingerprint));
    }
    return err == ERR_ABSENT ? ERR_STALE : tree_note(store, err);
}

enum err tree_store_repos(struct tree_store *store, const char *endpoint,
                          const char *fingerprint, enum repo_kind kind,
                          tree_repo_fn visit, void *ctx)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    sqlite3_stmt *statement = conn->statements[LIST_REPOS];
    sqlite3_bind_text(statement, 1, endpoint, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, (int)kind);
    sqlite3_bind_text(statement, 3, fingerprint, -1, SQLITE_STATIC);
    bool going = true;
    while (going && !(err = sql_row(statement))) {
        struct repo_id repo = {.kind = kind};
        if (!tree_take_text(statement, 1, repo.name, sizeof(repo.name)) ||
            sqlite3_column_int(statement, 2) != 1) {
            err = ERR_DAMAGED;
            break;
        }
        going = visit(ctx, sqlite3_column_int64(statement, 0), &repo);
    }
    sqlite3_reset(statement);
    tree_give(store, conn);
    return err == ERR_ABSENT ? ERR_NONE : tree_note(store, err);
}
