// SPDX-License-Identifier: Apache-2.0
// The Hub token, in the order of DESIGN ("Command line"). The same rules as huggingface_hub:
// whitespace around a token is dropped, an empty variable counts as unset, and HF_TOKEN_PATH
// names the only file to look at even when that file does not exist (yet: a login creates it
// while we run, and it is noticed then).
#include "hub/credential.h"

#include "hub/limits.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void wipe_and_free(char *token)
{
    if (token != NULL) {
        explicit_bzero(token, strlen(token));
        free(token);
    }
}

// Trims `text`; *out is NULL for nothing but whitespace.
static enum err clean_token(const char *text, const char *source, struct why *why,
                            char **out)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        // Not only header injection: a pasted newline or colour code is a common accident.
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f) {
            return why_set(
                why, ERR_ACCESS,
                "the token in %s holds a space, a control or a non-ASCII character; "
                "copy it again",
                source);
        }
    }
    if (len == 0) {
        *out = NULL;
        return ERR_NONE;
    }
    *out = strndup(text, len);
    return *out != NULL ? ERR_NONE : ERR_NO_MEMORY;
}

static void set_token(struct credential *credential, char *token, const char *source)
{
    char fingerprint[DIGEST_HEX_SIZE] = "";
    if (token != NULL) {
        struct digest digest;
        sha256_of(token, strlen(token), &digest);
        digest_to_hex(&digest, fingerprint);
    }
    lock_acquire(&credential->lock);
    wipe_and_free(credential->token);
    credential->token = token;
    snprintf(credential->source, sizeof(credential->source), "%s",
             token != NULL ? source : "none");
    snprintf(credential->fingerprint, sizeof(credential->fingerprint), "%.16s",
             fingerprint);
    lock_release(&credential->lock);
}

static enum err read_token_file(struct credential *credential, struct why *why,
                                char **out)
{
    AUTO(buffer) struct buffer content = buffer_init(TOKEN_BYTES_MAX);
    struct stat seen = {0};
    if (stat(credential->file, &seen) != 0 && !credential->file_is_required) {
        credential->seen = seen;
        *out = NULL;
        return ERR_NONE;
    }
    credential->seen = seen;
    enum err err = file_read_all(credential->file, why, &content);
    if (err != ERR_NONE) {
        return why_prefix(why, ERR_ACCESS, "the token file can't be read");
    }
    err = clean_token(buffer_text(&content), credential->file, why, out);
    if (content.len > 0) {
        explicit_bzero(content.bytes, content.len);
    }
    if (err == ERR_NONE && *out == NULL && credential->file_is_required) {
        return why_set(why, ERR_ACCESS, "the token file %s is empty", credential->file);
    }
    return err;
}

// The file to look at when neither the option nor a variable holds a token; NULL = none.
static char *default_token_file(void)
{
    const char *base = NULL;
    const char *rest = "";
    if ((base = getenv("HF_TOKEN_PATH")) != NULL && *base != '\0') {
        rest = "";
    } else if ((base = getenv("HF_HOME")) != NULL && *base != '\0') {
        rest = "/token";
    } else if ((base = getenv("XDG_CACHE_HOME")) != NULL && *base != '\0') {
        rest = "/huggingface/token";
    } else if ((base = getenv("HOME")) != NULL && *base != '\0') {
        rest = "/.cache/huggingface/token";
    } else {
        return NULL;
    }
    char *path = NULL;
    return asprintf(&path, "%s%s", base, rest) >= 0 ? path : NULL;
}

static enum err find_token(struct credential *credential, const char *token_file,
                           struct why *why)
{
    static const char *const variables[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
    char *token = NULL;
    for (size_t i = 0; token_file == NULL && i < 2; i++) {
        const char *value = getenv(variables[i]);
        enum err err = clean_token(value != NULL ? value : "", variables[i], why, &token);
        if (err != ERR_NONE) {
            return err;
        }
        if (token != NULL) {
            set_token(credential, token, variables[i]);
            return ERR_NONE;
        }
    }
    credential->file_is_required = token_file != NULL;
    credential->file = token_file != NULL ? strdup(token_file) : default_token_file();
    if (credential->file == NULL) {
        return ERR_NONE; // nobody at home: anonymous
    }
    enum err err = read_token_file(credential, why, &token);
    if (err == ERR_NONE) {
        set_token(credential, token, credential->file);
    }
    return err;
}

enum err credential_init(struct credential *credential, const char *token_file,
                         struct why *why)
{
    *credential = (struct credential){0};
    lock_init(&credential->lock);
    set_token(credential, NULL, "none");
    enum err err = find_token(credential, token_file, why);
    if (err != ERR_NONE) {
        credential_release(credential);
    }
    return err;
}

void credential_release(struct credential *credential)
{
    set_token(credential, NULL, "none");
    free(credential->file);
    credential->file = NULL;
    lock_destroy(&credential->lock);
}

bool credential_reload(struct credential *credential)
{
    struct why why = {0};
    char *token = NULL;
    if (credential->file == NULL) {
        return false;
    }
    if (read_token_file(credential, &why, &token) != ERR_NONE) {
        log_error("hub", "%s; the token read before stays in use",
                  why_text(&why, ERR_ACCESS));
        return false;
    }
    AUTO_FREE char *before = credential_token(credential);
    bool is_same =
        token == NULL ? before == NULL : before != NULL && strcmp(token, before) == 0;
    set_token(credential, token, credential->file);
    if (!is_same) {
        log_info("hub", "the token in %s has changed", credential->file);
    }
    return !is_same;
}

bool credential_check(struct credential *credential, int64_t now_ms)
{
    if (credential->file == NULL ||
        now_ms - credential->checked_ms < TOKEN_FILE_CHECK_MS) {
        return false;
    }
    credential->checked_ms = now_ms;
    struct stat now = {0};
    const struct stat *seen = &credential->seen;
    if (stat(credential->file, &now) != 0) {
        now = (struct stat){0};
    }
    if (now.st_ino == seen->st_ino && now.st_size == seen->st_size &&
        now.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == seen->st_mtim.tv_nsec) {
        return false;
    }
    return credential_reload(credential);
}

char *credential_token(struct credential *credential)
{
    lock_acquire(&credential->lock);
    char *copy = credential->token != NULL ? strdup(credential->token) : NULL;
    lock_release(&credential->lock);
    return copy;
}

void credential_source(struct credential *credential, char *out, size_t size)
{
    lock_acquire(&credential->lock);
    snprintf(out, size, "%s", credential->source);
    lock_release(&credential->lock);
}

void credential_fingerprint(struct credential *credential, char *out, size_t size)
{
    lock_acquire(&credential->lock);
    snprintf(out, size, "%s", credential->fingerprint);
    lock_release(&credential->lock);
}
