// SPDX-License-Identifier: Apache-2.0
// What waits to be committed: in `hugfs status`, and `hugfs diff PATH`:
//
//   M    8.0 MiB ->    8.0 MiB  waits       model.safetensors
//   A          - ->       12 B  conflict    notes.txt
//        somebody else has changed notes.txt: ...
//   2 changes: 1 added, 0 deleted, 1 modified, 0 moved
#include "fs/render.h"

#include "fs/figures.h"
#include "fs/say.h"

#include <inttypes.h>

enum { BAR_CELLS = 20, STATUS_CHANGES_MAX = 200 };

// --------------------------------------------------------------------------------- status

// "2 conflicts" with the word for one or for many, and what stands before it.
static enum err append_count(struct buffer *out, uint64_t n, const char *one,
                             const char *many)
{
    if (n == 0) {
        return ERR_NONE;
    }
    return buffer_printf(out, "%s%" PRIu64 " %s", out->len > 0 ? ", " : "", n,
                         n == 1 ? one : many);
}

static enum err append_waiting(const struct mount_writes *writes, struct buffer *out)
{
    char bytes[FIGURE_SIZE];
    AUTO(buffer) struct buffer text = buffer_init(1024);
    figure_bytes(writes->bytes_waiting, bytes);
    enum err err = append_count(&text, writes->waiting, "file waits", "files wait");
    if (err == ERR_NONE && writes->waiting > 0 && writes->bytes_waiting > 0) {
        err = buffer_printf(&text, " (%s)", bytes);
    }
    err = err ? err
              : append_count(&text, writes->on_their_way, "is on its way",
                             "are on their way");
    err = err ? err
              : append_count(&text, writes->dirty, "file is open for writing",
                             "files are open for writing");
    err = err ? err : append_count(&text, writes->conflicts, "conflict", "conflicts");
    err = err ? err : append_count(&text, writes->failed, "was refused", "were refused");
    err = err ? err : append_count(&text, writes->local, "stays here", "stay here");
    return err ? err
               : render_row(out, "writes", "%s",
                            text.len > 0 ? buffer_text(&text)
                                         : "everything is committed");
}

static enum err append_upload(const struct mount_writes *writes, struct buffer *out)
{
    char sent[FIGURE_SIZE];
    char sending[FIGURE_SIZE];
    char bar[BAR_CELLS + 1];
    uint64_t done = writes->sent_bytes < writes->sending_bytes ? writes->sent_bytes
                                                               : writes->sending_bytes;
    double share = (double)done / (double)writes->sending_bytes;
    for (int i = 0; i < BAR_CELLS; i++) {
        bar[i] = i < (int)(share * (double)BAR_CELLS) ? '#' : '.';
    }
    bar[BAR_CELLS] = '\0';
    figure_bytes(done, sent);
    figure_bytes(writes->sending_bytes, sending);
    return render_row(out, "upload", "[%s] %d %%, %s of %s%s%s", bar, (int)(share * 100),
                      sent, sending, writes->sending_path[0] != '\0' ? ", " : "",
                      writes->sending_path);
}

static enum err append_target(const struct mount_writes *writes, struct buffer *out)
{
    if (writes->branch[0] == '\0') {
        return ERR_NONE;
    }
    return render_row(out, "commits", "%" PRIu64 " to %s%s%s", writes->commits,
                      writes->branch, writes->pull_url[0] != '\0' ? ", " : "",
                      writes->pull_url);
}

enum err render_writes_text(const struct mount_writes *writes, struct buffer *out)
{
    if (!writes->is_writable) {
        return writes->read_only_reason[0] != '\0'
                   ? render_row(out, "writes", "read-only: %s", writes->read_only_reason)
                   : ERR_NONE;
    }
    enum err err = append_waiting(writes, out);
    bool has_bar = writes->sending_bytes > 0;
    if (err == ERR_NONE && !has_bar && writes->doing[0] != '\0') {
        err = render_row(out, "", "%s", writes->doing);
    }
    if (err == ERR_NONE && has_bar) {
        err = append_upload(writes, out);
    }
    if (err == ERR_NONE && writes->trouble[0] != '\0') {
        err = render_row(out, "trouble", "%s", writes->trouble);
    }
    return err ? err : append_target(writes, out);
}

static void write_text(struct json_writer *json, const char *key, const char *text)
{
    if (text[0] != '\0') {
        json_string(json, key, text);
    } else {
        json_null(json, key);
    }
}

void render_writes_object(struct json_writer *json, const struct mount_writes *writes)
{
    json_open_object(json, "writes");
    json_bool(json, "writable", writes->is_writable);
    write_text(json, "read_only_reason", writes->read_only_reason);
    json_u64(json, "waiting", writes->waiting);
    json_u64(json, "on_their_way", writes->on_their_way);
    json_u64(json, "conflicts", writes->conflicts);
    json_u64(json, "failed", writes->failed);
    json_u64(json, "local", writes->local);
    json_u64(json, "dirty", writes->dirty);
    json_u64(json, "bytes_waiting", writes->bytes_waiting);
    write_text(json, "doing", writes->doing);
    json_u64(json, "sent_bytes", writes->sent_bytes);
    json_u64(json, "sending_bytes", writes->sending_bytes);
    write_text(json, "sending_path", writes->sending_path);
    write_text(json, "trouble", writes->trouble);
    json_u64(json, "commits", writes->commits);
    write_text(json, "branch", writes->branch);
    write_text(json, "pull_url", writes->pull_url);
    json_close_object(json);
}

// -------------------------------------------------------------------------------- changes

static void write_change(struct json_writer *json, const struct mount_change *change)
{
    const char status[] = {change->what, '\0'};
    render_json_line(json);
    json_open_object(json, NULL);
    json_string(json, "path", change->path);
    json_string(json, "status", status);
    json_string(json, "state", change->state);
    if (change->what != 'A') {
        json_u64(json, "old_size", change->base_size);
    } else {
        json_null(json, "old_size");
    }
    if (change->what != 'D') {
        json_u64(json, "new_size", change->size);
    } else {
        json_null(json, "new_size");
    }
    write_text(json, "reason", change->sentence);
    json_close_object(json);
}

void render_changes_array(struct json_writer *json, const struct mount_changes *changes)
{
    json_open_array(json, "changes");
    for (size_t i = 0; i < changes->n; i++) {
        write_change(json, &changes->changes[i]);
    }
    json_close_array(json);
}

static enum err append_change(const struct mount_change *change, struct buffer *out)
{
    char old_size[FIGURE_SIZE] = "-";
    char new_size[FIGURE_SIZE] = "-";
    AUTO_FREE char *path = strdup(change->path);
    AUTO_FREE char *sentence = strdup(change->sentence);
    if (path == NULL || sentence == NULL) {
        return ERR_NO_MEMORY;
    }
    make_printable(path);
    make_printable(sentence);
    if (change->what != 'A') {
        figure_bytes(change->base_size, old_size);
    }
    if (change->what != 'D') {
        figure_bytes(change->size, new_size);
    }
    enum err err = buffer_printf(out, "%c %10s -> %10s  %-10s  %s\n", change->what,
                                 old_size, new_size, change->state, path);
    if (err == ERR_NONE && sentence[0] != '\0') {
        err = buffer_printf(out, "  %s\n", sentence);
    }
    return err;
}

enum err render_changes_text(const struct mount_changes *changes, struct buffer *out)
{
    enum err err = ERR_NONE;
    size_t n = changes->n < STATUS_CHANGES_MAX ? changes->n : STATUS_CHANGES_MAX;
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        err = append_change(&changes->changes[i], out);
    }
    if (err == ERR_NONE && n < changes->n) {
        err = buffer_printf(out, "... and %zu more: 'hugfs diff' lists them\n",
                            changes->n - n);
    }
    return err;
}

static enum err append_totals(const struct mount_changes *changes, struct buffer *out)
{
    size_t added = 0;
    size_t deleted = 0;
    size_t modified = 0;
    for (size_t i = 0; i < changes->n; i++) {
        added += changes->changes[i].what == 'A';
        deleted += changes->changes[i].what == 'D';
        modified += changes->changes[i].what == 'M';
    }
    return buffer_printf(out, "%zu %s: %zu added, %zu deleted, %zu modified, %zu moved\n",
                         changes->n, changes->n == 1 ? "change" : "changes", added,
                         deleted, modified, changes->n - added - deleted - modified);
}

enum err render_changes(const struct mount_changes *changes, enum render_format format,
                        struct buffer *out)
{
    if (format == RENDER_JSON) {
        struct json_writer json = json_writer_init(out);
        json_open_object(&json, NULL);
        render_changes_array(&json, changes);
        json_close_object(&json);
        return json_writer_end(&json);
    }
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < changes->n; i++) {
        err = append_change(&changes->changes[i], out);
    }
    return err ? err : append_totals(changes, out);
}
