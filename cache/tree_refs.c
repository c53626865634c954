// SPDX-License-Identifier: Apache-2.0
// Branches, tags and other names of commits: where they stood when the Hub was last asked.
#include "cache/tree_state.h"

// Fills a ref from the first five columns.
static enum err take_ref(sqlite3_stmt *statement, struct tree_ref *out)
{
    struct tree_ref ref = {
        .checked_at_s = sqlite3_column_int64(statement, 1),
        .date_s = sqlite3_column_int64(statement, 2),
        .gated = sqlite3_column_int(statement, 4) != 0,
    };
    if (!sql_column_bytes(statement, 0, ref.sha.bytes, sizeof(ref.sha.bytes)) ||
        !tree_take_text(statement, 3, ref.canonical, sizeof(ref.canonical))) {
        return ERR_DAMAGED;
    }
    *out = ref;
    return ERR_NONE;
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
    err = sql_row(statement);
    err = err ? err : take_ref(statement, out);
    sqlite3_reset(statement);
    tree_give(store, conn);
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

enum err tree_store_refs(struct tree_store *store, int64_t repo, tree_ref_fn visit,
                         void *ctx)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    sqlite3_stmt *statement = conn->statements[LIST_REFS];
    sqlite3_bind_int64(statement, 1, repo);
    bool going = true;
    while (going && !(err = sql_row(statement))) {
        struct tree_ref ref;
        char revision[REVISION_SIZE];
        err = take_ref(statement, &ref);
        if (!err && !tree_take_text(statement, 5, revision, sizeof(revision))) {
            err = ERR_DAMAGED;
        }
        if (err) {
            break;
        }
        going = visit(ctx, revision, &ref);
    }
    sqlite3_reset(statement);
    tree_give(store, conn);
    return err == ERR_ABSENT ? ERR_NONE : tree_note(store, err);
}

static enum err delete_ref(struct tree_store *store, struct tree_conn *conn, void *change)
    REQUIRES(store->writer_lock)
{
    const struct ref_change *at = change;
    (void)store;
    sqlite3_stmt *statement = conn->statements[DELETE_REF];
    sqlite3_bind_int64(statement, 1, at->repo);
    sqlite3_bind_text(statement, 2, at->revision, -1, SQLITE_STATIC);
    return sql_done(statement);
}

enum err tree_store_drop_ref(struct tree_store *store, int64_t repo, const char *revision)
{
    struct ref_change change = {repo, revision, NULL};
    return tree_write(store, delete_ref, &change);
}
