// SPDX-License-Identifier: Apache-2.0
// Xet tokens, in memory only, fetched once however many calls need one: read tokens by
// repository and commit, write tokens by repository and the ref that is written to. Network
// thread only.
#pragma once

#include "hub/call.h"

struct xet_tokens;
struct xet_token;

NODISCARD enum err xet_tokens_new(struct xet_tokens **out);
void xet_tokens_free(struct xet_tokens *tokens);

// Puts token and CAS address into malloc'd *out_token and *out_cas_url and returns ERR_NONE;
// or parks the call (ERR_PARKED): its type's resumed() is called when the token is there or
// can't be had.
NODISCARD enum err xet_tokens_want(struct call *call, const struct hub_source *source,
                                   char **out_token, char **out_cas_url);
// The server refused the token: the next xet_tokens_want() fetches another.
void xet_tokens_forget(struct xet_tokens *tokens, const struct hub_source *source);
// The same for the write token of the call's subject: its repository and revision.
NODISCARD enum err xet_tokens_want_write(struct call *call, char **out_token,
                                         char **out_cas_url);
void xet_tokens_forget_write(struct call *call);
// The Hub token has changed, and what it could see may be another thing; or (`writes_only`)
// a commit has been made.
void xet_tokens_forget_all(struct xet_tokens *tokens, bool writes_only);
// The call ends or is promoted while it is parked; no-ops otherwise.
void xet_tokens_forget_waiter(struct call *call);
void xet_tokens_promote_for(struct call *call, enum hub_class class);

// What the token route answered.
struct xet_token_answer {
    char *token;   // malloc'd
    char *cas_url; // malloc'd; without a slash at the end
    uint64_t expires_s;
};
// `policy` says whether plain http is acceptable for the casUrl.
NODISCARD enum err xet_token_parse(const void *body, size_t len,
                                   const struct url_policy *policy, struct why *why,
                                   struct xet_token_answer *out);
void xet_token_answer_release(struct xet_token_answer *answer);
