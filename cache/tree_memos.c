// SPDX-License-Identifier: Apache-2.0
// What callers want to remember beside names: a small value under a key of theirs, with the
// time of it. A checksum covers all three: the caller need not check the value again.
#include "cache/tree_state.h"

static uint32_t memo_checksum(const char *key, int64_t at_s, const void *bytes,
                              size_t len)
{
    uint8_t at[8];
    store_u64(at, (uint64_t)at_s);
    uint32_t crc = crc32c(0, key, strlen(key) + 1);
    return crc32c(crc32c(crc, at, sizeof(at)), bytes, len);
}

static enum err take_memo(sqlite3_stmt *statement, const char *key, struct buffer *out,
                          int64_t *out_at_s)
{
    int64_t at_s = sqlite3_column_int64(statement, 0);
    const void *value = sqlite3_column_blob(statement, 2);
    const void *bytes = value ? value : "";
    size_t len = (size_t)sqlite3_column_bytes(statement, 2);
    if ((uint32_t)sqlite3_column_int64(statement, 1) !=
        memo_checksum(key, at_s, bytes, len)) {
        return ERR_DAMAGED;
    }
    if (len > out->max) {
        return ERR_TOO_LARGE;
    }
    uint8_t *space = NULL;
    size_t more = len > out->len ? len - out->len : 0;
    enum err err = buffer_reserve(out, more, &space);
    if (err) {
        return err; // and `out` is as it was
    }
    buffer_clear(out);
    *out_at_s = at_s;
    return buffer_append(out, bytes, len);
}

enum err tree_store_get_memo(struct tree_store *store, const char *key,
                             struct buffer *out, int64_t *out_at_s)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    sqlite3_stmt *statement = conn->statements[GET_MEMO];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    err = sql_row(statement);
    err = err ? err : take_memo(statement, key, out, out_at_s);
    sqlite3_reset(statement);
    tree_give(store, conn);
    return tree_note(store, err);
}

struct memo {
    const char *key;
    const void *bytes;
    size_t len;
    int64_t at_s;
};

static enum err write_memo(struct tree_store *store, struct tree_conn *conn, void *change)
    REQUIRES(store->writer_lock)
{
    const struct memo *memo = change;
    (void)store;
    sqlite3_stmt *statement = conn->statements[PUT_MEMO];
    sqlite3_bind_text(statement, 1, memo->key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, memo->at_s);
    sqlite3_bind_int64(statement, 3,
                       memo_checksum(memo->key, memo->at_s, memo->bytes, memo->len));
    sqlite3_bind_blob64(statement, 4, memo->bytes, memo->len, SQLITE_STATIC);
    return sql_done(statement);
}

enum err tree_store_put_memo(struct tree_store *store, const char *key, const void *bytes,
                             size_t len, int64_t at_s)
{
    if (len > TREE_MEMO_MAX) {
        return ERR_TOO_LARGE;
    }
    // SQLite takes an address of nothing for NULL, which the column is not.
    struct memo memo = {key, len > 0 ? bytes : "", len, at_s};
    return tree_write(store, write_memo, &memo);
}
