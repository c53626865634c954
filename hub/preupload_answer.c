// SPDX-License-Identifier: Apache-2.0
// The Hub answers in the order of the question as far as anybody has seen, but nobody has
// promised it. So a file is first looked for where it stood, then everywhere: a page has at
// most some hundred files.
#include "hub/preupload_answer.h"

#include "hub/json_reader.h"

#include <stdlib.h>
#include <string.h>

enum { NOT_ASKED = -1 };

static long find_path(const char *const *paths, size_t n, size_t guess, const char *path)
{
    if (guess < n && strcmp(paths[guess], path) == 0) {
        return (long)guess;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(paths[i], path) == 0) {
            return (long)i;
        }
    }
    return NOT_ASKED;
}

static bool is_oid(const char *text)
{
    size_t len = strlen(text);
    return (len == 40 || len == 64) && strspn(text, "0123456789abcdefABCDEF") == len;
}

static enum err read_mode(const struct json_value *item, struct why *why,
                          struct hub_upload_mode *out)
{
    const char *mode = NULL;
    const char *oid = json_text(json_member(item, "oid"));
    enum err err = json_take_text(item, "uploadMode", why, &mode);
    if (err != ERR_NONE) {
        return err;
    }
    bool is_lfs = strcmp(mode, "lfs") == 0;
    if (!is_lfs && strcmp(mode, "regular") != 0) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the Hub wants a file sent in a way that is not known here");
    }
    *out = (struct hub_upload_mode){.is_lfs = is_lfs};
    // One that is masked or odd only means that nothing can be compared.
    if (oid != NULL && is_oid(oid)) {
        out->has_oid = true;
        for (size_t i = 0; oid[i] != '\0'; i++) {
            out->oid[i] = (char)(oid[i] >= 'A' && oid[i] <= 'F' ? oid[i] + 32 : oid[i]);
        }
    }
    return ERR_NONE;
}

static enum err read_files(const struct json_value *files, const char *const *paths,
                           size_t n, struct why *why, struct hub_upload_mode *modes)
{
    size_t position = 0;
    size_t answered = 0;
    AUTO_FREE bool *has_answer = calloc(n + 1, sizeof(*has_answer));
    if (has_answer == NULL) {
        return ERR_NO_MEMORY;
    }
    if (json_count(files) > n) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the Hub tells of more files than were asked");
    }
    for (const struct json_value *at = json_first(files); at != NULL;
         at = json_next(at), position++) {
        const char *path = NULL;
        enum err err = json_take_text(at, "path", why, &path);
        long i = err == ERR_NONE ? find_path(paths, n, position, path) : NOT_ASKED;
        if (err == ERR_NONE && i != NOT_ASKED && !has_answer[i]) {
            err = read_mode(at, why, &modes[i]);
            has_answer[i] = true;
            answered++;
        }
        if (err != ERR_NONE) {
            return err;
        }
    }
    return answered == n ? ERR_NONE
                         : why_set(why, ERR_BAD_ANSWER,
                                   "the Hub does not tell how to send each file");
}

enum err preupload_answer_parse(const void *body, size_t len, const char *const *paths,
                                size_t n, struct why *why,
                                struct hub_upload_mode **out_modes)
{
    struct json_document *document = NULL;
    const struct json_value *files = NULL;
    AUTO_FREE struct hub_upload_mode *modes = calloc(n + 1, sizeof(*modes));
    if (modes == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = json_document_parse(body, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    err = json_take_array(json_root(document), "files", why, &files);
    if (err == ERR_NONE) {
        err = read_files(files, paths, n, why, modes);
    }
    json_document_free(document);
    if (err == ERR_NONE) {
        *out_modes = STEAL_POINTER(modes);
    }
    return err;
}
