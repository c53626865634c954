// SPDX-License-Identifier: Apache-2.0
// An upload grant: permission to PUT one xorb to a signed address, with exactly these headers.
#pragma once

#include "hub/limits.h"
#include "hub/url.h"

#include <curl/curl.h>

struct grant {
    char *id;                   // malloc'd; [A-Za-z0-9._~-]
    char *url;                  // malloc'd, a secret
    struct curl_slist *headers; // "Name: value"
};

// {"id", "method": "PUT", "url", "headers"}. ERR_BAD_ANSWER: an address that the policy
// forbids, another method, a header that would carry a credential, change who is asked or
// break out of its line, or too many of them. Host and Content-Length are left out: they are
// right without being told.
NODISCARD enum err grant_parse(const void *body, size_t len,
                               const struct url_policy *policy, struct why *why,
                               struct grant *out);
void grant_release(struct grant *grant);
