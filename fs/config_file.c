// SPDX-License-Identifier: Apache-2.0
// The INI reader behind /etc/hugfs.conf and ~/.config/hugfs/config. What it knows is lines,
// comments ('#' or ';' at the start of a line) and sections; what a key means is the caller's
// business.
#include "fs/config_file.h"

#include <ctype.h>
#include <fnmatch.h>

enum { CONFIG_BYTES_MAX = 1 << 20, LINE_BYTES_MAX = 8192 };

struct config_reader {
    const struct repo_id *repo;
    config_setting_fn apply;
    void *ctx;
    bool applies; // what stands below the current section header concerns `repo`
};

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && isspace((unsigned char)**text)) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && isspace((unsigned char)(*text)[*len - 1])) {
        (*len)--;
    }
}

static enum err read_section(struct config_reader *reader, const char *line, size_t len,
                             struct why *why)
{
    if (len < 3 || line[len - 1] != ']') {
        return why_set(why, ERR_USAGE,
                       "a section is written [OWNER/NAME], [OWNER/*] or "
                       "[datasets/OWNER/NAME]");
    }
    char pattern[LINE_BYTES_MAX];
    const char *inside = line + 1;
    size_t inside_len = len - 2;
    trim(&inside, &inside_len);
    memcpy(pattern, inside, inside_len);
    pattern[inside_len] = '\0';
    char name[REPO_NAME_SIZE + 16];
    reader->applies = false;
    if (reader->repo != NULL) {
        repo_id_format(reader->repo, name, sizeof name);
        reader->applies = fnmatch(pattern, name, FNM_CASEFOLD) == 0;
    }
    return ERR_NONE;
}

static enum err read_setting(struct config_reader *reader, const char *line, size_t len,
                             struct why *why)
{
    const char *equals = memchr(line, '=', len);
    const char *key = line;
    size_t key_len = equals != NULL ? (size_t)(equals - line) : len;
    trim(&key, &key_len);
    if (key_len == 0 || memchr(key, ' ', key_len) != NULL) {
        return why_set(why, ERR_USAGE, "a line is written key = value");
    }
    if (!reader->applies) {
        return ERR_NONE;
    }
    char setting[LINE_BYTES_MAX];
    memcpy(setting, key, key_len);
    size_t n = key_len;
    if (equals != NULL) {
        const char *value = equals + 1;
        size_t value_len = len - (size_t)(value - line);
        trim(&value, &value_len);
        setting[n++] = '=';
        memcpy(setting + n, value, value_len);
        n += value_len;
    }
    setting[n] = '\0';
    return reader->apply(reader->ctx, setting, why);
}

static enum err read_line(struct config_reader *reader, const char *line, size_t len,
                          struct why *why)
{
    trim(&line, &len);
    if (len == 0 || *line == '#' || *line == ';') {
        return ERR_NONE;
    }
    // One byte is left for the NUL; a line is never longer after it has been taken apart.
    if (len >= LINE_BYTES_MAX) {
        return why_set(why, ERR_USAGE, "the line is too long");
    }
    if (memchr(line, '\0', len) != NULL) {
        return why_set(why, ERR_USAGE, "the line holds a NUL byte");
    }
    return *line == '[' ? read_section(reader, line, len, why)
                        : read_setting(reader, line, len, why);
}

enum err config_parse(const char *text, size_t len, const char *path,
                      const struct repo_id *repo, struct why *why,
                      config_setting_fn apply, void *ctx)
{
    struct config_reader reader = {
        .repo = repo, .apply = apply, .ctx = ctx, .applies = true};
    const char *end = text + len;
    for (unsigned number = 1; text < end; number++) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        line_end = line_end != NULL ? line_end : end;
        enum err err = read_line(&reader, text, (size_t)(line_end - text), why);
        if (err) {
            return why_prefix(why, err, "%s:%u", path, number);
        }
        text = line_end < end ? line_end + 1 : end;
    }
    return ERR_NONE;
}

enum err config_read(const char *path, const struct repo_id *repo, struct why *why,
                     config_setting_fn apply, void *ctx)
{
    AUTO(buffer) struct buffer text = buffer_init(CONFIG_BYTES_MAX);
    enum err err = file_read_all(path, why, &text);
    if (err == ERR_NOT_FOUND || err == ERR_NOT_DIRECTORY) {
        return ERR_NONE;
    }
    if (err) {
        return why_prefix(why, err, "the configuration cannot be read");
    }
    return config_parse(buffer_text(&text), text.len, path, repo, why, apply, ctx);
}
