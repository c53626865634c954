// SPDX-License-Identifier: Apache-2.0
// What is told about a repository: .hub/status, .hub/log and `hugfs log`, `hugfs revisions`.
#include "fs/render.h"

#include "fs/figures.h"
#include "fs/repo_facts.h"
#include "fs/say.h"

#include <inttypes.h>

enum { SHORT_ID = 12, NAME_COLUMN_MAX = 40, AUTHOR_COLUMN_MAX = 20 };

// ------------------------------------------------------------------------------- pieces

void render_json_line(struct json_writer *json)
{
    if (json->err == ERR_NONE) {
        json->err = buffer_append_text(json->to, json->needs_comma ? ",\n" : "\n");
        json->needs_comma = false; // it stands before the line end
    }
}

static void write_repo(struct json_writer *json, const struct repo_id *repo,
                       const struct oid *commit)
{
    char name[REPO_NAME_SIZE + 16];
    char hex[OID_HEX_SIZE];
    repo_id_format(repo, name, sizeof(name));
    oid_to_hex(commit, hex);
    json_string(json, "repo", name);
    json_string(json, "commit", hex);
}

static void write_number(struct json_writer *json, const char *key, int64_t number)
{
    if (number >= 0) {
        json_i64(json, key, number);
    } else {
        json_null(json, key);
    }
}

// What the revision is called.
static const char *revision_name(const char *revision)
{
    return revision[0] != '\0' ? revision : "main";
}

// ------------------------------------------------------------------------------- status

static enum err render_status_json(const struct repo_status *status, struct buffer *out)
{
    struct json_writer json = json_writer_init(out);
    json_open_object(&json, NULL);
    write_repo(&json, &status->repo, &status->commit);
    json_string(&json, "revision", revision_name(status->revision));
    write_number(&json, "commit_date", status->commit_date_s);
    json_bool(&json, "follows_branch", status->follows_branch);
    write_number(&json, "head_checked", status->head_checked_s);
    if (status->refresh_error.text[0] != '\0') {
        json_string(&json, "refresh_error", status->refresh_error.text);
    } else {
        json_null(&json, "refresh_error");
    }
    json_string(&json, "state", status->offline ? "offline" : "online");
    json_u64(&json, "entries_known", status->entries_known);
    json_u64(&json, "bytes_known", status->bytes_known);
    json_close_object(&json);
    return json_writer_end(&json);
}

static enum err append_checked(const struct repo_status *status, struct buffer *out)
{
    char age[FIGURE_SIZE];
    if (!status->follows_branch) {
        return render_row(out, "checked", "a commit never moves");
    }
    if (status->head_checked_s < 0) {
        return render_row(out, "checked", "never compared with the Hub");
    }
    figure_time((clock_wall_s() - status->head_checked_s) * 1000, age);
    return render_row(out, "checked", "%s ago", age);
}

enum err render_repo_status(const struct repo_status *status, enum render_format format,
                            struct buffer *out)
{
    char repo[REPO_NAME_SIZE + 16];
    char hex[OID_HEX_SIZE];
    char figure[FIGURE_SIZE];
    if (format == RENDER_JSON) {
        return render_status_json(status, out);
    }
    repo_id_format(&status->repo, repo, sizeof(repo));
    oid_to_hex(&status->commit, hex);
    enum err err = render_row(out, "repository", "%s", repo);
    err = err ? err : render_row(out, "revision", "%s", revision_name(status->revision));
    err = err ? err : render_row(out, "commit", "%s", hex);
    figure_date(status->commit_date_s, figure);
    err = err ? err
              : render_row(out, "date", "%s",
                           status->commit_date_s >= 0 ? figure : "not known");
    err = err ? err : append_checked(status, out);
    err = err ? err
              : render_row(out, "state", "%s", status->offline ? "offline" : "online");
    if (err == ERR_NONE && status->refresh_error.text[0] != '\0') {
        err = render_row(out, "", "the branch cannot be asked for news: %s",
                         status->refresh_error.text);
    }
    figure_bytes(status->bytes_known, figure);
    return err ? err
               : render_row(out, "known", "%" PRIu64 " %s, %s", status->entries_known,
                            status->entries_known == 1 ? "file" : "files", figure);
}

// ---------------------------------------------------------------------------------- log

static enum err render_log_json(const struct repo_log *log, struct buffer *out)
{
    struct json_writer json = json_writer_init(out);
    json_open_object(&json, NULL);
    write_repo(&json, &log->repo, &log->commit);
    json_open_array(&json, "commits");
    for (size_t i = 0; i < log->n; i++) {
        char hex[OID_HEX_SIZE];
        oid_to_hex(&log->commits[i].id, hex);
        render_json_line(&json);
        json_open_object(&json, NULL);
        json_string(&json, "id", hex);
        write_number(&json, "date", log->commits[i].date_s);
        json_string(&json, "author", log->commits[i].author);
        json_string(&json, "title", log->commits[i].title);
        json_close_object(&json);
    }
    json_close_array(&json);
    json_close_object(&json);
    return json_writer_end(&json);
}

static int column(size_t widest, int max)
{
    return widest < (size_t)max ? (int)widest : max;
}

// Appends one line; ERR_TOO_LARGE and nothing when there is no room.
static enum err append_line(struct buffer *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static enum err append_line(struct buffer *out, const char *format, ...)
{
    AUTO_FREE char *line = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&line, format, args);
    va_end(args);
    if (n < 0) {
        line = NULL;
        return ERR_NO_MEMORY;
    }
    make_printable(line);
    return buffer_printf(out, "%s\n", line);
}

enum err render_repo_log(const struct repo_log *log, enum render_format format,
                         struct buffer *out)
{
    enum err err = ERR_NONE;
    size_t widest = 0;
    if (format == RENDER_JSON) {
        return render_log_json(log, out);
    }
    for (size_t i = 0; i < log->n; i++) {
        size_t len = strlen(log->commits[i].author);
        widest = len > widest ? len : widest;
    }
    for (size_t i = 0; err == ERR_NONE && i < log->n; i++) {
        const struct repo_commit *commit = &log->commits[i];
        char hex[OID_HEX_SIZE];
        char date[FIGURE_SIZE];
        oid_to_hex(&commit->id, hex);
        figure_date(commit->date_s, date);
        err =
            append_line(out, "%s  %-20s  %-*s  %s", hex, date,
                        column(widest, AUTHOR_COLUMN_MAX), commit->author, commit->title);
    }
    return err == ERR_TOO_LARGE ? ERR_NONE : err;
}

// ---------------------------------------------------------------------------- revisions

static const struct {
    const char *name;
    const char *list; // in the Hub's own answer
    const char *ref;  // before the name, likewise
} kinds[] = {
    [HUB_REF_BRANCH] = {"branch", "branches", "refs/heads/"},
    [HUB_REF_TAG] = {"tag", "tags", "refs/tags/"},
    [HUB_REF_CONVERT] = {"convert", "converts", "refs/convert/"},
    [HUB_REF_PULL] = {"pull", "pullRequests", ""},
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

// Whether what is shown was asked for by this name.
static bool is_shown(const struct repo_refs *refs, const struct repo_ref *ref)
{
    char revision[REVISION_SIZE];
    return repo_ref_revision(ref, revision) &&
           strcmp(revision, revision_name(refs->revision)) == 0;
}

static void write_ref(struct json_writer *json, const struct repo_refs *refs,
                      const struct repo_ref *ref)
{
    char full[REVISION_SIZE + 16];
    char hex[OID_HEX_SIZE];
    snprintf(full, sizeof(full), "%s%s", kinds[ref->kind].ref, ref->name);
    oid_to_hex(&ref->sha, hex);
    render_json_line(json);
    json_open_object(json, NULL);
    json_string(json, "name", ref->name);
    json_string(json, "ref", full);
    json_string(json, "targetCommit", hex);
    json_bool(json, "shown", is_shown(refs, ref));
    json_close_object(json);
}

static enum err render_refs_json(const struct repo_refs *refs, struct buffer *out)
{
    struct json_writer json = json_writer_init(out);
    json_open_object(&json, NULL);
    write_repo(&json, &refs->repo, &refs->commit);
    json_string(&json, "revision", revision_name(refs->revision));
    for (int kind = 0; kind < N_KINDS; kind++) {
        json_open_array(&json, kinds[kind].list);
        for (size_t i = 0; i < refs->n; i++) {
            if ((int)refs->refs[i].kind == kind) {
                write_ref(&json, refs, &refs->refs[i]);
            }
        }
        json_close_array(&json);
    }
    json_close_object(&json);
    return json_writer_end(&json);
}

enum err render_repo_refs(const struct repo_refs *refs, enum render_format format,
                          struct buffer *out)
{
    char revision[REVISION_SIZE];
    char hex[OID_HEX_SIZE];
    size_t widest = 0;
    bool is_any_shown = false;
    enum err err = ERR_NONE;
    if (format == RENDER_JSON) {
        return render_refs_json(refs, out);
    }
    for (size_t i = 0; i < refs->n; i++) {
        if (repo_ref_revision(&refs->refs[i], revision)) {
            widest = strlen(revision) > widest ? strlen(revision) : widest;
        }
    }
    int width = column(widest, NAME_COLUMN_MAX);
    for (size_t i = 0; err == ERR_NONE && i < refs->n; i++) {
        const struct repo_ref *ref = &refs->refs[i];
        bool shown = is_shown(refs, ref);
        oid_to_hex(&ref->sha, hex);
        if (repo_ref_revision(ref, revision)) {
            err = append_line(out, "%-8s %-*s  %.*s%s", kinds[ref->kind].name, width,
                              revision, SHORT_ID, hex, shown ? "  shown" : "");
        }
        is_any_shown = is_any_shown || shown;
    }
    if (err == ERR_NONE && !is_any_shown) { // a commit, or a ref that is gone
        oid_to_hex(&refs->commit, hex);
        err = append_line(out, "%-8s %-*.*s  %.*s  shown", "commit", width, SHORT_ID,
                          revision_name(refs->revision), SHORT_ID, hex);
    }
    return err;
}
