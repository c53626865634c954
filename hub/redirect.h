// SPDX-License-Identifier: Apache-2.0
// The origin types and the redirect rule: the only place that decides whether an address
// may be followed and whether the credential goes along.
#pragma once

#include "hub/limits.h"
#include "hub/url.h"

// Whose address a request goes to. Only HUB and CAS requests can carry a credential.
enum http_origin {
    ORIGIN_HUB,    // the endpoint: the Hub token
    ORIGIN_CAS,    // the casUrl of a Xet token: that token
    ORIGIN_SIGNED, // anywhere else: the address is the credential
};

// The addresses that one request has been to. `seen` are hashes: enough to find a loop.
struct redirect_chain {
    bool must_stay; // only the server that was asked may answer: API questions
    unsigned count;
    uint64_t seen[REDIRECTS_MAX + 1];
};

void redirect_chain_start(struct redirect_chain *chain, const char *url);

// Where `location`, answered by `url` of origin `origin`, leads. Refuses the sixth redirect,
// a loop, https -> http, addresses the policy forbids, and another server where the chain
// must stay (ERR_BAD_ANSWER and a sentence that names hosts only). *out_url is malloc'd.
NODISCARD enum err redirect_follow(struct redirect_chain *chain,
                                   const struct url_policy *policy,
                                   enum http_origin origin, const char *url,
                                   const char *location, struct why *why, char **out_url,
                                   enum http_origin *out_origin);
