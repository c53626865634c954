// SPDX-License-Identifier: Apache-2.0
// `hugfs diff`:
//
//   M    8.0 MiB ->    8.0 MiB    about 64.3 KiB  model.safetensors
//   D       12 B ->          -                 -  notes/old.txt
//   2 files differ: 0 added, 1 deleted, 1 modified; about 64.3 KiB of 8.0 MiB are new
#include "fs/render.h"

#include "fs/commit_diff.h"
#include "fs/figures.h"
#include "fs/say.h"

#include <inttypes.h>

struct totals {
    uint64_t added, deleted, modified; // files
    uint64_t old_size;
    uint64_t new_size;
    uint64_t differing; // as far as known
    bool is_estimate;   // or not known of all
};

static struct totals sum(const struct commit_diff *diff)
{
    struct totals totals = {.added = 0};
    for (size_t i = 0; i < diff->n; i++) {
        const struct commit_change *change = &diff->changes[i];
        totals.added += change->status == CHANGE_ADDED;
        totals.deleted += change->status == CHANGE_DELETED;
        totals.modified += change->status == CHANGE_MODIFIED;
        totals.old_size += change->old_size;
        totals.new_size += change->new_size;
        // What is not known is at most all of it.
        totals.differing += change->has_differing ? change->differing : change->new_size;
        totals.is_estimate |= change->is_estimate || !change->has_differing;
    }
    return totals;
}

// --------------------------------------------------------------------------------- JSON

static void write_side(struct json_writer *json, const char *key,
                       const struct diff_side *side)
{
    char hex[OID_HEX_SIZE];
    oid_to_hex(&side->commit, hex);
    json_open_object(json, key);
    json_string(json, "revision", side->revision);
    json_string(json, "commit", hex);
    json_close_object(json);
}

static void write_change(struct json_writer *json, const struct commit_change *change)
{
    const char status[] = {(char)change->status, '\0'};
    render_json_line(json);
    json_open_object(json, NULL);
    json_string(json, "path", change->path);
    json_string(json, "status", status);
    if (change->status != CHANGE_ADDED) {
        json_u64(json, "old_size", change->old_size);
    } else {
        json_null(json, "old_size");
    }
    if (change->status != CHANGE_DELETED) {
        json_u64(json, "new_size", change->new_size);
    } else {
        json_null(json, "new_size");
    }
    if (change->has_differing) {
        json_u64(json, "differing_bytes", change->differing);
    } else {
        json_null(json, "differing_bytes");
    }
    json_bool(json, "is_estimate", change->is_estimate);
    json_close_object(json);
}

static enum err render_json(const struct commit_diff *diff, struct buffer *out)
{
    char repo[REPO_NAME_SIZE + 16];
    struct totals totals = sum(diff);
    struct json_writer json = json_writer_init(out);
    repo_id_format(&diff->repo, repo, sizeof(repo));
    json_open_object(&json, NULL);
    json_string(&json, "repo", repo);
    write_side(&json, "from", &diff->from);
    write_side(&json, "to", &diff->to);
    json_open_array(&json, "changes");
    for (size_t i = 0; i < diff->n; i++) {
        write_change(&json, &diff->changes[i]);
    }
    json_close_array(&json);
    json_open_object(&json, "totals");
    json_u64(&json, "added", totals.added);
    json_u64(&json, "deleted", totals.deleted);
    json_u64(&json, "modified", totals.modified);
    json_u64(&json, "old_size", totals.old_size);
    json_u64(&json, "new_size", totals.new_size);
    json_u64(&json, "differing_bytes", totals.differing);
    json_bool(&json, "is_estimate", totals.is_estimate);
    json_close_object(&json);
    json_close_object(&json);
    return json_writer_end(&json);
}

// --------------------------------------------------------------------------------- text

static enum err append_change(const struct commit_change *change, struct buffer *out)
{
    enum { ABOUT_SIZE = FIGURE_SIZE + 8 };
    char old_size[FIGURE_SIZE] = "-";
    char new_size[FIGURE_SIZE] = "-";
    char bytes[FIGURE_SIZE];
    char differing[ABOUT_SIZE] = "-";
    AUTO_FREE char *path = strdup(change->path);
    if (path == NULL) {
        return ERR_NO_MEMORY;
    }
    make_printable(path);
    if (change->status != CHANGE_ADDED) {
        figure_bytes(change->old_size, old_size);
    }
    if (change->status != CHANGE_DELETED) {
        figure_bytes(change->new_size, new_size);
        figure_bytes(change->differing, bytes);
        snprintf(differing, sizeof(differing), "%s%s",
                 change->is_estimate ? "about " : "", bytes);
    }
    return buffer_printf(out, "%c %10s -> %10s  %16s  %s\n", (char)change->status,
                         old_size, new_size, change->has_differing ? differing : "?",
                         path);
}

enum err render_diff(const struct commit_diff *diff, enum render_format format,
                     struct buffer *out)
{
    char differing[FIGURE_SIZE];
    char new_size[FIGURE_SIZE];
    struct totals totals = sum(diff);
    enum err err = ERR_NONE;
    if (format == RENDER_JSON) {
        return render_json(diff, out);
    }
    for (size_t i = 0; err == ERR_NONE && i < diff->n; i++) {
        err = append_change(&diff->changes[i], out);
    }
    figure_bytes(totals.differing, differing);
    figure_bytes(totals.new_size, new_size);
    return err ? err
               : buffer_printf(out,
                               "%zu %s: %" PRIu64 " added, %" PRIu64 " deleted, %" PRIu64
                               " modified; %s%s of %s are new\n",
                               diff->n, diff->n == 1 ? "file differs" : "files differ",
                               totals.added, totals.deleted, totals.modified,
                               totals.is_estimate ? "about " : "", differing, new_size);
}
