// SPDX-License-Identifier: Apache-2.0
// Every parser of a header's value on one text, and redirects to it.
#include "base/cleanup.h"
#include "hub/http_headers.h"
#include "hub/limits.h"
#include "hub/redirect.h"
#include "tests/fuzz/fuzz_target.h"

static void try_redirect(const char *location)
{
    static const struct url_policy policy;
    static const char from[] = "https://hub.example/api/models/a/b";
    struct redirect_chain chain;
    enum http_origin origin = ORIGIN_HUB;
    AUTO_FREE char *target = NULL;
    redirect_chain_start(&chain, from);
    if (redirect_follow(&chain, &policy, ORIGIN_HUB, from, location, NULL, &target,
                        &origin) != ERR_NONE) {
        return;
    }
    struct url_host host;
    fuzz_require(url_host_of(target, &host) == ERR_NONE && host.is_https);
    bool is_hub = strcmp(host.host, "hub.example") == 0 && host.port == 443;
    fuzz_require((origin == ORIGIN_HUB) == is_hub);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO_FREE char *text = fuzz_text(bytes, len);
    AUTO_FREE char *next = NULL;
    struct rate_limit limit;
    struct content_range range;
    int64_t quota = 0;
    if (http_parse_rate_limit(text, &limit) == ERR_NONE) {
        fuzz_require(limit.remaining >= 0 && limit.reset_s >= 0);
    }
    if (http_parse_rate_policy(text, &quota) == ERR_NONE) {
        fuzz_require(quota >= 0);
    }
    if (http_parse_content_range(text, &range) == ERR_NONE) {
        fuzz_require(range.has_range || range.has_total);
        fuzz_require(!range.has_range || range.first <= range.last);
    }
    if (http_parse_link_next(text, &next) == ERR_NONE && next != NULL) {
        fuzz_require(strlen(next) < len);
    }
    int64_t wait_ms = http_parse_retry_after_ms(text, 784111777);
    fuzz_require(wait_ms >= -1 && wait_ms <= SERVER_WAIT_CAP_MS);
    try_redirect(text);
    return 0;
}
