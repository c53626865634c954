// SPDX-License-Identifier: Apache-2.0
// `hugfs info PATH` and .hub/info/PATH.
#include "fs/render.h"

#include "fs/figures.h"
#include "fs/say.h"

#include <inttypes.h>

enum { LABEL_COLUMN = 12 };

enum err render_row(struct buffer *out, const char *label, const char *format, ...)
{
    AUTO_FREE char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0) {
        text = NULL;
        return ERR_NO_MEMORY;
    }
    make_printable(text);
    return buffer_printf(out, "%-*s %s\n", LABEL_COLUMN, label, text);
}

static const char *kind_name(enum entry_kind kind)
{
    switch (kind) {
    case ENTRY_FILE:
        return "file";
    case ENTRY_DIRECTORY:
        return "directory";
    case ENTRY_SYMLINK:
        return "symlink";
    }
    return "file";
}

static const char *verified_name(enum verified_state verified)
{
    switch (verified) {
    case VERIFIED_UNKNOWN:
        return "unknown";
    case VERIFIED_GOOD:
        return "good";
    case VERIFIED_BAD:
        return "bad";
    }
    return "unknown";
}

static void write_hashes(struct json_writer *json, const struct tree_node *node,
                         bool is_unnamed)
{
    char hex[DIGEST_HEX_SIZE];
    char oid[OID_HEX_SIZE];
    if (!is_unnamed) {
        oid_to_hex(&node->oid, oid);
        json_string(json, "oid", oid);
    } else {
        json_null(json, "oid");
    }
    if (node->has_sha256) {
        digest_to_hex(&node->sha256, hex);
        json_string(json, "sha256", hex);
    } else {
        json_null(json, "sha256");
    }
    if (node->has_xet) {
        digest_to_xet_hex(&node->xet_hash, hex);
        json_string(json, "xet_hash", hex);
    } else {
        json_null(json, "xet_hash");
    }
}

static enum err render_info_json(const struct mount_path_info *info, struct buffer *out)
{
    char repo[REPO_NAME_SIZE + 16];
    char commit[OID_HEX_SIZE];
    repo_id_format(&info->repo, repo, sizeof repo);
    oid_to_hex(&info->commit, commit);
    struct json_writer json = json_writer_init(out);
    json_open_object(&json, NULL);
    json_string(&json, "repo", repo);
    json_string(&json, "commit", commit);
    json_string(&json, "path", info->path);
    json_string(&json, "kind", kind_name(info->node.kind));
    write_hashes(&json, &info->node, info->is_unnamed);
    json_u64(&json, "size", info->node.size);
    json_u64(&json, "cached_bytes", info->cached_bytes);
    json_string(&json, "verified", verified_name(info->verified));
    json_bool(&json, "pinned", info->pinned);
    json_string(&json, "state", info->state != NULL ? info->state : "clean");
    if (info->doing[0] != '\0') {
        json_string(&json, "doing", info->doing);
    } else {
        json_null(&json, "doing");
    }
    if (info->last_error != ERR_NONE) {
        json_string(&json, "error", why_text(&info->why, info->last_error));
    } else {
        json_null(&json, "error");
    }
    json_close_object(&json);
    return json_writer_end(&json);
}

static enum err append_identity(const struct mount_path_info *info, struct buffer *out)
{
    char repo[REPO_NAME_SIZE + 16];
    char hex[DIGEST_HEX_SIZE];
    repo_id_format(&info->repo, repo, sizeof repo);
    oid_to_hex(&info->commit, hex);
    enum err err = render_row(out, "repository", "%s", repo);
    err = err ? err : render_row(out, "commit", "%s", hex);
    err = err ? err
              : render_row(out, "path", "%s", info->path[0] != '\0' ? info->path : "/");
    err = err ? err
              : render_row(out, "kind", "%s%s", kind_name(info->node.kind),
                           info->node.executable ? ", executable" : "");
    oid_to_hex(&info->node.oid, hex);
    err = err || info->is_unnamed ? err : render_row(out, "oid", "%s", hex);
    if (err == ERR_NONE && info->node.has_sha256) {
        digest_to_hex(&info->node.sha256, hex);
        err = render_row(out, "sha256", "%s", hex);
    }
    if (err == ERR_NONE && info->node.has_xet) {
        digest_to_xet_hex(&info->node.xet_hash, hex);
        err = render_row(out, "xet hash", "%s", hex);
    }
    return err;
}

static enum err append_content(const struct mount_path_info *info, struct buffer *out)
{
    char figure[FIGURE_SIZE];
    uint64_t size = info->node.size;
    // Rounded down: 100 % is said only when all of it is here.
    unsigned percent =
        size > 0 ? (unsigned)(100.0 * (double)info->cached_bytes / (double)size) : 100;
    figure_bytes(size, figure);
    enum err err = render_row(out, "size", "%" PRIu64 " (%s)", size, figure);
    figure_bytes(info->cached_bytes, figure);
    err = err ? err
              : render_row(out, "cached", "%s, %u %%%s", figure, percent,
                           info->pinned ? ", pinned" : "");
    err = err ? err : render_row(out, "verified", "%s", verified_name(info->verified));
    if (err == ERR_NONE && info->node.masked) {
        err = render_row(out, "access",
                         "gated: reading needs a token that was granted access");
    }
    return err;
}

enum err render_info(const struct mount_path_info *info, enum render_format format,
                     struct buffer *out)
{
    if (format == RENDER_JSON) {
        return render_info_json(info, out);
    }
    enum err err = append_identity(info, out);
    if (err == ERR_NONE && info->node.kind != ENTRY_DIRECTORY) {
        err = append_content(info, out);
    }
    if (err == ERR_NONE && info->state != NULL) {
        err = render_row(out, "state", "%s%s%s", info->state,
                         info->doing[0] != '\0' ? ": " : "", info->doing);
    }
    if (err == ERR_NONE && info->last_error != ERR_NONE) {
        err = render_row(out, "last error", "%s", why_text(&info->why, info->last_error));
    }
    return err;
}
