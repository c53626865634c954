// SPDX-License-Identifier: Apache-2.0
// A rule is a list of segments, the parts of its pattern between slashes, and is matched against
// the components of a path one by one. fnmatch(3) is of no help: it knows no "**", takes brackets
// without an end for text, and can take exponential time, while .hubignore comes from the
// repository, so from anybody. Both matchers here go back to the last star only, which is enough,
// because a star that matched less can match whatever an earlier one would.
#include "fs/ignore_rules.h"

#include "fs/name_pattern.h"

struct rule {
    const char *segments; // n of them one behind the other, each with its NUL
    unsigned n;
    bool is_negated;
    bool is_folder_only;
    bool is_anchored; // to the root; else its one segment is a file name anywhere
    bool is_broken;   // matches nothing
};

struct ignore_rules {
    char *text; // of the segments
    struct rule *rules;
    size_t n;
};

// -------------------------------------------------------------------------------- parsing

// Where the line's pattern ends: blanks at its end don't count unless one is escaped.
static size_t pattern_len(const char *line, size_t len)
{
    size_t end = 0;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\\' && i + 1 < len) {
            i++;
            end = i + 1;
        } else if (line[i] != ' ') {
            end = i + 1;
        }
    }
    return end;
}

// Turns the slashes of a pattern into ends of segments; one in a bracket is one of its characters,
// and the backslash before an escaped one goes with it. Shortens the text in place.
static void split_segments(struct rule *rule, char *pattern)
{
    char *to = pattern;
    rule->segments = pattern;
    rule->n = 1;
    for (const char *at = pattern; *at != '\0';) {
        const char *end = at + 1;
        if (*at == '[') {
            end = name_pattern_bracket_end(at);
            if (end == NULL) {
                rule->is_broken = true;
                return;
            }
        } else if (*at == '\\' && at[1] == '/') {
            at++;
            continue;
        } else if (*at == '\\' && at[1] != '\0') {
            end = at + 2;
        } else if (*at == '/') {
            rule->n++;
            *to++ = '\0';
            at++;
            continue;
        }
        memmove(to, at, (size_t)(end - at));
        to += end - at;
        at = end;
    }
    *to = '\0';
}

// `line` is a C string of its own memory.
static struct rule read_rule(char *line)
{
    struct rule rule = {.is_negated = line[0] == '!'};
    char *pattern = line + rule.is_negated;
    size_t len = strlen(pattern);
    if (len > 0 && pattern[len - 1] == '/') {
        pattern[--len] = '\0';
        rule.is_folder_only = true;
    }
    rule.is_anchored = strchr(pattern, '/') != NULL;
    split_segments(&rule, pattern + (pattern[0] == '/'));
    return rule;
}

static enum err add_line(struct ignore_rules *rules, char *line, size_t len)
{
    enum { STEP = 64 };
    len = strnlen(line, len);
    len -= len > 0 && line[len - 1] == '\r';
    len = pattern_len(line, len);
    line[len] = '\0';
    if (len == 0 || line[0] == '#') {
        return ERR_NONE;
    }
    if (rules->n == IGNORE_RULES_MAX) {
        return ERR_TOO_LARGE;
    }
    if (rules->n % STEP == 0) {
        struct rule *grown = reallocarray(rules->rules, rules->n + STEP, sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        rules->rules = grown;
    }
    rules->rules[rules->n++] = read_rule(line);
    return ERR_NONE;
}

static enum err add_lines(struct ignore_rules *rules, const char *text, size_t len)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    size_t mark = sizeof(byte_order_mark) - 1;
    if (len >= mark && memcmp(text, byte_order_mark, mark) == 0) {
        text += mark;
        len -= mark;
    }
    rules->text = malloc(len + 1);
    if (rules->text == NULL) {
        return ERR_NO_MEMORY;
    }
    memcpy(rules->text, text, len);
    rules->text[len] = '\0';
    for (size_t at = 0; at < len;) {
        char *line = rules->text + at;
        char *end = memchr(line, '\n', len - at);
        size_t line_len = end != NULL ? (size_t)(end - line) : len - at;
        enum err err = add_line(rules, line, line_len);
        if (err != ERR_NONE) {
            return err;
        }
        at += line_len + 1;
    }
    return ERR_NONE;
}

enum err ignore_rules_parse(const char *text, size_t len, struct ignore_rules **out)
{
    if (len > IGNORE_BYTES_MAX) {
        return ERR_TOO_LARGE;
    }
    struct ignore_rules *rules = calloc(1, sizeof(*rules));
    if (rules == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = add_lines(rules, text, len);
    if (err != ERR_NONE || rules->n == 0) {
        ignore_rules_free(rules);
        rules = NULL;
    }
    if (err == ERR_NONE) {
        *out = rules;
    }
    return err;
}

void ignore_rules_free(struct ignore_rules *rules)
{
    if (rules != NULL) {
        free(rules->text);
        free(rules->rules);
        free(rules);
    }
}

// ------------------------------------------------------------------------------- matching

static const char *next_segment(const char *segment)
{
    return segment + strlen(segment) + 1;
}

// The component after this one; NULL: it is the last of [.., end).
static const char *next_component(const char *at, const char *end)
{
    const char *slash = memchr(at, '/', (size_t)(end - at));
    return slash != NULL ? slash + 1 : NULL;
}

static size_t component_len(const char *at, const char *end)
{
    const char *slash = memchr(at, '/', (size_t)(end - at));
    return (size_t)((slash != NULL ? slash : end) - at);
}

// A "**" takes any number of components, as the last segment at least one.
static bool match_segments(const struct rule *rule, const char *path, const char *end)
{
    const char *segment = rule->segments;
    unsigned left = rule->n;
    const char *behind_stars = NULL; // the segment, with its own `left` and component
    unsigned behind_left = 0;
    const char *stars_at = NULL;
    for (const char *at = path; at != NULL;) {
        if (left > 0 && strcmp(segment, "**") == 0) {
            if (left == 1) {
                return true;
            }
            behind_stars = next_segment(segment);
            behind_left = left - 1;
            stars_at = at;
            segment = behind_stars;
            left = behind_left;
        } else if (left > 0 && name_pattern_match(segment, at, component_len(at, end))) {
            segment = next_segment(segment);
            left--;
            at = next_component(at, end);
            if (at == NULL && left > 0 && stars_at == NULL) {
                return false;
            }
            if (at == NULL && left == 0) {
                return true;
            }
        } else {
            at = NULL;
        }
        if (at == NULL && stars_at != NULL) {
            at = stars_at = next_component(stars_at, end);
            segment = behind_stars;
            left = behind_left;
        }
    }
    return false;
}

static bool match_rule(const struct rule *rule, const char *path, const char *end,
                       bool is_folder)
{
    if (rule->is_broken || (rule->is_folder_only && !is_folder)) {
        return false;
    }
    if (rule->is_anchored) {
        return match_segments(rule, path, end);
    }
    const char *slash = memrchr(path, '/', (size_t)(end - path));
    const char *name = slash != NULL ? slash + 1 : path;
    return name_pattern_match(rule->segments, name, (size_t)(end - name));
}

// By the last rule that matches.
static bool is_named(const struct ignore_rules *rules, const char *path, const char *end,
                     bool is_folder)
{
    for (size_t i = rules->n; i-- > 0;) {
        if (match_rule(&rules->rules[i], path, end, is_folder)) {
            return !rules->rules[i].is_negated;
        }
    }
    return false;
}

bool ignore_rules_match(const struct ignore_rules *rules, const char *path,
                        bool is_folder)
{
    if (rules == NULL) {
        return false;
    }
    for (const char *at = path;;) {
        const char *slash = strchr(at, '/');
        if (slash == NULL) {
            return is_named(rules, path, at + strlen(at), is_folder);
        }
        if (is_named(rules, path, slash, true)) { // nothing in it can be taken out again
            return true;
        }
        at = slash + 1;
    }
}

// --------------------------------------------------------------------------------- litter

static bool is_litter_name(const char *name, size_t len)
{
    static const char *const patterns[] = {
        ".git",
        ".cache",
        ".*.sw[a-px]", // vim, nano: swap files
        ".sw[a-px]",
        "4913",             // vim: may I create a file here?
        "?*~",              // backups
        ".#*",              // Emacs: locks
        "#*#",              //   and what it saves by itself
        ".*.kate-swp",      // Kate
        ".goutputstream-*", // GLib: what it writes before renaming, when it was stopped
        ".~lock.*#",        // LibreOffice
        ".DS_Store",        // macOS
        "._?*",
        ".Trash-[0-9]*",                         // desktops
        ".nfs[0-9a-f][0-9a-f][0-9a-f][0-9a-f]*", // deleted, and open
        ".fuse_hidden[0-9a-f]*",
    };
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (name_pattern_match(patterns[i], name, len)) {
            return true;
        }
    }
    return false;
}

bool ignore_is_litter(const char *path)
{
    const char *end = path + strlen(path);
    for (const char *at = path; at != NULL; at = next_component(at, end)) {
        if (is_litter_name(at, component_len(at, end))) {
            return true;
        }
    }
    return false;
}
