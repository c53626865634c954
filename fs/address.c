// SPDX-License-Identifier: Apache-2.0
// Addresses. The text is taken apart from the left, one slash at a time:
//
//   hf://                                                          alone: the whole Hub
//   hf://  datasets/  rajpurkar / squad @ refs/pr/3 / plain_text/train
//   scheme kind       owner       name    revision    subfolder
//
// Two places need a rule beyond "up to the next slash". A revision that contains a slash is
// written with %2F, except for the Hub's two special kinds, refs/pr/N and refs/convert/X, which
// may be written plainly. And an id without an owner ("gpt2", "datasets/squad") is one of the
// Hub's oldest repositories: it is accepted where there is no second part, or where the
// revision stands after the first ("gpt2@main/config.json"). The Hub answers such an id
// with the canonical one.
//
// Everything here is a pure function of its input; names are checked by base/repo_id.h and
// base/path_check.h, so that what leaves here can be part of a request or a path.
#include "fs/address.h"

#include <ctype.h>
#include <strings.h>

enum { SHOWN_MAX = 120 }; // bytes of a wrong address that an error repeats

// What the Hub shows as a folder beside the repositories and hugfs does not mount.
static const char *const unsupported_kinds[] = {"buckets", "kernels", "collections",
                                                "papers"};

static bool segment_is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit = (char)tolower((unsigned char)digit);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

// Decodes %XX; a percent sign that no two hex digits follow stands for itself, as in the
// official clients. The decoded text is never longer.
static size_t decode_percent(const char *text, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%' && i + 2 < len && hex_value(text[i + 1]) >= 0 &&
            hex_value(text[i + 2]) >= 0) {
            out[n++] = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            out[n++] = text[i];
        }
    }
    return n;
}

enum err address_parse_revision(const char *text, size_t len, struct why *why,
                                char out[REVISION_SIZE])
{
    int shown = (int)(len < SHOWN_MAX ? len : SHOWN_MAX);
    if (len == 0) {
        return why_set(why, ERR_USAGE, "the revision after '@' is empty");
    }
    char decoded[3 * REVISION_SIZE];
    if (len >= sizeof decoded) {
        return why_set(why, ERR_USAGE, "the revision '%.*s...' is too long", shown, text);
    }
    size_t n = decode_percent(text, len, decoded);
    decoded[n] = '\0';
    if (strlen(decoded) != n || n >= REVISION_SIZE || !revision_is_legal(decoded)) {
        return why_set(why, ERR_USAGE,
                       "'%.*s' cannot be the name of a branch, tag or commit", shown,
                       text);
    }
    memcpy(out, decoded, n + 1);
    return ERR_NONE;
}

enum err address_parse_subdir(const char *text, struct why *why,
                              char out[PATH_BYTES_MAX + 1])
{
    while (*text == '/') {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '/') {
        len--;
    }
    if (len > 0 && !path_is_legal(text, len)) {
        return why_set(
            why, ERR_USAGE,
            "'%.*s' cannot be a folder in a repository: no empty, '.' or '..' parts",
            (int)(len < SHOWN_MAX ? len : SHOWN_MAX), text);
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return ERR_NONE;
}

// How many bytes of `text` (which starts after the '@') are the revision.
static size_t revision_length(const char *text)
{
    size_t len = strcspn(text, "/");
    size_t prefix = 0;
    if (strncmp(text, "refs/pr/", 8) == 0) {
        prefix = 8;
    } else if (strncmp(text, "refs/convert/", 13) == 0) {
        prefix = 13;
    }
    return prefix > 0 ? prefix + strcspn(text + prefix, "/") : len;
}

static enum err refuse_plain_ref(const char *text, struct why *why)
{
    return why_set(
        why, ERR_USAGE,
        "'%.*s': only refs/pr/N and refs/convert/NAME may be written plainly; write "
        "a slash in any other revision as %%2F",
        SHOWN_MAX, text);
}

// Parses "REV[/SUBDIR]", what follows an '@'.
static enum err parse_revision_and_subdir(const char *text, struct why *why,
                                          struct address *out)
{
    size_t len = revision_length(text);
    if (segment_is(text, len, "refs") && text[len] == '/') {
        return refuse_plain_ref(text, why);
    }
    enum err err = address_parse_revision(text, len, why, out->revision);
    return err ? err : address_parse_subdir(text + len, why, out->subdir);
}

// Whether `text` is a word that the Hub keeps for its own pages, so that no owner has it.
static bool is_reserved(const char *text, size_t len)
{
    for (enum repo_kind kind = REPO_MODEL; kind <= REPO_SPACE; kind++) {
        if (segment_is(text, len, repo_kind_plural(kind))) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof unsupported_kinds / sizeof unsupported_kinds[0]; i++) {
        if (segment_is(text, len, unsupported_kinds[i])) {
            return true;
        }
    }
    return false;
}

static enum err set_repo_name(const char *text, size_t len, struct why *why,
                              struct address *out)
{
    if (len < REPO_NAME_SIZE) {
        memcpy(out->repo.name, text, len);
        out->repo.name[len] = '\0';
        if (strlen(out->repo.name) == len && repo_name_is_legal(out->repo.name) &&
            !is_reserved(text, strcspn(out->repo.name, "/"))) {
            return ERR_NONE;
        }
    }
    return why_set(
        why, ERR_USAGE,
        "'%.*s' is not a repository: write OWNER/NAME, with letters, digits, '-', "
        "'_' and '.'",
        (int)(len < SHOWN_MAX ? len : SHOWN_MAX), text);
}

// Parses "OWNER/NAME[@REV][/SUBDIR]" or "NAME[@REV[/SUBDIR]]".
static enum err parse_repository(const char *text, struct why *why, struct address *out)
{
    size_t len = strcspn(text, "/@");
    if (text[len] == '/' &&
        text[len + 1] != '\0') { // an owner; a lone slash at the end is none
        len += 1 + strcspn(text + len + 1, "/@");
    }
    enum err err = set_repo_name(text, len, why, out);
    if (err) {
        return err;
    }
    text += len;
    return *text == '@' ? parse_revision_and_subdir(text + 1, why, out)
                        : address_parse_subdir(text, why, out->subdir);
}

// Takes "datasets/" and its like off the front of *text.
static enum err take_kind(const char **text, struct why *why, enum repo_kind *out)
{
    size_t len = strcspn(*text, "/");
    bool ends_here = (*text)[len] == '\0' || (*text)[len + 1] == '\0';
    for (size_t i = 0; i < sizeof unsupported_kinds / sizeof unsupported_kinds[0]; i++) {
        if (segment_is(*text, len, unsupported_kinds[i])) {
            return why_set(
                why, ERR_UNSUPPORTED,
                "%s are not supported: hugfs mounts models, datasets and spaces",
                unsupported_kinds[i]);
        }
    }
    for (enum repo_kind kind = REPO_MODEL; kind <= REPO_SPACE; kind++) {
        if (!segment_is(*text, len, repo_kind_plural(kind))) {
            continue;
        }
        if (ends_here) {
            return why_set(why, ERR_USAGE,
                           "'%s' names no repository: write %s/OWNER/NAME",
                           repo_kind_plural(kind), repo_kind_plural(kind));
        }
        *out = kind;
        *text += len + 1;
        return ERR_NONE;
    }
    *out = REPO_MODEL;
    return ERR_NONE;
}

enum err address_parse(const char *text, struct why *why, struct address *out)
{
    const char *rest = text;
    if (strncasecmp(rest, "hf://", 5) == 0) {
        rest += 5;
        if (rest[strspn(rest, "/")] == '\0') {
            *out = (struct address){.is_hub = true};
            return ERR_NONE;
        }
    } else if (strstr(rest, "://") != NULL) {
        // Not repeated: people paste addresses with a password in them.
        return why_set(why, ERR_USAGE,
                       "that is a web address: write OWNER/NAME, datasets/OWNER/NAME or "
                       "spaces/OWNER/NAME");
    }
    struct address address = {.revision = ""};
    enum err err = take_kind(&rest, why, &address.repo.kind);
    if (err == ERR_NONE) {
        err = parse_repository(rest, why, &address);
    }
    if (err == ERR_NONE) {
        *out = address;
    }
    return err;
}

// Writes a revision so that it parses back: slashes as %2F, but the special refs plainly.
static enum err append_revision(const char *revision, struct buffer *out)
{
    bool plain = strncmp(revision, "refs/", 5) == 0 &&
                 revision_length(revision) == strlen(revision);
    enum err err = buffer_append_text(out, "@");
    for (const char *at = revision; err == ERR_NONE && *at != '\0'; at++) {
        if (*at == '%') {
            err = buffer_append_text(out, "%25");
        } else if (*at == '/' && !plain) {
            err = buffer_append_text(out, "%2F");
        } else {
            err = buffer_append(out, at, 1);
        }
    }
    return err;
}

enum err address_format(const struct address *address, struct buffer *out)
{
    if (address->is_hub) {
        return buffer_append_text(out, "hf://");
    }
    enum err err = buffer_printf(out, "%s%s", repo_kind_prefix(address->repo.kind),
                                 address->repo.name);
    if (err == ERR_NONE && address->revision[0] != '\0') {
        err = append_revision(address->revision, out);
    }
    if (err == ERR_NONE && address->subdir[0] != '\0') {
        err = buffer_printf(out, "/%s", address->subdir);
    }
    return err;
}
