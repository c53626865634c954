// SPDX-License-Identifier: Apache-2.0
// A circuit breaker per host: three connections in a row that can't be made, 100 ms or more
// apart, open it (twenty that fail together are one piece of news), and from then on calls fail
// at once instead of each waiting for its own timeout. While it is open one probe goes out every
// five seconds; the first answer closes it. Pure.
#pragma once

#include "base/base.h"

struct breaker {
    unsigned failures; // in a row
    bool is_open;
    bool is_probing;
    int64_t failed_ms; // when the last failure that counts was met
    unsigned breaks;   // in a row
    int64_t broke_ms;  // when the last one that counts was met
    int64_t probe_ms;  // open: when the next probe is due
};

// A connection failed. Returns true when this opened the breaker (say it once).
bool breaker_failed(struct breaker *breaker, int64_t now_ms);
// A connection was made and broke off before it brought an answer. Returns true when it is time to
// look whether anybody is there: that alone never opens the breaker, one address may be broken.
bool breaker_broke_off(struct breaker *breaker, int64_t now_ms);
// A look found nobody: opens it at once. Returns true when this opened the breaker.
bool breaker_trip(struct breaker *breaker, int64_t now_ms);
// The host answered, whatever it said. Returns true when this closed the breaker.
bool breaker_succeeded(struct breaker *breaker);
// Whether a probe is to be sent now; then it counts as sent, until one of the two above.
bool breaker_take_probe(struct breaker *breaker, int64_t now_ms);
