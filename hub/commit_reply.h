// SPDX-License-Identifier: Apache-2.0
// The answer to a commit.
#pragma once

#include "hub/hub.h"

struct commit_reply {
    struct oid oid;
    char *url;      // malloc'd; "" = none told
    char *pull_url; // malloc'd; "" = none told
};
// Only the commit's id must be there: without it nobody knows what was made. Addresses that
// are no http(s) addresses count as absent.
NODISCARD enum err commit_reply_parse(const void *body, size_t len, struct why *why,
                                      struct commit_reply *out);
void commit_reply_release(struct commit_reply *reply);

// Whether the sentence of a refusal says that an LFS file's content is unknown.
bool commit_refusal_is_missing_lfs(const char *text);
