// SPDX-License-Identifier: Apache-2.0
// Questions to the tree store. Each is one statement on a connection of the pool: about 5 us
// beside the 30-45 us that the kernel's request costs anyway.
#include "cache/tree_state.h"

// mode = kind | executable << 2
enum { MODE_KIND_MASK = 3, MODE_EXECUTABLE = 4 };

uint32_t tree_node_checksum(const struct tree_node *node, const void *path,
                            size_t path_len)
{
    uint8_t bytes[32 + 32 + 20 + 8 + 8];
    memset(bytes, 0, sizeof(bytes));
    if (node->has_sha256) {
        memcpy(bytes, node->sha256.bytes, 32);
    }
    if (node->has_xet) {
        memcpy(bytes + 32, node->xet_hash.bytes, 32);
    }
    memcpy(bytes + 64, node->oid.bytes, 20);
    store_u64(bytes + 84, node->size);
    bytes[92] = (uint8_t)node->kind;
    bytes[93] = (uint8_t)(node->executable | node->has_sha256 << 1 | node->has_xet << 2 |
                          node->masked << 3);
    return crc32c(crc32c(0, path, path_len), bytes, sizeof(bytes));
}

bool tree_take_text(sqlite3_stmt *statement, int column, char *out, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    size_t len = (size_t)sqlite3_column_bytes(statement, column);
    if (!text || len >= size || strlen(text) != len) {
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

static void take_digest(sqlite3_stmt *statement, int column, bool *out_has,
                        struct digest *out)
{
    *out_has = sql_column_bytes(statement, column, out->bytes, sizeof(out->bytes));
}

enum err tree_take_node(sqlite3_stmt *statement, int at, struct tree_node *out)
{
    int mode = sqlite3_column_int(statement, at + 4);
    struct tree_node node = {
        .ino = (uint64_t)sqlite3_column_int64(statement, at),
        .repo = sqlite3_column_int64(statement, at + 1),
        .kind = (enum entry_kind)(mode & MODE_KIND_MASK),
        .executable = (mode & MODE_EXECUTABLE) != 0,
        .masked = sqlite3_column_int(statement, at + 5) != 0,
        .size = (uint64_t)sqlite3_column_int64(statement, at + 6),
        .mtime_s = sqlite3_column_int64(statement, at + 9),
    };
    take_digest(statement, at + 7, &node.has_sha256, &node.sha256);
    take_digest(statement, at + 8, &node.has_xet, &node.xet_hash);
    const void *path = sqlite3_column_blob(statement, at + 2);
    size_t path_len = (size_t)sqlite3_column_bytes(statement, at + 2);
    if (node.ino < INO_STORED_FIRST || node.ino >> INO_STORED_BITS != 0 ||
        !sql_column_bytes(statement, at + 3, node.oid.bytes, sizeof(node.oid.bytes)) ||
        (uint32_t)sqlite3_column_int64(statement, at + 10) !=
            tree_node_checksum(&node, path, path_len)) {
        return ERR_DAMAGED;
    }
    *out = node;
    return ERR_NONE;
}

enum err tree_get_node(struct tree_conn *conn, uint64_t ino, struct tree_node *out,
                       char **out_path)
{
    sqlite3_stmt *statement = conn->statements[GET_NODE];
    sqlite3_bind_int64(statement, 1, (int64_t)ino);
    struct tree_node node;
    AUTO_FREE char *path = NULL;
    enum err err = sql_row(statement);
    if (!err) {
        err = tree_take_node(statement, 0, &node);
    }
    if (!err && out_path) {
        const char *blob = sqlite3_column_blob(statement, 2);
        path = strndup(blob ? blob : "", (size_t)sqlite3_column_bytes(statement, 2));
        err = path ? ERR_NONE : ERR_NO_MEMORY;
    }
    sqlite3_reset(statement);
    if (err) {
        return err == ERR_ABSENT ? ERR_STALE : err;
    }
    *out = node;
    if (out_path) {
        *out_path = STEAL_POINTER(path);
    }
    return ERR_NONE;
}

enum err tree_store_node(struct tree_store *store, uint64_t ino, struct tree_node *out)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    err = tree_get_node(conn, ino, out, NULL);
    tree_give(store, conn);
    return tree_note(store, err);
}

enum err tree_store_node_and_path(struct tree_store *store, uint64_t ino,
                                  struct tree_node *out, char **out_path)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    err = tree_get_node(conn, ino, out, out_path);
    tree_give(store, conn);
    return tree_note(store, err);
}

enum err tree_store_path(struct tree_store *store, uint64_t ino, char **out_path)
{
    struct tree_node node;
    return tree_store_node_and_path(store, ino, &node, out_path);
}

// Whether the node's path ends in this name: a flipped bit in an entry must not show another
// node under it.
static bool is_named(sqlite3_stmt *statement, const void *name, size_t name_len)
{
    const uint8_t *path = sqlite3_column_blob(statement, 2);
    size_t path_len = (size_t)sqlite3_column_bytes(statement, 2);
    return path && path_len >= name_len &&
           memcmp(path + path_len - name_len, name, name_len) == 0 &&
           (path_len == name_len || path[path_len - name_len - 1] == '/');
}

enum err tree_find_entry(struct tree_conn *conn, uint64_t dir_ino, const char *name,
                         size_t name_len, struct tree_node *out)
{
    sqlite3_stmt *statement = conn->statements[LOOKUP_ENTRY];
    sqlite3_bind_int64(statement, 1, (int64_t)dir_ino);
    sqlite3_bind_blob64(statement, 2, name, name_len, SQLITE_STATIC);
    struct tree_node node;
    enum err err = sql_row(statement);
    if (!err) {
        err = tree_take_node(statement, 0, &node);
    }
    if (!err && !is_named(statement, name, name_len)) {
        err = ERR_DAMAGED;
    }
    sqlite3_reset(statement);
    if (!err) {
        *out = node;
    }
    return err;
}

enum err tree_store_lookup(struct tree_store *store, uint64_t dir_ino, const char *name,
                           size_t name_len, struct tree_node *out)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    err = tree_find_entry(conn, dir_ino, name, name_len, out);
    tree_give(store, conn);
    return tree_note(store, err);
}

enum err tree_store_list(struct tree_store *store, uint64_t dir_ino, uint64_t after,
                         tree_visit_fn visit, void *ctx)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    sqlite3_stmt *statement = conn->statements[LIST_ENTRIES];
    sqlite3_bind_int64(statement, 1, (int64_t)dir_ino);
    sqlite3_bind_int64(statement, 2, after > INT64_MAX ? INT64_MAX : (int64_t)after);
    bool going = true;
    while (going && !(err = sql_row(statement))) {
        struct tree_node node;
        char name[NAME_BYTES_MAX + 1];
        const void *bytes = sqlite3_column_blob(statement, TREE_NODE_COLUMN_COUNT + 1);
        size_t len = (size_t)sqlite3_column_bytes(statement, TREE_NODE_COLUMN_COUNT + 1);
        err = tree_take_node(statement, 0, &node);
        bool is_name = bytes && len > 0 && len <= NAME_BYTES_MAX;
        if (!err && (!is_name || !is_named(statement, bytes, len))) {
            err = ERR_DAMAGED;
        }
        if (err) {
            break;
        }
        memcpy(name, bytes, len);
        name[len] = '\0';
        going =
            visit(ctx, (uint64_t)sqlite3_column_int64(statement, TREE_NODE_COLUMN_COUNT),
                  name, &node);
    }
    sqlite3_reset(statement);
    tree_give(store, conn);
    return err == ERR_ABSENT ? ERR_NONE : tree_note(store, err);
}

// The row of `dir` for a directory node; ERR_ABSENT when nothing was stored for it.
static enum err get_dir(struct tree_store *store, uint64_t dir_ino, struct tree_dir *out,
                        char *next, size_t size)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    sqlite3_stmt *statement = conn->statements[GET_DIR];
    sqlite3_bind_int64(statement, 1, (int64_t)dir_ino);
    err = sql_row(statement);
    if (!err) {
        const char *text = (const char *)sqlite3_column_text(statement, 2);
        size_t len = text ? (size_t)sqlite3_column_bytes(statement, 2) : 0;
        if (len >= size) {
            err = ERR_TOO_LARGE;
        } else {
            memcpy(next, text ? text : "", len);
            next[len] = '\0';
            out->complete = sqlite3_column_int(statement, 0) != 0;
            out->entries = (uint64_t)sqlite3_column_int64(statement, 1);
        }
    }
    sqlite3_reset(statement);
    if (err == ERR_ABSENT) {
        struct tree_node node;
        err = tree_get_node(conn, dir_ino, &node, NULL);
        err = err ? err : ERR_ABSENT;
    }
    tree_give(store, conn);
    return tree_note(store, err);
}

enum err tree_store_dir(struct tree_store *store, uint64_t dir_ino, struct tree_dir *out)
{
    char next[TREE_NEXT_MAX];
    struct tree_dir dir = {0};
    enum err err = get_dir(store, dir_ino, &dir, next, sizeof(next));
    if (!err) {
        *out = dir;
    }
    return err;
}

enum err tree_store_dir_next(struct tree_store *store, uint64_t dir_ino, char *out,
                             size_t size)
{
    struct tree_dir dir;
    enum err err = get_dir(store, dir_ino, &dir, out, size);
    if (err == ERR_ABSENT && size > 0) {
        out[0] = '\0';
        return ERR_NONE;
    }
    return err;
}

enum err tree_store_totals(struct tree_store *store, int64_t repo, uint64_t *out_files,
                           uint64_t *out_bytes)
{
    struct tree_conn *conn = NULL;
    enum err err = tree_take(store, &conn);
    if (err) {
        return err;
    }
    sqlite3_stmt *statement = conn->statements[REPO_TOTALS];
    sqlite3_bind_int64(statement, 1, repo);
    err = sql_row(statement);
    if (!err) {
        *out_files = (uint64_t)sqlite3_column_int64(statement, 0);
        *out_bytes = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    sqlite3_reset(statement);
    tree_give(store, conn);
    return tree_note(store, err);
}
