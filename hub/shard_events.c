// SPDX-License-Identifier: Apache-2.0
// A status of 200 comes before the work is done, so only the terminal line counts. A last
// line that was cut off is as good as none.
#include "hub/shard_events.h"

#include "hub/http_answer.h"
#include "hub/json_reader.h"

#include <string.h>

static enum err explain_error(const struct json_value *event, struct why *why)
{
    const char *message = json_text(json_member(event, "message"));
    bool is_retryable = json_is_true(json_member(event, "retryable"));
    char text[SERVER_TEXT_SIZE];
    server_text_clean(message != NULL ? message : "no reason was given", text,
                      sizeof(text));
    return why_set(why, is_retryable ? ERR_SERVER : ERR_USAGE,
                   "the storage service %s the shard: %s",
                   is_retryable ? "could not register" : "refuses", text);
}

// *out_is_last: the line was the terminal one, and the returned error is the result.
static enum err read_line(const char *line, size_t len, struct why *why,
                          bool *out_is_last)
{
    struct json_document *document = NULL;
    const char *type = NULL;
    enum err err = json_document_parse(line, len, why, &document);
    if (err != ERR_NONE) {
        return err;
    }
    const struct json_value *event = json_root(document);
    err = json_take_text(event, "type", why, &type);
    if (err == ERR_NONE && strcmp(type, "result") == 0) {
        *out_is_last = true;
    } else if (err == ERR_NONE && strcmp(type, "error") == 0) {
        *out_is_last = true;
        err = explain_error(event, why);
    }
    json_document_free(document);
    return err;
}

enum err shard_events_parse(const void *body, size_t len, struct why *why)
{
    const char *at = body;
    const char *end = at != NULL ? at + len : NULL;
    bool is_last = false;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t line_len = (size_t)((newline != NULL ? newline : end) - at);
        if (line_len > SHARD_LINE_MAX) {
            return why_set(why, ERR_BAD_ANSWER,
                           "the storage service answers with a line that is too long");
        }
        bool is_blank = line_len == 0 || (line_len == 1 && *at == '\r');
        enum err err = is_blank ? ERR_NONE : read_line(at, line_len, why, &is_last);
        if (is_last || err == ERR_NO_MEMORY) {
            return err;
        }
        if (err != ERR_NONE && newline != NULL) {
            return err;
        }
        at = newline != NULL ? newline + 1 : end;
    }
    return why_set(why, ERR_TRUNCATED,
                   "the storage service did not say whether the shard was registered");
}
