// SPDX-License-Identifier: Apache-2.0
// The overlay's rows in the journal. The opaque base of an inode's row is
//
//   kind u8, flags u8, and then   a folder: the path of the folder of the repository behind it
//                                 a file: its version (file_version.h)
//
// and what is remembered of a name beside the inode: flags u8, kind u8, oid, commit, row it has
// moved to u64.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

enum { BASE_NONE = 0, BASE_FOLDER = 1, BASE_FILE = 2 };
enum { FLAG_THEIRS = 1, FLAG_EXECUTABLE = 2, FLAGS_KNOWN = 3 };
enum { UNDER_EXISTS = 1, UNDER_AFTER_MOVE = 2, UNDER_BYTES = 2 + 20 + 20 + 8 };

// --------------------------------------------------------------------------------- writing

static enum err encode_base(const struct overlay_node *node, struct buffer *out)
{
    uint8_t head[2] = {BASE_NONE, (uint8_t)((node->is_theirs ? FLAG_THEIRS : 0) |
                                            (node->is_executable ? FLAG_EXECUTABLE : 0))};
    struct file_version version = {.path = NULL};
    enum err err = ERR_NONE;
    if (node->kind == ENTRY_DIRECTORY) {
        head[0] = node->base_path != NULL ? BASE_FOLDER : BASE_NONE;
        err = buffer_append(out, head, sizeof(head));
        return err == ERR_NONE && node->base_path != NULL
                   ? buffer_append_text(out, node->base_path)
                   : err;
    }
    err = local_file_base(node->file, &version);
    if (err != ERR_NONE && err != ERR_ABSENT) {
        return err;
    }
    head[0] = err == ERR_NONE ? BASE_FILE : BASE_NONE;
    bool has_base = err == ERR_NONE;
    err = buffer_append(out, head, sizeof(head));
    if (err == ERR_NONE && has_base) {
        err = file_version_encode(&version, out);
    }
    file_version_release(&version);
    return err;
}

void overlay_row_node(struct overlay *overlay, struct journal_change *change,
                      struct overlay_node *node)
{
    (void)overlay;
    AUTO(buffer) struct buffer base = buffer_init(JOURNAL_BASE_MAX);
    AUTO_FREE char *path = overlay_node_path(node);
    enum err err = encode_base(node, &base);
    node->has_row = true;
    if (err != ERR_NONE) {
        log_error("fs", "a change cannot be written down: %s", err_sentence(err));
    } else if (node->kind == ENTRY_DIRECTORY) {
        struct journal_inode row = {
            .id = node->id,
            .kind = JOURNAL_DIRECTORY,
            .top = {.state = JOURNAL_CLEAN},
            .base = base.bytes,
            .base_len = base.len,
            .path = path,
        };
        journal_change_put_inode(change, &row);
    } else {
        struct local_file_row row = {
            .path = path,
            .base = base.bytes,
            .base_len = base.len,
            .state = node->state == JOURNAL_UPLOADING || node->state == JOURNAL_DIRTY
                         ? JOURNAL_SEALED
                         : node->state,
            .error = node->trouble.text,
        };
        local_file_put_row(node->file, change, &row);
    }
}

void overlay_row_no_node(struct journal_change *change, struct overlay_node *node)
{
    if (node->has_row) {
        journal_change_drop_inode(change, node->id);
        node->has_row = false;
    }
}

void overlay_row_name(struct overlay *overlay, struct journal_change *change,
                      struct overlay_node *dir, struct overlay_name *name)
{
    uint8_t under[UNDER_BYTES] = {
        (uint8_t)((name->under.exists ? UNDER_EXISTS : 0) |
                  (name->under.is_after_move ? UNDER_AFTER_MOVE : 0)),
        (uint8_t)name->under.kind};
    memcpy(under + 2, name->under.oid.bytes, sizeof(name->under.oid.bytes));
    memcpy(under + 22, name->under.commit.bytes, sizeof(name->under.commit.bytes));
    store_u64(under + 42, name->moved_to);
    const struct overlay_node *node = name->node;
    bool is_unsealed = node != NULL && !node->has_row && node->kind == ENTRY_FILE;
    if (is_unsealed && !name->under.exists) {
        overlay_row_no_name(change, dir, name);
        return;
    }
    if (!dir->has_row) {
        overlay_row_node(overlay, change, dir);
    }
    if (node != NULL && !node->has_row && !is_unsealed) {
        overlay_row_node(overlay, change, name->node);
    }
    journal_change_put_name(change, dir->id, name->name, name->len,
                            node != NULL && !is_unsealed ? node->id : 0, under,
                            sizeof(under));
    name->has_row = true;
}

void overlay_row_no_name(struct journal_change *change, struct overlay_node *dir,
                         struct overlay_name *name)
{
    if (name->has_row) {
        journal_change_drop_name(change, dir->id, name->name, name->len);
        name->has_row = false;
    }
}

// --------------------------------------------------------------------------------- loading

struct loading {
    struct overlay *overlay;
    struct why *why;
};

static enum err load_file(struct loading *loading, const struct journal_inode *row,
                          struct cursor *base, uint8_t kind, struct overlay_node *node)
{
    struct local_file_parts parts = overlay_parts(loading->overlay);
    struct file_version version = {.path = NULL};
    enum err err = kind == BASE_FILE ? file_version_decode(base, &version) : ERR_NONE;
    if (err == ERR_NONE) {
        err = local_file_load(&parts, row, kind == BASE_FILE ? &version : NULL,
                              loading->why, &node->file);
    }
    file_version_release(&version);
    // What was refused is tried again.
    node->state = row->top.state == JOURNAL_CONFLICT || row->top.state == JOURNAL_CLEAN
                      ? row->top.state
                      : JOURNAL_SEALED;
    if (row->error != NULL) {
        snprintf(node->trouble.text, sizeof(node->trouble.text), "%s", row->error);
    }
    return err;
}

static enum err load_folder(struct loading *loading, struct cursor *base, uint8_t kind,
                            struct overlay_node *node) REQUIRES(loading->overlay->lock)
{
    if (kind != BASE_FOLDER) {
        return ERR_NONE;
    }
    size_t len = cursor_left(base);
    const uint8_t *bytes = NULL;
    enum err err = cursor_take_bytes(base, len, &bytes);
    AUTO_FREE char *path = err == ERR_NONE ? strndup((const char *)bytes, len) : NULL;
    if (path == NULL || (len > 0 && !path_is_legal(path, len))) {
        return path == NULL ? ERR_NO_MEMORY : ERR_MALFORMED;
    }
    return overlay_set_base_path(loading->overlay, node, path);
}

NO_THREAD_ANALYSIS static enum err on_inode(void *ctx, const struct journal_inode *row)
{
    struct loading *loading = ctx;
    struct overlay *overlay = loading->overlay;
    struct cursor base = cursor_init(row->base, row->base_len);
    uint8_t kind = 0;
    uint8_t flags = 0;
    enum err err = cursor_take_u8(&base, &kind);
    if (err == ERR_NONE) {
        err = cursor_take_u8(&base, &flags);
    }
    if (err == ERR_NONE && (kind > BASE_FILE || flags > FLAGS_KNOWN)) {
        err = ERR_MALFORMED;
    }
    if (err != ERR_NONE || row->id == OVERLAY_ROOT_ID) {
        overlay->root->has_row |= row->id == OVERLAY_ROOT_ID;
        return err;
    }
    struct overlay_node *node =
        overlay_node_new(overlay, 0, row->id,
                         row->kind == JOURNAL_DIRECTORY ? ENTRY_DIRECTORY : ENTRY_FILE);
    if (node == NULL) {
        return ERR_NO_MEMORY;
    }
    node->has_row = true;
    node->is_theirs = (flags & FLAG_THEIRS) != 0;
    node->is_executable = (flags & FLAG_EXECUTABLE) != 0;
    return node->kind == ENTRY_DIRECTORY ? load_folder(loading, &base, kind, node)
                                         : load_file(loading, row, &base, kind, node);
}

NO_THREAD_ANALYSIS static enum err on_name(void *ctx, uint64_t dir_id, const char *text,
                                           size_t len, uint64_t inode, const void *extra,
                                           size_t extra_len)
{
    struct loading *loading = ctx;
    struct overlay *overlay = loading->overlay;
    struct overlay_node *dir = overlay_by_id(overlay, dir_id);
    struct overlay_node *node = inode != 0 ? overlay_by_id(overlay, inode) : NULL;
    const uint8_t *under = extra;
    if (dir == NULL || dir->kind != ENTRY_DIRECTORY || (inode != 0 && node == NULL) ||
        !path_name_is_legal(text, len) || extra_len != UNDER_BYTES) {
        return why_set(loading->why, ERR_MALFORMED,
                       "\"%.*s\" of folder %llu leads to %llu, which is not there",
                       (int)len, text, (unsigned long long)dir_id,
                       (unsigned long long)inode);
    }
    AUTO_FREE char *copy = strndup(text, len);
    struct overlay_name *name = copy != NULL ? overlay_name_put(dir, text, len) : NULL;
    if (name == NULL ||
        (node != NULL && overlay_node_place(node, dir, copy) != ERR_NONE)) {
        return ERR_NO_MEMORY;
    }
    name->node = node;
    name->has_row = true;
    name->under.exists = (under[0] & UNDER_EXISTS) != 0;
    name->under.is_after_move = (under[0] & UNDER_AFTER_MOVE) != 0;
    name->under.kind = under[1] == ENTRY_DIRECTORY ? ENTRY_DIRECTORY : ENTRY_FILE;
    memcpy(name->under.oid.bytes, under + 2, sizeof(name->under.oid.bytes));
    memcpy(name->under.commit.bytes, under + 22, sizeof(name->under.commit.bytes));
    name->moved_to = load_u64(under + 42);
    return ERR_NONE;
}

// A folder of the base in which something was changed hangs where the base has it.
static enum err hang(struct overlay *overlay, struct overlay_node *node)
    REQUIRES(overlay->lock)
{
    const char *path = node->base_path;
    if (node->parent != NULL || node == overlay->root || path == NULL) {
        return ERR_NONE;
    }
    struct overlay_node *parent = overlay_make_folders(overlay, path);
    const char *slash = strrchr(path, '/');
    return parent != NULL
               ? overlay_node_place(node, parent, slash != NULL ? slash + 1 : path)
               : ERR_NO_MEMORY;
}

enum err overlay_load(struct overlay *overlay, struct why *why)
{
    struct loading loading = {overlay, why};
    struct journal_visitor inodes = {.inode = on_inode, .ctx = &loading};
    struct journal_visitor names = {.name = on_name, .ctx = &loading};
    lock_acquire(&overlay->lock);
    enum err err = journal_load(overlay->journal, &inodes, why);
    if (err == ERR_NONE) {
        err = journal_load(overlay->journal, &names, why);
    }
    struct overlay_node *next = NULL;
    for (struct overlay_node *node = overlay->by_ino; node != NULL && err == ERR_NONE;
         node = next) {
        next = node->by_ino.next;
        err = hang(overlay, node);
        if (err == ERR_NONE) {
            (void)overlay_thaw(overlay, node);
        }
    }
    bool is_waiting = overlay->by_ino != NULL && HASH_CNT(by_ino, overlay->by_ino) > 1;
    if (err == ERR_NONE && is_waiting) {
        overlay_note_sealed(overlay);
    }
    lock_release(&overlay->lock);
    return err == ERR_MALFORMED
               ? why_prefix(why, ERR_DAMAGED,
                            "a row of the journal is malformed (see `hugfs recover`)")
               : err;
}
