// SPDX-License-Identifier: Apache-2.0
// Headers are read by curl's header API when the first body byte or the end has come, so
// informational answers and proxies' CONNECT answers never get mixed in.
#include "hub/http_answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

// The value of a header that stands exactly once; NULL otherwise. A header that must decide
// something and comes twice decides nothing.
static const char *header_once(CURL *easy, const char *name)
{
    struct curl_header *header = NULL;
    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
        header->amount != 1) {
        return NULL;
    }
    return header->value;
}

void server_text_clean(const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (; *text != '\0' && len + 1 < size; text++) {
        unsigned char byte = (unsigned char)*text;
        bool is_blank = byte < 0x20 || byte == 0x7f || byte == ' ';
        if (!is_blank) {
            out[len++] = (char)byte;
        } else if (len > 0 && out[len - 1] != ' ') {
            out[len++] = ' ';
        }
    }
    // Don't cut a UTF-8 sequence in half.
    if (*text != '\0') {
        while (len > 0 && ((unsigned char)out[len - 1] & 0xc0) == 0x80) {
            len--;
        }
        if (len > 0 && ((unsigned char)out[len - 1] & 0x80) != 0) {
            len--;
        }
    }
    while (len > 0 && (out[len - 1] == ' ' || out[len - 1] == '.')) {
        len--;
    }
    out[len] = '\0';
    log_redact(out);
}

static void read_request_id(CURL *easy, struct http_answer *answer)
{
    static const char *const names[] = {"X-Request-Id", "X-Amzn-Trace-Id", "X-Amz-Cf-Id"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = header_once(easy, names[i]);
        if (value != NULL && *value != '\0') {
            server_text_clean(value, answer->request_id, sizeof(answer->request_id));
            return;
        }
    }
}

static void read_limits(CURL *easy, struct http_answer *answer)
{
    const char *limit = header_once(easy, "RateLimit");
    const char *policy = header_once(easy, "RateLimit-Policy");
    const char *retry_after = header_once(easy, "Retry-After");
    if (limit != NULL && http_parse_rate_limit(limit, &answer->rate_limit) == ERR_NONE) {
        answer->has_rate_limit = true;
        int64_t quota = 0;
        if (policy != NULL && http_parse_rate_policy(policy, &quota) == ERR_NONE) {
            answer->rate_limit.quota = quota;
        }
    }
    answer->server_wait_ms = -1;
    if (retry_after != NULL) {
        int64_t now_s = clock_wall_s() + (answer->has_date ? answer->clock_offset_s : 0);
        answer->server_wait_ms = http_parse_retry_after_ms(retry_after, now_s);
    }
    // With requests left in the window a 429 comes from another limiter: t means nothing.
    bool is_used_up = answer->has_rate_limit && answer->rate_limit.remaining == 0;
    if (answer->status == 429 && is_used_up) {
        int64_t reset_ms = http_rate_limit_wait_ms(&answer->rate_limit);
        if (reset_ms > answer->server_wait_ms) {
            answer->server_wait_ms = reset_ms;
        }
    }
}

// Links may stand in several fields (RFC 8288 section 3), and a proxy may add its own.
static enum err read_next_link(CURL *easy, struct http_answer *answer)
{
    struct curl_header *header = NULL;
    for (size_t i = 0;
         answer->next_link == NULL &&
         curl_easy_header(easy, "Link", i, CURLH_HEADER, -1, &header) == CURLHE_OK;
         i++) {
        enum err err = http_parse_link_next(header->value, &answer->next_link);
        if (err == ERR_NO_MEMORY) {
            return err;
        }
        answer->has_bad_link |= err != ERR_NONE && strcasestr(header->value, "next");
    }
    return ERR_NONE;
}

static enum err read_addresses(CURL *easy, struct http_answer *answer)
{
    const char *location = header_once(easy, "Location");
    if (location != NULL && (answer->location = strdup(location)) == NULL) {
        return ERR_NO_MEMORY;
    }
    return read_next_link(easy, answer);
}

enum err http_answer_read(CURL *easy, struct http_answer *out)
{
    struct http_answer answer = {0};
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    answer.status = (int)status;
    const char *value = header_once(easy, "X-Error-Code");
    if (value != NULL) {
        server_text_clean(value, answer.error_code, sizeof(answer.error_code));
    }
    if ((value = header_once(easy, "X-Error-Message")) != NULL) {
        server_text_clean(value, answer.error_message, sizeof(answer.error_message));
    }
    read_request_id(easy, &answer);
    if ((value = header_once(easy, "Content-Range")) != NULL) {
        answer.has_content_range =
            http_parse_content_range(value, &answer.content_range) == ERR_NONE;
    }
    int64_t date_s = -1;
    if ((value = header_once(easy, "Date")) != NULL &&
        (date_s = http_parse_date(value)) >= 0) {
        answer.has_date = true;
        answer.clock_offset_s = date_s - clock_wall_s();
    }
    struct curl_header *encoding = NULL;
    if (curl_easy_header(easy, "Content-Encoding", 0, CURLH_HEADER, -1, &encoding) ==
        CURLHE_OK) {
        answer.is_encoded = strcasecmp(encoding->value, "identity") != 0;
    }
    read_limits(easy, &answer);
    enum err err = read_addresses(easy, &answer);
    if (err != ERR_NONE) {
        http_answer_release(&answer);
        return err;
    }
    *out = answer;
    return ERR_NONE;
}

void http_answer_release(struct http_answer *answer)
{
    free(answer->location);
    free(answer->next_link);
    *answer = (struct http_answer){.server_wait_ms = -1};
}
