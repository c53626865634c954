// SPDX-License-Identifier: Apache-2.0
// Parsers of the HTTP header values that mean something to us. Each takes one header's
// value; anything odd is ERR_MALFORMED and leaves the output alone.
#pragma once

#include "base/base.h"

// RateLimit: "api";r=498;t=231     (draft-ietf-httpapi-ratelimit-headers-09)
struct rate_limit {
    char bucket[32];   // "api", "resolvers", "pages"
    int64_t remaining; // r
    int64_t reset_s;   // t: seconds until the window ends
    int64_t quota;     // q of RateLimit-Policy; -1 = not told
};
NODISCARD enum err http_parse_rate_limit(const char *value, struct rate_limit *out);
// Until the window has surely ended: t is rounded down. At most five minutes.
int64_t http_rate_limit_wait_ms(const struct rate_limit *limit);
// RateLimit-Policy: "fixed window";"api";q=500;w=300
NODISCARD enum err http_parse_rate_policy(const char *value, int64_t *out_quota);

// Content-Range: bytes 0-99/1000     bytes 0-99/*     bytes */1000 (with 416)
struct content_range {
    bool has_range;
    uint64_t first;
    uint64_t last;
    bool has_total;
    uint64_t total;
};
NODISCARD enum err http_parse_content_range(const char *value, struct content_range *out);

// Link: <https://...>; rel="next", <...>; rel="..."    *out is malloc'd, NULL when there is
// no such relation.
NODISCARD enum err http_parse_link_next(const char *value, char **out);

// Retry-After: 120 or an HTTP date (seen against `now_s`, the server's clock). Milliseconds,
// 0 for a time that is past; -1 = nothing usable.
int64_t http_parse_retry_after_ms(const char *value, int64_t now_s);

// Date: Sun, 06 Nov 1994 08:49:37 GMT. Seconds since 1970; -1 = unusable.
int64_t http_parse_date(const char *value);
