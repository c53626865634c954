// SPDX-License-Identifier: Apache-2.0
// The quota gate. The server counts in fixed windows of five minutes and tells with every
// answer how many requests are left (r) and when the window ends (t). Between answers we
// count what we have started ourselves, so that a burst can't run through the gate before
// the first answer is back.
#include "hub/quota_gate.h"

enum {
    BACKGROUND_SHARE = 5,  // background stops when less than 1/5 is left
    SAME_WINDOW_MS = 3000, // the header counts in whole seconds
};

struct quota_gate quota_gate_init(void)
{
    return (struct quota_gate){.remaining = -1, .quota = -1};
}

static int64_t left_now(const struct quota_gate *gate)
{
    int64_t left = gate->remaining - (int64_t)gate->in_flight;
    return left > 0 ? left : 0;
}

enum quota_verdict quota_gate_ask(struct quota_gate *gate, enum hub_class class,
                                  int64_t now_ms, int64_t deadline_ms,
                                  int64_t *out_until_ms)
{
    if (gate->remaining >= 0 && now_ms >= gate->reset_ms) {
        gate->remaining = -1; // a new window: nothing is known until the next answer
    }
    if (gate->remaining < 0) {
        return QUOTA_GO;
    }
    int64_t left = left_now(gate);
    // DEMAND counts only what the server has counted: an answer on its way may still bring
    // good news, and a wrong guess costs one 429.
    bool may_go =
        class == HUB_DEMAND
            ? gate->remaining > 0
            : left > 0 && (gate->quota < 0 || left * BACKGROUND_SHARE >= gate->quota);
    if (may_go) {
        return QUOTA_GO;
    }
    if (deadline_ms <= gate->reset_ms) {
        return QUOTA_REFUSE;
    }
    *out_until_ms = gate->reset_ms;
    return QUOTA_WAIT;
}

void quota_gate_started(struct quota_gate *gate)
{
    gate->in_flight++;
}

void quota_gate_ended(struct quota_gate *gate)
{
    if (gate->in_flight > 0) {
        gate->in_flight--;
    }
}

void quota_gate_learn(struct quota_gate *gate, const struct rate_limit *limit,
                      int64_t now_ms)
{
    int64_t reset_ms = now_ms + http_rate_limit_wait_ms(limit);
    int64_t moved_ms = reset_ms - gate->reset_ms;
    bool is_same_window = gate->remaining >= 0 && now_ms < gate->reset_ms &&
                          moved_ms < SAME_WINDOW_MS && moved_ms > -SAME_WINDOW_MS;
    // Answers overtake each other: inside one window the lowest count is the latest.
    if (!is_same_window || limit->remaining < gate->remaining) {
        gate->remaining = limit->remaining;
    }
    gate->reset_ms = reset_ms;
    if (limit->quota >= 0) {
        gate->quota = limit->quota;
    }
}
