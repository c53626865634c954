// SPDX-License-Identifier: Apache-2.0
// The one retry table: which failures are worth another try, and when.
#pragma once

#include "base/base.h"

enum retry_policy {
    RETRY_READ,  // quickly: somebody waits
    RETRY_WRITE, // patiently: what can be repeated and nobody waits for
    RETRY_NEVER, // a lost reply may mean that it was done
};

struct retry_question {
    enum retry_policy policy;
    enum err err;           // of the attempt that failed
    int status;             // HTTP status; 0 = none came
    unsigned attempt;       // 0 for the first that failed
    int64_t server_wait_ms; // what Retry-After or RateLimit asked for; -1 = nothing
    int64_t now_ms;
    int64_t deadline_ms;
};

// 408, 429, 500, 502, 503, 504.
bool http_status_is_retriable(int status);

// How long to wait before the next attempt; -1 = give up: not worth it, the deadline is near,
// or the server asked for a wait that would end past it.
int64_t http_retry_delay_ms(const struct retry_question *question);
