// SPDX-License-Identifier: Apache-2.0
// The matcher keeps the last star it met and where it had matched to; on a mismatch that star takes
// one byte more.
#include "fs/name_pattern.h"

#include <ctype.h>
#include <fnmatch.h>

typedef int (*class_test_fn)(int byte);

// NULL: there is no such class.
static class_test_fn find_class(const char *name, size_t len)
{
    static const struct {
        const char *name;
        class_test_fn test;
    } classes[] = {
        {"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
        {"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
        {"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
    };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strlen(classes[i].name) == len && memcmp(classes[i].name, name, len) == 0) {
            return classes[i].test;
        }
    }
    return NULL;
}

// The end of a class "[:name:]" at `at`, behind its ']'; NULL: there is none.
static const char *class_end(const char *at)
{
    if (at[0] != '[' || at[1] != ':') {
        return NULL;
    }
    const char *close = strchr(at + 2, ']');
    return close != NULL && close > at + 2 && close[-1] == ':' ? close + 1 : NULL;
}

// A byte of a bracket, perhaps behind a backslash; NULL: the text ends.
static const char *take_byte(const char *at, unsigned char *out)
{
    at += *at == '\\';
    *out = (unsigned char)*at;
    return *at != '\0' ? at + 1 : NULL;
}

// Reads a bracket from its '['. NULL: it is none, and matches nothing.
static const char *read_bracket(const char *at, unsigned char byte, bool *out_matches)
{
    at++;
    bool is_negated = *at == '!' || *at == '^';
    at += is_negated;
    bool matches = false;
    bool is_first = true; // a ']' stands for itself then
    for (; is_first || *at != ']'; is_first = false) {
        const char *end = class_end(at);
        if (end != NULL) {
            class_test_fn test = find_class(at + 2, (size_t)(end - at) - 4);
            if (test == NULL) {
                return NULL;
            }
            matches |= byte < 0x80 && test(byte) != 0;
            at = end;
            continue;
        }
        unsigned char low;
        at = take_byte(at, &low);
        if (at == NULL) {
            return NULL;
        }
        unsigned char high = low;
        if (at[0] == '-' && at[1] != ']' && at[1] != '\0') {
            at = take_byte(at + 1, &high);
            if (at == NULL) {
                return NULL;
            }
        }
        matches |= byte == low || (low <= byte && byte <= high); // [b-a] takes b
    }
    *out_matches = matches != is_negated;
    return at + 1;
}

const char *name_pattern_bracket_end(const char *bracket)
{
    bool ignored;
    return read_bracket(bracket, 0, &ignored);
}

// Whether the pattern's next element, which is no star, takes this byte: behind the element, else
// NULL.
static const char *take_element(const char *pattern, unsigned char byte)
{
    bool matches = true;
    if (*pattern == '?') {
        return pattern + 1;
    }
    if (*pattern == '[') {
        const char *end = read_bracket(pattern, byte, &matches);
        return end != NULL && matches ? end : NULL;
    }
    unsigned char wanted;
    const char *end = take_byte(pattern, &wanted);
    return end != NULL && wanted == byte ? end : NULL;
}

bool name_pattern_match(const char *pattern, const char *name, size_t len)
{
    const char *end = name + len;
    const char *behind_star = NULL;
    const char *star_name = NULL; // where the star ends for now
    while (name < end) {
        if (*pattern == '*') {
            behind_star = ++pattern;
            star_name = name;
            continue;
        }
        const char *next = take_element(pattern, (unsigned char)*name);
        if (next != NULL) {
            pattern = next;
            name++;
        } else if (behind_star != NULL) {
            pattern = behind_star;
            name = ++star_name;
        } else {
            return false;
        }
    }
    pattern += strspn(pattern, "*");
    return *pattern == '\0';
}

bool name_matches_any(const char *name, const char *const *patterns, size_t n, int flags)
{
    for (size_t i = 0; i < n; i++) {
        if (fnmatch(patterns[i], name, flags) == 0) {
            return true;
        }
    }
    return false;
}

bool name_tells_format(const char *path, const char *const *patterns, size_t n)
{
    const char *slash = strrchr(path, '/');
    return name_matches_any(slash != NULL ? slash + 1 : path, patterns, n, FNM_CASEFOLD);
}
