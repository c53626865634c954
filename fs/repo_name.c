// SPDX-License-Identifier: Apache-2.0
// Pure functions between folder names and what they mean; address.c does the same for what people
// type.
#include "fs/repo_name.h"

#include "fs/address.h"

#include <strings.h>

// Legal names of repositories that file managers probe for in every folder they show. (Names with a
// dot in front are none anyway.)
static const char *const probed[] = {"autorun.inf", "desktop.ini", "folder.jpg",
                                     "folder.gif",  "thumbs.db",   "album.jpg"};

static bool is_probed(const char *name)
{
    for (size_t i = 0; i < sizeof(probed) / sizeof(probed[0]); i++) {
        if (strcasecmp(name, probed[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool repo_name_parse(const char *text, size_t len, struct repo_name *out)
{
    const char *at = memchr(text, '@', len);
    size_t name_len = at != NULL ? (size_t)(at - text) : len;
    struct repo_name parsed = {.revision = ""};
    if (name_len >= sizeof(parsed.name) || !repo_name_part_is_legal(text, name_len)) {
        return false;
    }
    memcpy(parsed.name, text, name_len);
    parsed.name[name_len] = '\0';
    if (is_probed(parsed.name)) {
        return false;
    }
    if (at != NULL) {
        struct why ignored = {""};
        size_t revision_len = len - name_len - 1;
        if (address_parse_revision(at + 1, revision_len, &ignored, parsed.revision) !=
            ERR_NONE) {
            return false;
        }
    }
    *out = parsed;
    return true;
}

bool repo_name_format(const char *name, const char *revision, char *out, size_t size)
{
    int n = snprintf(out, size, "%s%s", name, revision[0] != '\0' ? "@" : "");
    if (n < 0 || (size_t)n >= size) {
        return false;
    }
    size_t len = (size_t)n;
    for (const char *at = revision; *at != '\0'; at++) {
        const char *written = *at == '/' ? "%2F" : *at == '%' ? "%25" : NULL;
        size_t extra = written != NULL ? 3 : 1;
        if (len + extra >= size) {
            return false;
        }
        memcpy(out + len, written != NULL ? written : at, extra);
        len += extra;
    }
    out[len] = '\0';
    return true;
}
