// SPDX-License-Identifier: Apache-2.0
// Unlike what is shown to people (commits_answer.c), messages are searched as they came and in
// full: the needle stands at their end.
#include "hub/commit_search.h"

#include "hub/limits.h"
#include "hub/repo_answers.h"

#include <string.h>

struct search {
    const struct oid *stop_at;
    const char *needle;
    size_t seen;
    bool is_over;
    struct hub_found_commit result;
};

static bool contains(const struct json_value *item, const char *key, const char *needle)
{
    const char *text = json_text(json_member(item, key));
    return text != NULL && strstr(text, needle) != NULL;
}

static enum err look_at(struct search *search, const struct json_value *item,
                        struct why *why)
{
    struct oid sha;
    enum err err = repo_take_oid(item, "id", why, &sha);
    if (err != ERR_NONE) {
        return err;
    }
    if (search->seen++ == 0) {
        search->result.head = sha;
    }
    if (search->stop_at != NULL && oid_equal(&sha, search->stop_at)) {
        search->result.reached_stop = true;
        search->is_over = true;
    } else if (contains(item, "title", search->needle) ||
               contains(item, "message", search->needle)) {
        search->result.found = true;
        search->result.oid = sha;
        search->is_over = true;
    } else {
        search->is_over = search->seen >= HUB_FIND_COMMIT_MAX;
    }
    return ERR_NONE;
}

static enum err look_through(struct search *search, const struct buffer *page,
                             struct why *why)
{
    struct json_document *document = NULL;
    enum err err = json_document_parse(page->bytes, page->len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    const struct json_value *root = json_root(document);
    if (!json_is_array(root)) {
        err = why_set(why, ERR_BAD_ANSWER, "the list of commits is not a list");
    }
    for (const struct json_value *at = json_first(root);
         err == ERR_NONE && at != NULL && !search->is_over; at = json_next(at)) {
        err = look_at(search, at, why);
    }
    json_document_free(document);
    return err;
}

enum err commit_search(const struct buffer *pages, size_t n_pages,
                       const struct oid *stop_at, const char *needle, struct why *why,
                       struct hub_found_commit *out)
{
    struct search search = {.stop_at = stop_at, .needle = needle};
    for (size_t i = 0; i < n_pages && !search.is_over; i++) {
        enum err err = look_through(&search, &pages[i], why);
        if (err != ERR_NONE) {
            return err;
        }
    }
    *out = search.result;
    return ERR_NONE;
}
