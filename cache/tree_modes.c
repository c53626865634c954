// SPDX-License-Identifier: Apache-2.0
// What only a git tree tells about an entry: that it is executable, or a symlink. Listings of
// the Hub do not say it; it comes later, from git, and is written into listings that are here.
//
// Kind and mode are part of what a node is, so the entry is pointed at another node; whoever
// holds the old one keeps it.
#include "cache/tree_page.h"

struct mode_change {
    uint64_t dir_ino;
    const struct tree_entry *told;
};

static enum err point_entry(struct page *page, const char *name, uint64_t ino)
{
    sqlite3_stmt *statement = page->conn->statements[POINT_ENTRY];
    sqlite3_bind_int64(statement, 1, (int64_t)page->dir.ino);
    sqlite3_bind_blob64(statement, 2, name, strlen(name), SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, (int64_t)ino);
    return sql_done(statement);
}

// The same version with another mode is another node; the sums over files stay as they are.
static enum err put_mode(struct page *page, void *ctx)
{
    const struct tree_entry *told = ((const struct mode_change *)ctx)->told;
    const char *name = page_entry_name(page, told);
    struct tree_node old;
    enum err err =
        name ? tree_find_entry(page->conn, page->dir.ino, name, strlen(name), &old)
             : ERR_MALFORMED;
    if (err) {
        return err;
    }
    bool is_same = old.kind == told->kind && old.executable == told->executable;
    if (is_same || old.kind == ENTRY_DIRECTORY || !oid_equal(&old.oid, &told->oid)) {
        return ERR_NONE;
    }
    struct tree_entry entry = {
        .path = told->path,
        .kind = told->kind,
        .executable = told->executable,
        .has_sha256 = old.has_sha256,
        .has_xet = old.has_xet,
        .masked = old.masked,
        .size = old.size,
        .oid = old.oid,
        .sha256 = old.sha256,
        .xet_hash = old.xet_hash,
    };
    struct tree_node node;
    page->dir.mtime_s = old.mtime_s;
    err = page_put_node(page, &entry, &node);
    page->new_files = 0;
    page->new_bytes = 0;
    return err ? err : point_entry(page, name, node.ino);
}

static enum err change_mode(struct tree_store *store, struct tree_conn *conn,
                            void *change) REQUIRES(store->writer_lock)
{
    const struct mode_change *mode = change;
    return page_change(store, conn, mode->dir_ino, put_mode, change);
}

enum err tree_store_set_mode(struct tree_store *store, uint64_t dir_ino,
                             const struct tree_entry *told)
{
    struct mode_change mode = {dir_ino, told};
    return tree_write(store, change_mode, &mode);
}
