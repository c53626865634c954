// SPDX-License-Identifier: Apache-2.0
// Header values are short texts from a server that may be hostile: every number is read with
// its overflow checked, every text has a bound.
#include "hub/http_headers.h"

#include "hub/limits.h"

#include <ctype.h>
#include <curl/curl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

static const char *skip_spaces(const char *at)
{
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

// Decimal digits only (no sign, no space); moves *at behind them.
static bool take_number(const char **at, uint64_t *out)
{
    const char *digit = *at;
    uint64_t value = 0;
    if (!isdigit((unsigned char)*digit)) {
        return false;
    }
    for (; isdigit((unsigned char)*digit); digit++) {
        if (!checked_mul(value, 10, &value) ||
            !checked_add(value, (uint64_t)(*digit - '0'), &value)) {
            return false;
        }
    }
    *at = digit;
    *out = value;
    return true;
}

static bool take_text(const char **at, const char *text)
{
    size_t len = strlen(text);
    if (strncasecmp(*at, text, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

// The value of ";KEY=NUMBER" among the parameters from `at` on.
static bool find_parameter(const char *at, char key, int64_t *out)
{
    for (; (at = strchr(at, ';')) != NULL; at++) {
        const char *name = skip_spaces(at + 1);
        if (name[0] != key || name[1] != '=') {
            continue;
        }
        name += 2;
        uint64_t value = 0;
        if (!take_number(&name, &value) || value > INT64_MAX) {
            return false;
        }
        *out = (int64_t)value;
        return true;
    }
    return false;
}

enum err http_parse_rate_limit(const char *value, struct rate_limit *out)
{
    struct rate_limit limit = {.quota = -1};
    const char *at = skip_spaces(value);
    if (*at != '"') {
        return ERR_MALFORMED;
    }
    const char *name = at + 1;
    const char *end = strchr(name, '"');
    if (end == NULL || end == name || (size_t)(end - name) >= sizeof(limit.bucket)) {
        return ERR_MALFORMED;
    }
    memcpy(limit.bucket, name, (size_t)(end - name));
    if (!find_parameter(end, 'r', &limit.remaining) ||
        !find_parameter(end, 't', &limit.reset_s)) {
        return ERR_MALFORMED;
    }
    *out = limit;
    return ERR_NONE;
}

int64_t http_rate_limit_wait_ms(const struct rate_limit *limit)
{
    return limit->reset_s < SERVER_WAIT_CAP_MS / 1000 ? (limit->reset_s + 1) * 1000
                                                      : SERVER_WAIT_CAP_MS;
}

enum err http_parse_rate_policy(const char *value, int64_t *out_quota)
{
    return find_parameter(value, 'q', out_quota) ? ERR_NONE : ERR_MALFORMED;
}

enum err http_parse_content_range(const char *value, struct content_range *out)
{
    struct content_range range = {0};
    const char *at = skip_spaces(value);
    if (!take_text(&at, "bytes") || (*at != ' ' && *at != '\t')) {
        return ERR_MALFORMED;
    }
    at = skip_spaces(at);
    if (*at == '*') {
        at++;
    } else {
        if (!take_number(&at, &range.first) || *at++ != '-' ||
            !take_number(&at, &range.last) || range.last < range.first) {
            return ERR_MALFORMED;
        }
        range.has_range = true;
    }
    if (*at++ != '/') {
        return ERR_MALFORMED;
    }
    if (*at == '*') {
        at++;
    } else {
        if (!take_number(&at, &range.total)) {
            return ERR_MALFORMED;
        }
        range.has_total = true;
    }
    if (*skip_spaces(at) != '\0' || (!range.has_range && !range.has_total) ||
        (range.has_range && range.has_total && range.last >= range.total)) {
        return ERR_MALFORMED;
    }
    *out = range;
    return ERR_NONE;
}

// Whether one of the words in [at, end), apart by spaces and perhaps in quotes, is "next".
static bool names_next(const char *at, const char *end)
{
    while (at < end) {
        at += strspn(at, "\" \t");
        size_t len = strcspn(at, "\" \t;,");
        if (len == 4 && at + len <= end && strncasecmp(at, "next", 4) == 0) {
            return true;
        }
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return false;
}

// Whether the parameters in [at, end) hold rel=next or rel="next" (rel may name several).
static bool is_next_relation(const char *at, const char *end)
{
    while (at < end) {
        at += strspn(at, "; \t");
        const char *param = at;
        while (at < end && *at != ';') {
            at++;
        }
        if (at - param > 4 && strncasecmp(param, "rel=", 4) == 0 &&
            names_next(param + 4, at)) {
            return true;
        }
    }
    return false;
}

// The end of a link-value's parameters: the next comma outside quotes.
static const char *link_value_end(const char *at)
{
    bool is_quoted = false;
    for (; *at != '\0'; at++) {
        if (*at == '"') {
            is_quoted = !is_quoted;
        } else if (*at == ',' && !is_quoted) {
            break;
        }
    }
    return at;
}

enum err http_parse_link_next(const char *value, char **out)
{
    const char *at = skip_spaces(value);
    while (*at != '\0') {
        if (*at != '<') {
            return ERR_MALFORMED;
        }
        const char *url = at + 1;
        const char *close = strchr(url, '>');
        if (close == NULL || close == url || close - url > URL_BYTES_MAX) {
            return ERR_MALFORMED;
        }
        const char *end = link_value_end(close + 1);
        if (is_next_relation(close + 1, end)) {
            *out = strndup(url, (size_t)(close - url));
            return *out != NULL ? ERR_NONE : ERR_NO_MEMORY;
        }
        at = *end == ',' ? skip_spaces(end + 1) : end;
    }
    *out = NULL;
    return ERR_NONE;
}

int64_t http_parse_date(const char *value)
{
    time_t seconds = curl_getdate(value, NULL);
    return seconds >= 0 ? (int64_t)seconds : -1;
}

int64_t http_parse_retry_after_ms(const char *value, int64_t now_s)
{
    const char *at = skip_spaces(value);
    uint64_t seconds = 0;
    if (isdigit((unsigned char)*at)) {
        if (!take_number(&at, &seconds) || *skip_spaces(at) != '\0') {
            // Digits that overflow are a very long time; anything else is no number.
            return strspn(value, "0123456789 ") == strlen(value) ? SERVER_WAIT_CAP_MS
                                                                 : -1;
        }
        return seconds < SERVER_WAIT_CAP_MS / 1000 ? (int64_t)seconds * 1000
                                                   : SERVER_WAIT_CAP_MS;
    }
    int64_t date_s = isalpha((unsigned char)*at) ? http_parse_date(at) : -1;
    if (date_s < 0) {
        return -1;
    }
    int64_t wait_s = date_s - now_s;
    if (wait_s <= 0) {
        return 0;
    }
    return wait_s < SERVER_WAIT_CAP_MS / 1000 ? wait_s * 1000 : SERVER_WAIT_CAP_MS;
}
