// SPDX-License-Identifier: Apache-2.0
// Titles are short: a long path is told by its last name. Bytes that are no text become "?".
#include "fs/commit_title.h"

enum { PATH_SHOWN_MAX = 80 };

struct counts {
    size_t added;
    size_t changed;
    size_t deleted;
};

// The longest start of a text of at most `max` bytes that does not cut a character.
static size_t whole_characters(const char *text, size_t len, size_t max)
{
    if (len <= max) {
        return len;
    }
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80) {
        max--;
    }
    return max;
}

static void copy_line(const char *text, size_t len, size_t max, char *out)
{
    size_t n = whole_characters(text, len, max);
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)text[i];
        out[i] = (char)(byte < 0x20 || byte == 0x7f ? '?' : byte);
    }
    out[n] = '\0';
}

static void shown_path(const char *path, char out[PATH_SHOWN_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    const char *text = strlen(path) > PATH_SHOWN_MAX && slash != NULL ? slash + 1 : path;
    copy_line(text, strlen(text), PATH_SHOWN_MAX, out);
}

static void title_of_one(const struct overlay_item *item, char out[COMMIT_TITLE_MAX])
{
    char path[PATH_SHOWN_MAX + 1];
    const char *verb = item->op == OVERLAY_DELETE_FILE     ? "Delete"
                       : item->op == OVERLAY_DELETE_FOLDER ? "Delete folder"
                       : item->under_exists                ? "Update"
                                                           : "Add";
    shown_path(item->path, path);
    snprintf(out, COMMIT_TITLE_MAX, "%s %s", verb, path);
}

// Whether one of the two is the other's old place.
static bool is_rename(const struct overlay_item *put, const struct overlay_item *delete)
{
    return put->op == OVERLAY_PUT && put->has_version &&
           delete->op == OVERLAY_DELETE_FILE &&
           strcmp(put->version.path, delete->path) == 0;
}

static bool title_of_rename(const struct overlay_item *a, const struct overlay_item *b,
                            char out[COMMIT_TITLE_MAX])
{
    if (!is_rename(a, b) && !is_rename(b, a)) {
        return false;
    }
    char from[PATH_SHOWN_MAX + 1];
    char to[PATH_SHOWN_MAX + 1];
    shown_path(is_rename(a, b) ? b->path : a->path, from);
    shown_path(is_rename(a, b) ? a->path : b->path, to);
    snprintf(out, COMMIT_TITLE_MAX, "Rename %s to %s", from, to);
    return true;
}

static struct counts count(const struct overlay_item *const *items, size_t n)
{
    struct counts counts = {0};
    for (size_t i = 0; i < n; i++) {
        if (items[i]->op != OVERLAY_PUT) {
            counts.deleted++;
        } else if (items[i]->under_exists) {
            counts.changed++;
        } else {
            counts.added++;
        }
    }
    return counts;
}

static size_t add_part(char out[COMMIT_TITLE_MAX], size_t at, const char *verb, size_t n)
{
    if (n == 0) {
        return at;
    }
    int len = snprintf(out + at, COMMIT_TITLE_MAX - at, "%s%s %zu%s", at == 0 ? "" : ", ",
                       verb, n,
                       at != 0  ? ""
                       : n == 1 ? " file"
                                : " files");
    return at + (size_t)len;
}

void commit_title_of(const struct overlay_item *const *items, size_t n,
                     char out[COMMIT_TITLE_MAX])
{
    if (n == 1) {
        title_of_one(items[0], out);
        return;
    }
    if (n == 2 && title_of_rename(items[0], items[1], out)) {
        return;
    }
    struct counts counts = count(items, n);
    size_t at = add_part(out, 0, "Add", counts.added);
    at = add_part(out, at, at == 0 ? "Update" : "update", counts.changed);
    (void)add_part(out, at, at == 0 ? "Delete" : "delete", counts.deleted);
}

void commit_message_split(const char *message, char out_title[COMMIT_TITLE_MAX],
                          const char **out_description, size_t *out_len)
{
    message += strspn(message, " \t\r\n");
    size_t line = strcspn(message, "\r\n");
    copy_line(message, line, COMMIT_TITLE_MAX - 1, out_title);
    const char *rest = message + line;
    rest += strspn(rest, " \t\r\n");
    size_t len = strlen(rest);
    while (len > 0 && strchr(" \t\r\n", rest[len - 1]) != NULL) {
        len--;
    }
    *out_description = rest;
    *out_len = len;
}
