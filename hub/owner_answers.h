// SPDX-License-Identifier: Apache-2.0
// Parsers of answers about owners: whose the token is, and a page of an owner's repositories.
#pragma once

#include "hub/hub.h"

struct whoami_answer {
    const char **names; // each a legal part of an id
    size_t count;
    struct buffer texts; // where the names live
};
NODISCARD enum err whoami_parse(const void *body, size_t len, struct why *why,
                                struct whoami_answer *out);
void whoami_answer_release(struct whoami_answer *answer);

struct repos_answer {
    struct hub_listed_repo *repos;
    size_t count;
    size_t refused; // ids that are not legal, or not the owner's
};
// `kind` and `owner` are what was asked for.
NODISCARD enum err repos_answer_parse(const void *body, size_t len, enum repo_kind kind,
                                      const char *owner, struct why *why,
                                      struct repos_answer *out);
void repos_answer_release(struct repos_answer *answer);
