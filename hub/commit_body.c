// SPDX-License-Identifier: Apache-2.0
// The NDJSON of one commit (hub-api: a header line, then a line for each operation), written
// line by line to a file without a name.
//
// (1) bytes[0, size) of the file are whole lines. What stands behind it, of a line that could
//     not be finished, is overwritten by the next.
// (2) Lines are never changed: nothing needs to be read back before it is sent.
#include "hub/commit_body.h"

#include "hub/base64.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_HEAD_MAX = 1 << 20, // a line without its content
    READ_BYTES = 48 << 10,   // a multiple of three: pieces are encoded one by one
};

struct hub_commit_body {
    int fd;
    uint64_t size;
    uint64_t end; // where the line under way is written
};

// ------------------------------------------------------------------------------- the file

static int open_named(const char *dir)
{
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "%s/hugfs-commit-XXXXXX", dir) < 0) {
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        unlink(path);
    }
    return fd;
}

static enum err open_unnamed(const char *dir, struct why *why, int *out_fd)
{
    const char *tmp = getenv("TMPDIR");
    if (dir == NULL) {
        dir = tmp != NULL && *tmp != '\0' ? tmp : "/tmp";
    }
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
        fd = open_named(dir); // a file system without O_TMPFILE
    }
    if (fd < 0) {
        enum err err = err_from_errno(errno);
        return why_set(why, err, "no file can be made in %s: %s", dir, err_sentence(err));
    }
    *out_fd = fd;
    return ERR_NONE;
}

static enum err put(struct hub_commit_body *body, const void *bytes, size_t len,
                    struct why *why)
{
    enum err err = file_pwrite(body->fd, bytes, len, body->end);
    if (err != ERR_NONE) {
        return why_set(why, err, "the commit can't be written down: %s",
                       err_sentence(err));
    }
    body->end += len;
    return ERR_NONE;
}

// ---------------------------------------------------------------------------------- lines

// {"key":KEY,"value":{ - the value's members follow.
static void open_line(struct json_writer *json, const char *key)
{
    json_open_object(json, NULL);
    json_string(json, "key", key);
    json_open_object(json, "value");
}

static enum err end_line(struct hub_commit_body *body, struct json_writer *json,
                         struct why *why)
{
    json_close_object(json);
    json_close_object(json);
    enum err err = json_writer_end(json);
    if (err == ERR_NONE) {
        err = buffer_append_text(json->to, "\n");
    }
    body->end = body->size;
    if (err == ERR_NONE) {
        err = put(body, json->to->bytes, json->to->len, why);
    }
    if (err == ERR_NONE) {
        body->size = body->end;
    }
    return err;
}

// A name that the writer of JSON would have to change is another name.
static enum err check_path(const char *path, struct why *why)
{
    if (*path == '\0' || !utf8_is_valid(path, strlen(path))) {
        return why_set(why, ERR_USAGE, "a name that is not UTF-8 can't be committed");
    }
    return ERR_NONE;
}

enum err hub_commit_body_new(const char *dir, const char *summary,
                             const char *description, const struct oid *parent,
                             struct why *why, struct hub_commit_body **out)
{
    AUTO(buffer) struct buffer line = buffer_init(LINE_HEAD_MAX);
    struct json_writer json = json_writer_init(&line);
    struct hub_commit_body *body = calloc(1, sizeof(*body));
    if (body == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = open_unnamed(dir, why, &body->fd);
    if (err != ERR_NONE) {
        free(body);
        return err;
    }
    open_line(&json, "header");
    json_string(&json, "summary", summary);
    json_string(&json, "description", description);
    if (parent != NULL) {
        char hex[OID_HEX_SIZE];
        oid_to_hex(parent, hex);
        json_string(&json, "parentCommit", hex);
    }
    err = end_line(body, &json, why);
    if (err != ERR_NONE) {
        hub_commit_body_free(body);
        return err;
    }
    *out = body;
    return ERR_NONE;
}

static enum err put_content(struct hub_commit_body *body, uint64_t size, hub_read_fn read,
                            void *ctx, struct why *why)
{
    AUTO_FREE uint8_t *bytes = malloc(READ_BYTES);
    AUTO_FREE char *text = malloc(base64_length(READ_BYTES));
    if (bytes == NULL || text == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint64_t offset = 0; offset < size;) {
        size_t len = size - offset < READ_BYTES ? (size_t)(size - offset) : READ_BYTES;
        enum err err = read(ctx, offset, bytes, len, why);
        if (err == ERR_NONE) {
            base64_encode(bytes, len, text);
            err = put(body, text, base64_length(len), why);
        }
        if (err != ERR_NONE) {
            return err;
        }
        offset += len;
    }
    return ERR_NONE;
}

enum err hub_commit_body_add_file(struct hub_commit_body *body, const char *path,
                                  uint64_t size, hub_read_fn read, void *ctx,
                                  struct why *why)
{
    static const char tail[] = "\"}}\n";
    AUTO(buffer) struct buffer line = buffer_init(LINE_HEAD_MAX);
    struct json_writer json = json_writer_init(&line);
    enum err err = check_path(path, why);
    if (err != ERR_NONE) {
        return err;
    }
    open_line(&json, "file");
    json_string(&json, "path", path);
    json_string(&json, "encoding", "base64");
    err = json_writer_end(&json);
    if (err == ERR_NONE) {
        err = buffer_append_text(&line, ",\"content\":\"");
    }
    body->end = body->size;
    if (err == ERR_NONE) {
        err = put(body, line.bytes, line.len, why);
    }
    if (err == ERR_NONE) {
        err = put_content(body, size, read, ctx, why);
    }
    if (err == ERR_NONE) {
        err = put(body, tail, sizeof(tail) - 1, why);
    }
    if (err == ERR_NONE) {
        body->size = body->end;
    }
    return err;
}

enum err hub_commit_body_add_lfs(struct hub_commit_body *body, const char *path,
                                 const struct digest *sha256, uint64_t size,
                                 struct why *why)
{
    AUTO(buffer) struct buffer line = buffer_init(LINE_HEAD_MAX);
    struct json_writer json = json_writer_init(&line);
    char hex[DIGEST_HEX_SIZE];
    enum err err = check_path(path, why);
    if (err != ERR_NONE) {
        return err;
    }
    digest_to_hex(sha256, hex);
    open_line(&json, "lfsFile");
    json_string(&json, "path", path);
    json_string(&json, "algo", "sha256");
    json_string(&json, "oid", hex);
    json_u64(&json, "size", size);
    return end_line(body, &json, why);
}

static enum err add_delete(struct hub_commit_body *body, const char *key,
                           const char *path, struct why *why)
{
    AUTO(buffer) struct buffer line = buffer_init(LINE_HEAD_MAX);
    struct json_writer json = json_writer_init(&line);
    enum err err = check_path(path, why);
    if (err != ERR_NONE) {
        return err;
    }
    open_line(&json, key);
    json_string(&json, "path", path);
    return end_line(body, &json, why);
}

enum err hub_commit_body_delete_file(struct hub_commit_body *body, const char *path,
                                     struct why *why)
{
    return add_delete(body, "deletedFile", path, why);
}

enum err hub_commit_body_delete_folder(struct hub_commit_body *body, const char *path,
                                       struct why *why)
{
    return add_delete(body, "deletedFolder", path, why);
}

uint64_t hub_commit_body_size(const struct hub_commit_body *body)
{
    return body->size;
}

enum err commit_body_dup(const struct hub_commit_body *body, int *out_fd,
                         uint64_t *out_size)
{
    int fd = fcntl(body->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    *out_fd = fd;
    *out_size = body->size;
    return ERR_NONE;
}

void hub_commit_body_free(struct hub_commit_body *body)
{
    if (body != NULL) {
        close(body->fd);
        free(body);
    }
}
