// SPDX-License-Identifier: Apache-2.0
// Lists of commits (hub-api.md §4.3). The id is what the others hang on, so it must be right.
// Dates and texts come from whoever made the commit, through git, which takes anything: an odd
// one is told as unknown, or made fit to be shown on one line.
#include "hub/commits_answer.h"

#include "hub/json_reader.h"
#include "hub/limits.h"
#include "hub/repo_answers.h"

#include <string.h>

size_t commits_count_roughly(const void *body, size_t len)
{
    const uint8_t *bytes = body;
    size_t count = 0;
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = bytes[i];
        if (in_string) {
            i += byte == '\\'; // whatever it is, it does not end the string
            in_string = byte != '"';
        } else if (byte == '"') {
            in_string = true;
        } else if (byte == '[' || byte == '{') {
            count += byte == '{' && depth == 1;
            depth++;
        } else if (byte == ']' || byte == '}') {
            depth -= depth > 0;
        }
    }
    return count;
}

// ------------------------------------------------------------------------------- texts

// Whether one UTF-8 character would move or break a line: C0, DEL, C1, U+2028, U+2029.
static bool is_control(const char *text, size_t len)
{
    uint8_t first = (uint8_t)text[0];
    if (len == 1) {
        return first < 0x20 || first == 0x7f;
    }
    if (len == 2) {
        return first == 0xc2 && (uint8_t)text[1] < 0xa0;
    }
    return len == 3 &&
           (memcmp(text, "\xe2\x80\xa8", 3) == 0 || memcmp(text, "\xe2\x80\xa9", 3) == 0);
}

// Appends `text` with its NUL, on one line, cut at a character. NULL = "".
static enum err add_text(const char *text, struct buffer *texts)
{
    size_t left = text != NULL ? strlen(text) : 0;
    size_t written = 0;
    while (left > 0) {
        size_t len = utf8_character_len(text, left);
        const char *as = text;
        size_t as_len = len;
        if (len == 0) { // json_scan() refuses these; this is the second lock on the door
            as = "\xef\xbf\xbd";
            as_len = 3;
            len = 1;
        } else if (is_control(text, len)) {
            as = " ";
            as_len = 1;
        }
        if (written + as_len > COMMIT_TEXT_MAX) {
            break;
        }
        enum err err = buffer_append(texts, as, as_len);
        if (err != ERR_NONE) {
            return err;
        }
        written += as_len;
        text += len;
        left -= len;
    }
    return buffer_append(texts, "", 1);
}

// ------------------------------------------------------------------------------- commits

static bool is_listed(const struct commits_answer *answer, const struct oid *sha)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (oid_equal(&answer->commits[i].sha, sha)) {
            return true;
        }
    }
    return false;
}

static enum err read_commit(const struct json_value *item, struct why *why,
                            struct commits_answer *answer)
{
    struct hub_commit commit = {0};
    enum err err = repo_take_oid(item, "id", why, &commit.sha);
    if (err != ERR_NONE || is_listed(answer, &commit.sha)) {
        return err;
    }
    commit.date_s = repo_time_of(json_member(item, "date"));
    err = add_text(json_text(json_member(item, "title")), &answer->texts);
    if (err == ERR_NONE) {
        const struct json_value *author = json_first(json_member(item, "authors"));
        err = add_text(json_text(json_member(author, "user")), &answer->texts);
    }
    if (err == ERR_NONE) {
        answer->commits[answer->count++] = commit;
    }
    return err;
}

static enum err read_page(const struct json_value *root, size_t limit, struct why *why,
                          struct commits_answer *answer)
{
    if (!json_is_array(root)) {
        return why_set(why, ERR_BAD_ANSWER, "the list of commits is not a list");
    }
    if (json_count(root) > COMMITS_PAGE_MAX) {
        return why_set(why, ERR_TOO_LARGE, "a page of the list has more than %d commits",
                       COMMITS_PAGE_MAX);
    }
    enum err err = ERR_NONE;
    for (const struct json_value *at = json_first(root);
         err == ERR_NONE && at != NULL && answer->count < limit; at = json_next(at)) {
        err = read_commit(at, why, answer);
    }
    return err;
}

static enum err read_pages(const struct buffer *pages, size_t n_pages, size_t limit,
                           struct why *why, struct commits_answer *answer)
{
    answer->commits = calloc(limit + 1, sizeof(*answer->commits));
    if (answer->commits == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n_pages; i++) {
        struct json_document *document = NULL;
        enum err err = json_document_parse(pages[i].bytes, pages[i].len, why, &document);
        if (err == ERR_NONE) {
            err = read_page(json_root(document), limit, why, answer);
            json_document_free(document);
        }
        if (err != ERR_NONE) {
            return err;
        }
    }
    // The texts stand in the commits' order; only now the buffer stays where it is.
    const char *text = buffer_text(&answer->texts);
    for (size_t i = 0; i < answer->count; i++) {
        answer->commits[i].title = text;
        text += strlen(text) + 1;
        answer->commits[i].author = text;
        text += strlen(text) + 1;
    }
    return ERR_NONE;
}

enum err commits_answer_parse(const struct buffer *pages, size_t n_pages, size_t limit,
                              struct why *why, struct commits_answer *out)
{
    struct commits_answer answer = {.texts = buffer_init(LISTING_BODY_MAX)};
    enum err err = read_pages(pages, n_pages, limit, why, &answer);
    if (err != ERR_NONE) {
        commits_answer_release(&answer);
        return err;
    }
    *out = answer;
    return ERR_NONE;
}

void commits_answer_release(struct commits_answer *answer)
{
    free(answer->commits);
    buffer_release(&answer->texts);
    *answer = (struct commits_answer){0};
}
