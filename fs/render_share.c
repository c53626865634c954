// SPDX-License-Identifier: Apache-2.0
// `hugfs status PATH`: what share of each file is on this machine, as text and as JSON.
#include "fs/render.h"

#include "fs/figures.h"
#include "fs/say.h"

#include <inttypes.h>

// Rounded down, and 100 only when all of it is here.
static unsigned percent(uint64_t cached, uint64_t size)
{
    if (cached >= size) {
        return 100;
    }
    unsigned share = (unsigned)(100.0 * (double)cached / (double)size);
    return share < 100 ? share : 99;
}

static enum err append_line(struct buffer *out, const char *share, uint64_t size,
                            const char *path, const char *note)
{
    char figure[FIGURE_SIZE];
    AUTO_FREE char *printable = strdup(path[0] != '\0' ? path : "/");
    if (printable == NULL) {
        return ERR_NO_MEMORY;
    }
    make_printable(printable);
    figure_bytes(size, figure);
    return buffer_printf(out, "%10s  %10s  %s%s\n", share,
                         strcmp(share, "not listed") != 0 ? figure : "", printable, note);
}

static enum err append_file(const struct mount_share_file *file, struct buffer *out)
{
    char share[16];
    snprintf(share, sizeof share, "%u %%",
             file->gated ? 0 : percent(file->cached_bytes, file->size));
    const char *note = file->gated    ? "  (gated: reading needs a token that has access)"
                       : file->pinned ? "  (pinned)"
                                      : "";
    return append_line(out, share, file->size, file->path, note);
}

static enum err append_total(const struct mount_share *share, struct buffer *out)
{
    char cached[FIGURE_SIZE];
    char total[FIGURE_SIZE];
    char rest[64] = "";
    figure_bytes(share->bytes_cached, cached);
    figure_bytes(share->bytes_total, total);
    // What is in a folder that is not listed counts nowhere, so nothing is complete then.
    unsigned known = percent(share->bytes_cached, share->bytes_total);
    bool is_all = share->files_complete == share->files_total;
    known = known == 100 && !is_all ? 99 : known;
    if (share->unlisted_folders > 0) {
        snprintf(rest, sizeof rest, "; %" PRIu64 " %s not listed",
                 share->unlisted_folders,
                 share->unlisted_folders == 1 ? "folder is" : "folders are");
    }
    return render_row(out, "here",
                      "%s of %s, %u %%, %" PRIu64 " of %" PRIu64 " %s complete%s", cached,
                      total, known, share->files_complete, share->files_total,
                      share->files_total == 1 ? "file" : "files", rest);
}

enum err render_share_text(const struct mount_share *share, struct buffer *out)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < share->n_folders; i++) {
        err = append_line(out, "not listed", 0, share->folders[i], "");
    }
    if (err == ERR_NONE && share->unlisted_folders > share->n_folders) {
        err = buffer_printf(out, "... and %" PRIu64 " more folders\n",
                            share->unlisted_folders - share->n_folders);
    }
    for (size_t i = 0; err == ERR_NONE && i < share->n_files; i++) {
        err = append_file(&share->files[i], out);
    }
    if (err == ERR_NONE && share->files_total > share->n_files) {
        err = buffer_printf(out, "... and %" PRIu64 " more\n",
                            share->files_total - share->n_files);
    }
    return err != ERR_NONE ? err : append_total(share, out);
}

void render_share_object(struct json_writer *json, const struct mount_share *share)
{
    if (share == NULL) {
        json_null(json, "here");
        return;
    }
    json_open_object(json, "here");
    json_string(json, "path", share->path);
    json_u64(json, "files_total", share->files_total);
    json_u64(json, "files_complete", share->files_complete);
    json_u64(json, "bytes_total", share->bytes_total);
    json_u64(json, "bytes_cached", share->bytes_cached);
    json_u64(json, "unlisted_folders", share->unlisted_folders);
    json_open_array(json, "files");
    for (size_t i = 0; i < share->n_files; i++) {
        const struct mount_share_file *file = &share->files[i];
        render_json_line(json);
        json_open_object(json, NULL);
        json_string(json, "path", file->path);
        json_u64(json, "size", file->size);
        json_u64(json, "cached_bytes", file->cached_bytes);
        json_bool(json, "pinned", file->pinned);
        json_bool(json, "gated", file->gated);
        json_close_object(json);
    }
    json_close_array(json);
    json_close_object(json);
}
