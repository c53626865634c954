// SPDX-License-Identifier: Apache-2.0
#include "hub/pull_answers.h"

#include "hub/json_reader.h"
#include "hub/limits.h"

#include <string.h>

static enum err take_number(const struct json_value *object, struct why *why,
                            uint64_t *out)
{
    uint64_t number = 0;
    enum err err = json_take_u64(object, "num", why, &number);
    if (err != ERR_NONE) {
        return err;
    }
    if (number == 0 || number > UINT32_MAX) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the Hub gave a pull request no usable number");
    }
    *out = number;
    return ERR_NONE;
}

enum err pull_opened_parse(const void *body, size_t len, struct why *why,
                           uint64_t *out_number)
{
    struct json_document *document = NULL;
    enum err err = json_document_parse(body, len, why, &document);
    if (err == ERR_NONE) {
        err = take_number(json_root(document), why, out_number);
        json_document_free(document);
    }
    return err;
}

static bool is_wanted(const struct json_value *item, const char *needle)
{
    const char *title = json_text(json_member(item, "title"));
    const char *status = json_text(json_member(item, "status"));
    return title != NULL && status != NULL && strstr(title, needle) != NULL &&
           (strcmp(status, "open") == 0 || strcmp(status, "draft") == 0) &&
           json_is_true(json_member(item, "isPullRequest"));
}

static enum err look_through(const struct json_value *root, const char *needle,
                             struct why *why, uint64_t *out_number, bool *out_goes_on)
{
    const struct json_value *list = NULL;
    uint64_t start = 0;
    uint64_t total = 0;
    enum err err = json_take_array(root, "discussions", why, &list);
    if (err != ERR_NONE ||
        (err = json_take_u64(root, "start", why, &start)) != ERR_NONE ||
        (err = json_take_u64(root, "count", why, &total)) != ERR_NONE) {
        return err;
    }
    size_t count = json_count(list);
    if (count > PULLS_PAGE_MAX) {
        return why_set(why, ERR_TOO_LARGE, "a page has more than %d discussions",
                       PULLS_PAGE_MAX);
    }
    *out_number = 0;
    *out_goes_on = count > 0 && start + count < total;
    for (const struct json_value *at = json_first(list); at != NULL; at = json_next(at)) {
        if (is_wanted(at, needle)) {
            return take_number(at, why, out_number);
        }
    }
    return ERR_NONE;
}

enum err pulls_page_parse(const void *body, size_t len, const char *needle,
                          struct why *why, uint64_t *out_number, bool *out_goes_on)
{
    struct json_document *document = NULL;
    enum err err = json_document_parse(body, len, why, &document);
    if (err == ERR_NONE) {
        err = look_through(json_root(document), needle, why, out_number, out_goes_on);
        json_document_free(document);
    }
    return err;
}
