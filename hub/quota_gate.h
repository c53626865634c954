// SPDX-License-Identifier: Apache-2.0
// The Hub's rate limit as this client sees it: one gate per credential and bucket ("api",
// "resolvers"), fed by the RateLimit headers of every answer. Pure; network thread only.
#pragma once

#include "hub/http_headers.h"
#include "hub/hub.h"

enum quota_bucket {
    QUOTA_API,
    QUOTA_RESOLVERS,
    QUOTA_BUCKETS,
    QUOTA_NONE = QUOTA_BUCKETS
};

struct quota_gate {
    int64_t remaining;  // requests left in the window; -1 = unknown
    int64_t quota;      // requests in a whole window; -1 = unknown
    int64_t reset_ms;   // monotonic end of the window
    unsigned in_flight; // started since, not yet counted in `remaining`
};

struct quota_gate quota_gate_init(void);

enum quota_verdict {
    QUOTA_GO,
    QUOTA_WAIT,   // until *out_until_ms
    QUOTA_REFUSE, // the deadline comes before the window ends
};

// May a request of this class start? Background stops below 20 % of the quota, DEMAND uses
// the rest.
enum quota_verdict quota_gate_ask(struct quota_gate *gate, enum hub_class class,
                                  int64_t now_ms, int64_t deadline_ms,
                                  int64_t *out_until_ms);

// An attempt of this bucket begins; it is over.
void quota_gate_started(struct quota_gate *gate);
void quota_gate_ended(struct quota_gate *gate);
// What an answer said about this bucket.
void quota_gate_learn(struct quota_gate *gate, const struct rate_limit *limit,
                      int64_t now_ms);
