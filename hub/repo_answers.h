// SPDX-License-Identifier: Apache-2.0
// Parsers of the Hub API's small answers: repository info, refs, commit dates.
#pragma once

#include "hub/hub.h"
#include "hub/json_reader.h"

// Members that several answers have. The first must be there and be a commit id.
NODISCARD enum err repo_take_oid(const struct json_value *object, const char *key,
                                 struct why *why, struct oid *out);
enum hub_gate repo_gate_of(const struct json_value *gated);
// Seconds since 1970; -1 = absent or unreadable.
int64_t repo_time_of(const struct json_value *time);

// `kind` is the one that was asked for.
NODISCARD enum err repo_info_parse(const void *body, size_t len, enum repo_kind kind,
                                   struct why *why, struct hub_repo_info *out);

struct refs_answer {
    struct hub_ref *refs;
    size_t count;
    struct buffer names; // where the refs' names live
};
NODISCARD enum err refs_parse(const void *body, size_t len, struct why *why,
                              struct refs_answer *out);
void refs_answer_release(struct refs_answer *answer);

// The date of the first commit listed.
NODISCARD enum err commit_date_parse(const void *body, size_t len, struct why *why,
                                     int64_t *out_date_s);
