// SPDX-License-Identifier: Apache-2.0
// mountinfo, proc(5):
//
//   36 35 98:0 /root /mnt rw,noatime master:1 - fuse.hugfs hf://a/b ro,user_id=1000
//   id parent device root mount-point options optional... - type source super-options
//
// Blank, tab, line end and backslash in a field are written as \ooo.
#include "fs/mount_table.h"

#include "fs/option_value.h"

enum { MOUNTINFO_MAX = 16 << 20, FIELDS_MAX = 32 };

// Undoes \ooo in place.
static void decode_octal(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' &&
            at[2] <= '7' && at[3] >= '0' && at[3] <= '7') {
            *to++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
            at += 3;
        } else {
            *to++ = *at;
        }
    }
    *to = '\0';
}

static size_t split_fields(char *line, char *fields[FIELDS_MAX])
{
    size_t n = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " ", &rest); word != NULL && n < FIELDS_MAX;
         word = strtok_r(NULL, " ", &rest)) {
        fields[n++] = word;
    }
    return n;
}

// "98:0" as one number.
static bool parse_device(char *text, uint64_t *out)
{
    char *colon = strchr(text, ':');
    uint64_t major;
    uint64_t minor;
    if (colon == NULL) {
        return false;
    }
    *colon = '\0';
    if (option_parse_number(text, 10, UINT32_MAX, NULL, &major) != ERR_NONE ||
        option_parse_number(colon + 1, 10, UINT32_MAX, NULL, &minor) != ERR_NONE) {
        return false;
    }
    *out = major << 32 | minor;
    return true;
}

static uid_t parse_user_id(char *super_options)
{
    char *rest = NULL;
    for (char *word = strtok_r(super_options, ",", &rest); word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        uint64_t uid;
        if (strncmp(word, "user_id=", 8) == 0 &&
            option_parse_number(word + 8, 10, UINT32_MAX, NULL, &uid) == ERR_NONE) {
            return (uid_t)uid;
        }
    }
    return 0;
}

static void release_entry(struct mount_entry *entry)
{
    free(entry->mount_point);
    free(entry->root);
    free(entry->type);
}

// Fills an entry from a line; false when the line makes no sense or there is no memory.
static bool parse_line(char *line, struct mount_entry *out)
{
    char *fields[FIELDS_MAX];
    size_t n = split_fields(line, fields);
    size_t dash = 6;
    while (dash < n && strcmp(fields[dash], "-") != 0) {
        dash++;
    }
    struct mount_entry entry = {.mount_point = NULL};
    if (dash + 3 >= n || !parse_device(fields[2], &entry.device)) {
        return false;
    }
    decode_octal(fields[3]);
    decode_octal(fields[4]);
    entry.root = strdup(fields[3]);
    entry.mount_point = strdup(fields[4]);
    entry.type = strdup(fields[dash + 1]);
    entry.uid = parse_user_id(fields[dash + 3]);
    if (entry.root == NULL || entry.mount_point == NULL || entry.type == NULL) {
        release_entry(&entry);
        return false;
    }
    *out = entry;
    return true;
}

enum err mount_table_parse(const char *text, size_t len, struct mount_table *out)
{
    *out = (struct mount_table){.entries = NULL};
    const char *end = text + len;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        line_end = line_end != NULL ? line_end : end;
        AUTO_FREE char *line = strndup(text, (size_t)(line_end - text));
        struct mount_entry *grown = reallocarray(out->entries, out->n + 1, sizeof *grown);
        if (grown != NULL) {
            out->entries = grown;
        }
        if (line == NULL || grown == NULL) {
            mount_table_release(out);
            return ERR_NO_MEMORY;
        }
        out->n += parse_line(line, &out->entries[out->n]);
        text = line_end < end ? line_end + 1 : end;
    }
    return ERR_NONE;
}

enum err mount_table_read(struct why *why, struct mount_table *out)
{
    *out = (struct mount_table){.entries = NULL};
    AUTO(buffer) struct buffer text = buffer_init(MOUNTINFO_MAX);
    enum err err = file_read_all("/proc/self/mountinfo", why, &text);
    return err ? err : mount_table_parse(buffer_text(&text), text.len, out);
}

void mount_table_release(struct mount_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        release_entry(&table->entries[i]);
    }
    free(table->entries);
    *table = (struct mount_table){.entries = NULL};
}

bool mount_entry_is_hugfs(const struct mount_entry *entry)
{
    return strcmp(entry->type, "fuse.hugfs") == 0;
}

static bool covers(const char *folder, const char *path)
{
    size_t len = strlen(folder);
    if (len == 1) { // "/"
        return true;
    }
    return strncmp(folder, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

const struct mount_entry *mount_table_find(const struct mount_table *table,
                                           const char *path)
{
    const struct mount_entry *best = NULL;
    size_t best_len = 0;
    for (size_t i = 0; i < table->n; i++) {
        size_t len = strlen(table->entries[i].mount_point);
        if (len >= best_len && covers(table->entries[i].mount_point, path)) {
            best = &table->entries[i];
            best_len = len;
        }
    }
    return best;
}

char *mount_entry_relative(const struct mount_entry *entry, const char *path)
{
    size_t len = strlen(entry->mount_point);
    const char *rest = len == 1 ? path : path + len;
    const char *root = strcmp(entry->root, "/") == 0 ? "" : entry->root;
    char *joined = NULL;
    if (asprintf(&joined, "%s%s", root, rest) < 0) {
        return NULL;
    }
    size_t skip = strspn(joined, "/");
    memmove(joined, joined + skip, strlen(joined + skip) + 1);
    return joined;
}
