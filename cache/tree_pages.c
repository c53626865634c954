// SPDX-License-Identifier: Apache-2.0
// Listings come in, a page at a time, one transaction a page.
//
// A node that is there already keeps its number: that is how an unchanged file keeps its
// inode, and the kernel its pages, from commit to commit. A new node takes the modification
// time of its directory, which for a root is the date of its commit: the commit at which this
// machine first saw that version.
//
// One exception to "nodes are immutable": a gated repository's listing hides hashes. When
// access was granted since, the same node comes again with them, and they are filled in.
#include "cache/tree_page.h"

enum { MODE_EXECUTABLE_SHIFT = 2 };

const char *page_entry_name(const struct page *page, const struct tree_entry *entry)
{
    const char *name = entry->path;
    if (page->dir_path_len > 0) {
        if (strncmp(name, page->dir_path, page->dir_path_len) != 0 ||
            name[page->dir_path_len] != '/') {
            return NULL;
        }
        name += page->dir_path_len + 1;
    }
    return path_name_is_legal(name, strlen(name)) ? name : NULL;
}

static void bind_optional(sqlite3_stmt *statement, int at, bool has,
                          const struct digest *digest)
{
    if (has) {
        sqlite3_bind_blob(statement, at, digest->bytes, sizeof(digest->bytes),
                          SQLITE_STATIC);
    } else {
        sqlite3_bind_null(statement, at);
    }
}

static struct tree_node node_of(const struct page *page, const struct tree_entry *entry)
{
    return (struct tree_node){
        .repo = page->dir.repo,
        .kind = entry->kind,
        .executable = entry->executable,
        .has_sha256 = entry->has_sha256,
        .has_xet = entry->has_xet,
        .masked = entry->masked,
        .size = entry->size,
        .mtime_s = page->dir.mtime_s,
        .oid = entry->oid,
        .sha256 = entry->sha256,
        .xet_hash = entry->xet_hash,
    };
}

static int mode_of(const struct tree_node *node)
{
    return (int)node->kind | (node->executable ? 1 << MODE_EXECUTABLE_SHIFT : 0);
}

static enum err insert_node(struct page *page, const struct tree_node *node,
                            const char *path, size_t path_len)
{
    sqlite3_stmt *statement = page->conn->statements[ADD_NODE];
    sqlite3_bind_int64(statement, 1, node->repo);
    sqlite3_bind_blob64(statement, 2, path, path_len, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 3, node->oid.bytes, sizeof(node->oid.bytes),
                      SQLITE_STATIC);
    sqlite3_bind_int(statement, 4, mode_of(node));
    sqlite3_bind_int(statement, 5, node->masked);
    sqlite3_bind_int64(statement, 6, (int64_t)node->size);
    bind_optional(statement, 7, node->has_sha256, &node->sha256);
    bind_optional(statement, 8, node->has_xet, &node->xet_hash);
    sqlite3_bind_int64(statement, 9, node->mtime_s);
    sqlite3_bind_int64(statement, 10, tree_node_checksum(node, path, path_len));
    return sql_done(statement);
}

// Hashes that an earlier, gated listing hid.
static enum err fill_in(struct page *page, const struct tree_node *old,
                        const struct tree_node *node, const char *path, size_t path_len)
{
    bool tells_more = (old->masked && !node->masked) ||
                      (!old->has_xet && node->has_xet) ||
                      (!old->has_sha256 && node->has_sha256);
    if (!tells_more) {
        return ERR_NONE;
    }
    sqlite3_stmt *statement = page->conn->statements[FILL_NODE];
    sqlite3_bind_int64(statement, 1, (int64_t)old->ino);
    sqlite3_bind_int(statement, 2, node->masked);
    sqlite3_bind_int64(statement, 3, (int64_t)node->size);
    bind_optional(statement, 4, node->has_sha256, &node->sha256);
    bind_optional(statement, 5, node->has_xet, &node->xet_hash);
    sqlite3_bind_int64(statement, 6, tree_node_checksum(node, path, path_len));
    return sql_done(statement);
}

static enum err find_node(struct page *page, const struct tree_node *node,
                          const char *path, size_t path_len, struct tree_node *out)
{
    sqlite3_stmt *statement = page->conn->statements[FIND_NODE];
    sqlite3_bind_int64(statement, 1, node->repo);
    sqlite3_bind_blob64(statement, 2, path, path_len, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 3, node->oid.bytes, sizeof(node->oid.bytes),
                      SQLITE_STATIC);
    sqlite3_bind_int(statement, 4, mode_of(node));
    enum err err = sql_row(statement);
    if (!err) {
        err = tree_take_node(statement, 0, out);
    }
    sqlite3_reset(statement);
    return err;
}

enum err page_put_node(struct page *page, const struct tree_entry *entry,
                       struct tree_node *out)
{
    struct tree_node node = node_of(page, entry);
    size_t path_len = strlen(entry->path);
    enum err err = insert_node(page, &node, entry->path, path_len);
    if (err) {
        return err;
    }
    if (sqlite3_changes(page->conn->db) > 0) {
        node.ino = (uint64_t)sqlite3_last_insert_rowid(page->conn->db);
        page->max_ino = node.ino;
        page->new_files += node.kind == ENTRY_FILE;
        page->new_bytes += node.kind == ENTRY_FILE ? node.size : 0;
        *out = node;
        return ERR_NONE;
    }
    struct tree_node old;
    err = find_node(page, &node, entry->path, path_len, &old);
    if (!err) {
        err = fill_in(page, &old, &node, entry->path, path_len);
        node.ino = old.ino;
        node.mtime_s = old.mtime_s;
        *out = node;
    }
    return err;
}

static enum err add_entry(struct page *page, int64_t position, const char *name,
                          uint64_t ino, bool *out_added)
{
    sqlite3_stmt *statement = page->conn->statements[ADD_ENTRY];
    sqlite3_bind_int64(statement, 1, (int64_t)page->dir.ino);
    sqlite3_bind_int64(statement, 2, position);
    sqlite3_bind_blob64(statement, 3, name, strlen(name), SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, (int64_t)ino);
    enum err err = sql_done(statement);
    *out_added = sqlite3_changes(page->conn->db) > 0;
    return err;
}

// Where a name of this directory is listed now.
static enum err entry_position(struct page *page, const char *name, int64_t *out_position)
{
    sqlite3_stmt *statement = page->conn->statements[FIND_ENTRY];
    sqlite3_bind_int64(statement, 1, (int64_t)page->dir.ino);
    sqlite3_bind_blob64(statement, 2, name, strlen(name), SQLITE_STATIC);
    enum err err = sql_row(statement);
    *out_position = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return err;
}

static enum err delete_entry(struct page *page, int64_t position)
{
    sqlite3_stmt *statement = page->conn->statements[DELETE_ENTRY];
    sqlite3_bind_int64(statement, 1, (int64_t)page->dir.ino);
    sqlite3_bind_int64(statement, 2, position);
    return sql_done(statement);
}

static enum err put_entry(struct page *page, const struct tree_entry *entry)
{
    const char *name = page_entry_name(page, entry);
    if (!name) {
        return ERR_NONE; // not of this directory: left out
    }
    struct tree_node node;
    enum err err = page_put_node(page, entry, &node);
    if (err) {
        return err;
    }
    bool added = false;
    int64_t position = (int64_t)page->entries + 1;
    err = add_entry(page, position, name, node.ino, &added);
    if (!err && !added) {
        int64_t old = 0;
        err = entry_position(page, name, &old);
        if (!err && old > 0) {
            page->duplicates++;
            return ERR_NONE;
        }
        // It was asked for by name before; now it takes its place in the listing.
        err = err ? err : delete_entry(page, old);
        err = err ? err : add_entry(page, position, name, node.ino, &added);
    }
    page->entries += added;
    return err;
}

static enum err put_dir(struct page *page, const char *next)
{
    sqlite3_stmt *statement = page->conn->statements[PUT_DIR];
    sqlite3_bind_int64(statement, 1, (int64_t)page->dir.ino);
    sqlite3_bind_int(statement, 2, page->complete);
    sqlite3_bind_int64(statement, 3, (int64_t)page->entries);
    sqlite3_bind_text(statement, 4, next, -1, SQLITE_STATIC);
    return sql_done(statement);
}

static enum err begin_page(struct tree_conn *conn, uint64_t dir_ino, struct page *out)
{
    *out = (struct page){.conn = conn};
    enum err err = tree_get_node(conn, dir_ino, &out->dir, &out->dir_path);
    if (err) {
        return err;
    }
    out->dir_path_len = strlen(out->dir_path);
    sqlite3_stmt *statement = conn->statements[GET_DIR];
    sqlite3_bind_int64(statement, 1, (int64_t)dir_ino);
    err = sql_row(statement);
    if (!err) {
        out->complete = sqlite3_column_int(statement, 0) != 0;
        out->entries = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    sqlite3_reset(statement);
    return err == ERR_ABSENT ? ERR_NONE : err;
}

// Counts what is new and reserves the numbers, all before the commit.
static enum err finish_page(struct tree_store *store, struct page *page)
    REQUIRES(store->writer_lock)
{
    sqlite3_stmt *statement = page->conn->statements[COUNT_IN_REPO];
    sqlite3_bind_int64(statement, 1, page->dir.repo);
    sqlite3_bind_int64(statement, 2, (int64_t)page->new_files);
    sqlite3_bind_int64(statement, 3, (int64_t)page->new_bytes);
    enum err err = page->new_files > 0 ? sql_done(statement) : ERR_NONE;
    return err || page->max_ino == 0 ? err : tree_reserve_inos(store, page->max_ino);
}

enum err page_change(struct tree_store *store, struct tree_conn *conn, uint64_t dir_ino,
                     page_fn work, void *ctx)
{
    struct page page;
    enum err err = begin_page(conn, dir_ino, &page);
    err = err ? err : work(&page, ctx);
    err = err ? err : finish_page(store, &page);
    free(page.dir_path);
    return err;
}

struct listing {
    uint64_t dir_ino;
    const struct tree_entry *entries;
    size_t n;
    const char *next;
    size_t duplicates;
};

static enum err put_listing(struct page *page, void *ctx)
{
    struct listing *listing = ctx;
    enum err err = ERR_NONE;
    for (size_t i = 0; i < listing->n && !err; i++) {
        err = put_entry(page, &listing->entries[i]);
    }
    page->complete = page->complete || !listing->next;
    listing->duplicates = page->duplicates;
    return err ? err : put_dir(page, page->complete ? NULL : listing->next);
}

static enum err change_listing(struct tree_store *store, struct tree_conn *conn,
                               void *change) REQUIRES(store->writer_lock)
{
    const struct listing *listing = change;
    return page_change(store, conn, listing->dir_ino, put_listing, change);
}

enum err tree_store_put_page(struct tree_store *store, uint64_t dir_ino,
                             const struct tree_entry *entries, size_t n, const char *next,
                             size_t *out_duplicates)
{
    if (next && strlen(next) >= TREE_NEXT_MAX) {
        return ERR_TOO_LARGE;
    }
    struct listing listing = {dir_ino, entries, n, next, 0};
    enum err err = tree_write(store, change_listing, &listing);
    if (!err && out_duplicates) {
        *out_duplicates = listing.duplicates;
    }
    return err;
}

struct single {
    uint64_t dir_ino;
    const struct tree_entry *entry;
    struct tree_node node;
};

static enum err put_single(struct page *page, void *ctx)
{
    struct single *single = ctx;
    const char *name = page_entry_name(page, single->entry);
    if (!name) {
        return ERR_MALFORMED;
    }
    enum err err = page_put_node(page, single->entry, &single->node);
    if (err) {
        return err;
    }
    bool added = false;
    int64_t ino = (int64_t)single->node.ino;
    return add_entry(page, -ino, name, single->node.ino, &added);
}

static enum err change_single(struct tree_store *store, struct tree_conn *conn,
                              void *change) REQUIRES(store->writer_lock)
{
    const struct single *single = change;
    return page_change(store, conn, single->dir_ino, put_single, change);
}

enum err tree_store_put_single(struct tree_store *store, uint64_t dir_ino,
                               const struct tree_entry *entry, struct tree_node *out)
{
    struct single single = {.dir_ino = dir_ino, .entry = entry};
    enum err err = tree_write(store, change_single, &single);
    if (!err) {
        *out = single.node;
    }
    return err;
}
