// SPDX-License-Identifier: Apache-2.0
// Every parser of what is answered to writing. The first byte picks one; what it accepts
// keeps the promises of its header.
#include "hub/commit_reply.h"
#include "hub/commit_search.h"
#include "hub/grant_answer.h"
#include "hub/preupload_answer.h"
#include "hub/pull_answers.h"
#include "hub/shard_events.h"
#include "tests/fuzz/fuzz_target.h"

#include <strings.h>

static void try_preupload(const uint8_t *body, size_t len)
{
    static const char *const paths[] = {"a", "b"};
    struct hub_upload_mode *modes = NULL;
    if (preupload_answer_parse(body, len, paths, 2, NULL, &modes) == ERR_NONE) {
        for (size_t i = 0; i < 2; i++) {
            size_t oid_len = strlen(modes[i].oid);
            fuzz_require(strspn(modes[i].oid, "0123456789abcdef") == oid_len);
            fuzz_require(modes[i].has_oid ? oid_len == 40 || oid_len == 64
                                          : oid_len == 0);
        }
        free(modes);
    }
}

static void require_address(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        fuzz_require(*at > ' ' && *at < 0x7f);
    }
}

static void try_commit(const uint8_t *body, size_t len)
{
    struct commit_reply reply;
    if (commit_reply_parse(body, len, NULL, &reply) == ERR_NONE) {
        require_address(reply.url);
        require_address(reply.pull_url);
        commit_reply_release(&reply);
    }
}

static void try_search(const uint8_t *body, size_t len)
{
    struct oid stop_at = {{0xaa}};
    struct hub_found_commit found;
    AUTO(buffer) struct buffer page = buffer_init(len);
    if (buffer_append(&page, body, len) == ERR_NONE &&
        commit_search(&page, 1, &stop_at, "needle", NULL, &found) == ERR_NONE) {
        fuzz_require(!(found.found && found.reached_stop));
    }
}

static void try_pulls(const uint8_t *body, size_t len)
{
    uint64_t number = 0;
    bool goes_on = false;
    if (pulls_page_parse(body, len, "needle", NULL, &number, &goes_on) == ERR_NONE) {
        fuzz_require(number <= UINT32_MAX);
    }
    if (pull_opened_parse(body, len, NULL, &number) == ERR_NONE) {
        fuzz_require(number > 0 && number <= UINT32_MAX);
    }
}

static void try_grant(const uint8_t *body, size_t len)
{
    struct url_policy policy = {.allow_http_loopback = true};
    struct grant grant;
    struct url_host host;
    size_t count = 0;
    if (grant_parse(body, len, &policy, NULL, &grant) != ERR_NONE) {
        return;
    }
    fuzz_require(url_host_of(grant.url, &host) == ERR_NONE);
    fuzz_require(url_is_allowed(&policy, &host));
    fuzz_require(strpbrk(grant.id, "/?#%\r\n") == NULL && *grant.id != '\0');
    for (const struct curl_slist *at = grant.headers; at != NULL; at = at->next) {
        fuzz_require(strpbrk(at->data, "\r\n") == NULL);
        fuzz_require(strncasecmp(at->data, "authorization:", 14) != 0);
        fuzz_require(strncasecmp(at->data, "host:", 5) != 0);
        fuzz_require(++count <= GRANT_HEADERS_MAX);
    }
    grant_release(&grant);
}

static void try_events(const uint8_t *body, size_t len)
{
    struct why why = {0};
    enum err err = shard_events_parse(body, len, &why);
    fuzz_require(err == ERR_NONE || err == ERR_NO_MEMORY || why.text[0] != '\0');
    for (const char *at = why.text; *at != '\0'; at++) {
        fuzz_require((unsigned char)*at >= ' ' && *at != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0) {
        return 0;
    }
    const uint8_t *body = bytes + 1;
    switch (bytes[0] % 6) {
    case 0:
        try_preupload(body, len - 1);
        break;
    case 1:
        try_commit(body, len - 1);
        break;
    case 2:
        try_search(body, len - 1);
        break;
    case 3:
        try_pulls(body, len - 1);
        break;
    case 4:
        try_grant(body, len - 1);
        break;
    default:
        try_events(body, len - 1);
    }
    return 0;
}
