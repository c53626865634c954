// SPDX-License-Identifier: Apache-2.0
// Addresses: whose they are (scheme, host, port), whether we may use them at all, and how
// paths and revisions are written into them.
#pragma once

#include "base/base.h"

enum { HOST_SIZE = 256 };

struct url_host {
    bool is_https;
    char host[HOST_SIZE]; // lower case; IPv6 in brackets
    uint16_t port;
};

// An absolute http(s) address without user name or password; anything else is
// ERR_MALFORMED.
NODISCARD enum err url_host_of(const char *url, struct url_host *out);
bool url_host_equal(const struct url_host *a, const struct url_host *b);
// "localhost", 127.0.0.0/8, [::1].
bool url_host_is_loopback(const struct url_host *host);

// What may be asked at all: https always; http only on loopback, or where the user said
// insecure_http.
struct url_policy {
    bool allow_http_loopback;
    bool allow_http_anywhere;
};
bool url_is_allowed(const struct url_policy *policy, const struct url_host *host);

// `reference` (absolute or relative) as seen from `base`. malloc'd; no fragment.
NODISCARD enum err url_resolve(const char *base, const char *reference, char **out);

// Appends text with everything but [A-Za-z0-9-._~] percent-encoded, '/' included
// (revisions); or with '/' kept (paths).
NODISCARD enum err url_append_segment(struct buffer *url, const char *text);
NODISCARD enum err url_append_path(struct buffer *url, const char *path);

// The path of an address without its query, for people: never a secret. Cut at `size`.
void url_path_for_people(const char *url, char *out, size_t size);
