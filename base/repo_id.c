// SPDX-License-Identifier: Apache-2.0
// The Hub's own rules for names, so that a name no repository can have costs no request, and
// nothing that gets into an address can change what the address means.

#include "base/repo_id.h"

#include <stdio.h>
#include <string.h>

enum { NAME_PART_MAX = 96 };

struct kind_row {
    const char *plural;
    const char *prefix;
};

static const struct kind_row KINDS[] = {
    [REPO_MODEL] = {"models", ""},
    [REPO_DATASET] = {"datasets", "datasets/"},
    [REPO_SPACE] = {"spaces", "spaces/"},
};

const char *repo_kind_plural(enum repo_kind kind)
{
    return KINDS[kind].plural;
}

const char *repo_kind_prefix(enum repo_kind kind)
{
    return KINDS[kind].prefix;
}

static bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

bool repo_name_part_is_legal(const char *part, size_t len)
{
    if (len == 0 || len > NAME_PART_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool punctuation = part[i] == '-' || part[i] == '.';
        if (!punctuation && !is_word_character(part[i])) {
            return false;
        }
        bool at_edge = i == 0 || i == len - 1;
        bool doubled = i > 0 && part[i] == part[i - 1];
        if (punctuation && (at_edge || doubled)) {
            return false;
        }
    }
    return len < 4 || memcmp(part + len - 4, ".git", 4) != 0;
}

bool repo_name_is_legal(const char *name)
{
    const char *slash = strchr(name, '/');
    if (slash == NULL) {
        return repo_name_part_is_legal(name, strlen(name));
    }
    // A second slash is no legal character of the second part.
    return repo_name_part_is_legal(name, (size_t)(slash - name)) &&
           repo_name_part_is_legal(slash + 1, strlen(slash + 1));
}

bool repo_id_equal(const struct repo_id *a, const struct repo_id *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

void repo_id_format(const struct repo_id *repo, char *out, size_t size)
{
    snprintf(out, size, "%s%s", repo_kind_prefix(repo->kind), repo->name);
}

// A component that starts with a dot is refused by git too; here it matters because "." in an
// address is taken out by every HTTP library, and then another address is asked.
bool revision_is_legal(const char *revision)
{
    size_t len = strlen(revision);
    if (len == 0 || len >= REVISION_SIZE || revision[len - 1] == '/') {
        return false;
    }
    char before = '/';
    for (const char *at = revision; *at != '\0'; at++) {
        bool starts_component = before == '/';
        if ((unsigned char)*at <= ' ' || *at == 0x7f || strchr("~^:?*[\\", *at) != NULL) {
            return false;
        }
        if (starts_component && (*at == '/' || *at == '.')) {
            return false;
        }
        if (before == '.' && *at == '.') {
            return false;
        }
        before = *at;
    }
    return true;
}
