// SPDX-License-Identifier: Apache-2.0
// Layout in the journal: flags u8, size u64, oid, sha256, xet hash, commit, path length u16, path.
#include "fs/file_version.h"

enum { HAS_SHA256 = 1, HAS_XET = 2, IS_EXECUTABLE = 4, FLAGS_KNOWN = 7 };

enum err file_version_of(const struct tree_node *node, const struct oid *commit,
                         const char *path, struct file_version *out)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    *out = (struct file_version){
        .executable = node->executable,
        .has_sha256 = node->has_sha256,
        .has_xet = node->has_xet,
        .size = node->size,
        .oid = node->oid,
        .sha256 = node->sha256,
        .xet_hash = node->xet_hash,
        .commit = *commit,
        .path = copy,
    };
    return ERR_NONE;
}

enum err file_version_copy(const struct file_version *version, struct file_version *out)
{
    char *path = strdup(version->path);
    if (path == NULL) {
        return ERR_NO_MEMORY;
    }
    *out = *version;
    out->path = path;
    return ERR_NONE;
}

void file_version_release(struct file_version *version)
{
    free(version->path);
    *version = (struct file_version){.path = NULL};
}

struct xet_content file_version_content(const struct file_version *version)
{
    return (struct xet_content){
        .has_xet = version->has_xet,
        .has_sha256 = version->has_sha256,
        .xet_hash = version->xet_hash,
        .sha256 = version->sha256,
        .oid = version->oid,
        .size = version->size,
    };
}

enum err file_version_encode(const struct file_version *version, struct buffer *out)
{
    size_t path_len = strlen(version->path);
    uint8_t *to = NULL;
    size_t len =
        1 + 8 + sizeof(struct oid) * 2 + sizeof(struct digest) * 2 + 2 + path_len;
    enum err err =
        path_len > UINT16_MAX ? ERR_NAME_TOO_LONG : buffer_reserve(out, len, &to);
    if (err != ERR_NONE) {
        return err;
    }
    *to++ = (uint8_t)((version->has_sha256 ? HAS_SHA256 : 0) |
                      (version->has_xet ? HAS_XET : 0) |
                      (version->executable ? IS_EXECUTABLE : 0));
    store_u64(to, version->size);
    to += 8;
    memcpy(to, version->oid.bytes, sizeof(version->oid.bytes));
    to += sizeof(version->oid.bytes);
    memcpy(to, version->sha256.bytes, sizeof(version->sha256.bytes));
    to += sizeof(version->sha256.bytes);
    memcpy(to, version->xet_hash.bytes, sizeof(version->xet_hash.bytes));
    to += sizeof(version->xet_hash.bytes);
    memcpy(to, version->commit.bytes, sizeof(version->commit.bytes));
    to += sizeof(version->commit.bytes);
    store_u16(to, (uint16_t)path_len);
    memcpy(to + 2, version->path, path_len);
    out->len += len;
    return ERR_NONE;
}

static enum err take(struct cursor *from, void *to, size_t len)
{
    const uint8_t *bytes = NULL;
    enum err err = cursor_take_bytes(from, len, &bytes);
    if (err == ERR_NONE) {
        memcpy(to, bytes, len);
    }
    return err;
}

static enum err take_path(struct cursor *from, char **out)
{
    uint16_t len = 0;
    const uint8_t *bytes = NULL;
    enum err err = cursor_take_u16(from, &len);
    if (err == ERR_NONE) {
        err = cursor_take_bytes(from, len, &bytes);
    }
    if (err != ERR_NONE) {
        return err;
    }
    char *path = strndup((const char *)bytes, len);
    if (path == NULL) {
        return ERR_NO_MEMORY;
    }
    if (strlen(path) != len || !path_is_legal(path, len)) {
        free(path);
        return ERR_MALFORMED;
    }
    *out = path;
    return ERR_NONE;
}

enum err file_version_decode(struct cursor *from, struct file_version *out)
{
    struct file_version version = {.path = NULL};
    uint8_t flags = 0;
    enum err err = cursor_take_u8(from, &flags);
    if (err == ERR_NONE) {
        err = flags > FLAGS_KNOWN ? ERR_MALFORMED : cursor_take_u64(from, &version.size);
    }
    if (err == ERR_NONE) {
        err = take(from, version.oid.bytes, sizeof(version.oid.bytes));
    }
    if (err == ERR_NONE) {
        err = take(from, version.sha256.bytes, sizeof(version.sha256.bytes));
    }
    if (err == ERR_NONE) {
        err = take(from, version.xet_hash.bytes, sizeof(version.xet_hash.bytes));
    }
    if (err == ERR_NONE) {
        err = take(from, version.commit.bytes, sizeof(version.commit.bytes));
    }
    if (err == ERR_NONE) {
        err = take_path(from, &version.path);
    }
    if (err != ERR_NONE) {
        return err;
    }
    version.has_sha256 = (flags & HAS_SHA256) != 0;
    version.has_xet = (flags & HAS_XET) != 0;
    version.executable = (flags & IS_EXECUTABLE) != 0;
    *out = version;
    return ERR_NONE;
}

struct tree_node file_version_node(const struct file_version *version)
{
    return (struct tree_node){.kind = ENTRY_FILE,
                              .executable = version->executable,
                              .has_sha256 = version->has_sha256,
                              .has_xet = version->has_xet,
                              .size = version->size,
                              .oid = version->oid,
                              .sha256 = version->sha256,
                              .xet_hash = version->xet_hash};
}
