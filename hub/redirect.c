// SPDX-License-Identifier: Apache-2.0
// Redirects are followed by us and not by curl, because only we know which origin type a
// request has. The rule is huggingface_hub's: same scheme, host and port keep the origin
// type and with it the credential; anything else becomes SIGNED, and SIGNED stays SIGNED
// even when it leads back.
// Files may come from anywhere, since what they must contain is known. What an API answers is
// believed, so nobody else may answer in its place.
#include "hub/redirect.h"

#include <string.h>

// FNV-1a: a loop of at most five addresses needs no more.
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    }
    return hash;
}

void redirect_chain_start(struct redirect_chain *chain, const char *url)
{
    *chain = (struct redirect_chain){.seen = {hash_text(url)}};
}

static bool was_seen(const struct redirect_chain *chain, uint64_t hash)
{
    for (unsigned i = 0; i <= chain->count; i++) {
        if (chain->seen[i] == hash) {
            return true;
        }
    }
    return false;
}

enum err redirect_follow(struct redirect_chain *chain, const struct url_policy *policy,
                         enum http_origin origin, const char *url, const char *location,
                         struct why *why, char **out_url, enum http_origin *out_origin)
{
    AUTO_FREE char *target = NULL;
    struct url_host from;
    struct url_host to;
    if (location == NULL || strlen(location) > URL_BYTES_MAX ||
        url_host_of(url, &from) != ERR_NONE ||
        url_resolve(url, location, &target) != ERR_NONE ||
        url_host_of(target, &to) != ERR_NONE) {
        return why_set(why, ERR_BAD_ANSWER, "the server redirects to no usable address");
    }
    if (from.is_https && !to.is_https) {
        return why_set(why, ERR_BAD_ANSWER,
                       "%s redirects to %s without encryption; refused", from.host,
                       to.host);
    }
    if (!url_is_allowed(policy, &to)) {
        return why_set(
            why, ERR_BAD_ANSWER,
            "%s redirects to http://%s; plain http is refused (-o insecure_http)",
            from.host, to.host);
    }
    if (chain->must_stay && !url_host_equal(&from, &to)) {
        return why_set(why, ERR_BAD_ANSWER,
                       "%s redirects the API to another server, %s://%s:%u; refused",
                       from.host, to.is_https ? "https" : "http", to.host, to.port);
    }
    uint64_t hash = hash_text(target);
    if (was_seen(chain, hash)) {
        return why_set(why, ERR_BAD_ANSWER, "%s redirects in a loop", from.host);
    }
    if (chain->count >= REDIRECTS_MAX) {
        return why_set(why, ERR_BAD_ANSWER, "%s: more than %d redirects", from.host,
                       REDIRECTS_MAX);
    }
    chain->seen[++chain->count] = hash;
    *out_origin = url_host_equal(&from, &to) ? origin : ORIGIN_SIGNED;
    *out_url = STEAL_POINTER(target);
    return ERR_NONE;
}
