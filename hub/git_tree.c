// SPDX-License-Identifier: Apache-2.0
// A commit's first line is "tree <40 hex>"; a tree is a row of "MODE NAME\0<20 bytes>".
// Every object was found by the SHA-1 of its content, so from the commit id down everything
// is verified.
//
// The walk is bounded by what it meets and not by what the pack holds: a few small trees that
// contain each other make a path for every grain of sand.
#include "hub/git_tree.h"

#include "hub/limits.h"

#include <string.h>

enum { GIT_PATHS_MAX = 64 << 20 };

struct walk {
    const struct git_pack *pack;
    struct why *why;
    struct git_modes *modes;
    size_t met; // entries so far
    char path[PATH_BYTES_MAX + 1];
};

static enum err bad_object(const struct walk *walk, const char *what)
{
    return why_set(walk->why, ERR_BAD_ANSWER, "the git pack %s", what);
}

static enum err take_mode(struct cursor *cursor, uint32_t *out)
{
    uint32_t mode = 0;
    uint8_t byte = 0;
    for (unsigned digits = 0; cursor_take_u8(cursor, &byte) == ERR_NONE; digits++) {
        if (byte == ' ' && digits > 0) {
            *out = mode;
            return ERR_NONE;
        }
        if (byte < '0' || byte > '7' || digits > 6) {
            break;
        }
        mode = mode * 8 + (uint32_t)(byte - '0');
    }
    return ERR_MALFORMED;
}

static enum err take_tree_entry(struct cursor *cursor, uint32_t *out_mode,
                                const char **out_name, size_t *out_len,
                                struct oid *out_oid)
{
    const uint8_t *name = NULL;
    const uint8_t *oid = NULL;
    if (take_mode(cursor, out_mode) != ERR_NONE) {
        return ERR_MALFORMED;
    }
    const uint8_t *end = memchr(cursor->at, 0, cursor_left(cursor));
    if (end == NULL) {
        return ERR_MALFORMED;
    }
    *out_len = (size_t)(end - cursor->at);
    if (cursor_take_bytes(cursor, *out_len + 1, &name) != ERR_NONE ||
        cursor_take_bytes(cursor, sizeof(out_oid->bytes), &oid) != ERR_NONE) {
        return ERR_MALFORMED;
    }
    *out_name = (const char *)name;
    memcpy(out_oid->bytes, oid, sizeof(out_oid->bytes));
    return ERR_NONE;
}

// Grows the list by one; where its path is, is told in the end.
static enum err add_entry(struct walk *walk, uint32_t mode, const struct oid *oid)
{
    struct git_modes *modes = walk->modes;
    if (modes->count == modes->capacity) {
        size_t capacity = modes->capacity > 0 ? modes->capacity * 2 : 64;
        struct tree_entry *grown = reallocarray(modes->entries, capacity, sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        modes->entries = grown;
        modes->capacity = capacity;
    }
    bool is_link = (mode & 0170000) == 0120000;
    modes->entries[modes->count++] = (struct tree_entry){
        .kind = is_link ? ENTRY_SYMLINK : ENTRY_FILE,
        .executable = !is_link,
        .oid = *oid,
    };
    return buffer_append(&modes->paths, walk->path, strlen(walk->path) + 1);
}

static enum err walk_tree(struct walk *walk, const struct oid *oid, size_t path_len,
                          unsigned depth);

static enum err visit(struct walk *walk, uint32_t mode, const char *name, size_t name_len,
                      const struct oid *oid, size_t path_len, unsigned depth)
{
    bool is_tree = (mode & 0170000) == 0040000;
    bool is_link = (mode & 0170000) == 0120000;
    bool is_executable = (mode & 0170000) == 0100000 && (mode & 0111) != 0;
    size_t slash = path_len > 0 ? 1 : 0;
    if (++walk->met > GIT_WALK_ENTRIES_MAX) {
        return why_set(walk->why, ERR_TOO_LARGE, "the commit has too many entries");
    }
    if ((!is_tree && !is_link && !is_executable) || !path_name_is_legal(name, name_len) ||
        path_len + slash + name_len > PATH_BYTES_MAX) {
        return ERR_NONE;
    }
    if (slash > 0) {
        walk->path[path_len] = '/';
    }
    memcpy(walk->path + path_len + slash, name, name_len);
    size_t len = path_len + slash + name_len;
    walk->path[len] = '\0';
    enum err err =
        is_tree ? walk_tree(walk, oid, len, depth + 1) : add_entry(walk, mode, oid);
    walk->path[path_len] = '\0';
    return err;
}

static enum err walk_tree(struct walk *walk, const struct oid *oid, size_t path_len,
                          unsigned depth)
{
    struct git_object object;
    if (depth > GIT_WALK_DEPTH_MAX) {
        return why_set(walk->why, ERR_TOO_LARGE,
                       "the commit's folders are nested too deeply");
    }
    if (!git_pack_find(walk->pack, oid, &object) || object.type != GIT_TREE) {
        return bad_object(walk, "lacks a tree");
    }
    struct cursor cursor = cursor_init(object.bytes, object.len);
    while (cursor_left(&cursor) > 0) {
        uint32_t mode = 0;
        const char *name = NULL;
        size_t name_len = 0;
        struct oid child;
        if (take_tree_entry(&cursor, &mode, &name, &name_len, &child) != ERR_NONE) {
            return bad_object(walk, "has a broken tree");
        }
        enum err err = visit(walk, mode, name, name_len, &child, path_len, depth);
        if (err != ERR_NONE) {
            return err;
        }
    }
    return ERR_NONE;
}

static enum err find_root(const struct walk *walk, const struct oid *commit,
                          struct oid *out)
{
    static const char label[] = "tree ";
    struct git_object object;
    size_t label_len = sizeof(label) - 1;
    size_t hex_len = OID_HEX_SIZE - 1;
    if (!git_pack_find(walk->pack, commit, &object) || object.type != GIT_COMMIT) {
        return bad_object(walk, "lacks the commit asked for");
    }
    if (object.len < label_len + hex_len || memcmp(object.bytes, label, label_len) != 0 ||
        oid_from_hex((const char *)object.bytes + label_len, hex_len, out) != ERR_NONE) {
        return bad_object(walk, "has a broken commit");
    }
    return ERR_NONE;
}

enum err git_modes_collect(const struct git_pack *pack, const struct oid *commit,
                           struct why *why, struct git_modes *out)
{
    struct git_modes modes = {.paths = buffer_init(GIT_PATHS_MAX)};
    struct walk walk = {.pack = pack, .why = why, .modes = &modes};
    struct oid root;
    enum err err = find_root(&walk, commit, &root);
    if (err == ERR_NONE) {
        err = walk_tree(&walk, &root, 0, 0);
    }
    if (err != ERR_NONE) {
        git_modes_release(&modes);
        return err;
    }
    // The paths stand in the entries' order; only now the buffer stays where it is.
    const char *path = buffer_text(&modes.paths);
    for (size_t i = 0; i < modes.count; i++) {
        modes.entries[i].path = path;
        path += strlen(path) + 1;
    }
    *out = modes;
    return ERR_NONE;
}

void git_modes_release(struct git_modes *modes)
{
    free(modes->entries);
    buffer_release(&modes->paths);
    *modes = (struct git_modes){0};
}
