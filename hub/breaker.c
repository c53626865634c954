// SPDX-License-Identifier: Apache-2.0
// The circuit breaker's transitions: closed -> open -> (probe) -> closed or open.
#include "hub/breaker.h"

#include "hub/limits.h"

// One more in a row, if it is news; returns how many there are then, 0 when it is none.
static unsigned count(unsigned *n, int64_t *at_ms, int64_t now_ms)
{
    if (*n > 0 && now_ms - *at_ms < BREAKER_SPACING_MS) {
        return 0;
    }
    *at_ms = now_ms;
    return ++*n;
}

bool breaker_failed(struct breaker *breaker, int64_t now_ms)
{
    breaker->is_probing = false;
    if (breaker->is_open) {
        breaker->probe_ms = now_ms + BREAKER_PROBE_MS;
        return false;
    }
    return count(&breaker->failures, &breaker->failed_ms, now_ms) >= BREAKER_FAILURES &&
           breaker_trip(breaker, now_ms);
}

bool breaker_broke_off(struct breaker *breaker, int64_t now_ms)
{
    return !breaker->is_open &&
           count(&breaker->breaks, &breaker->broke_ms, now_ms) >= BREAKER_FAILURES;
}

bool breaker_trip(struct breaker *breaker, int64_t now_ms)
{
    bool was_open = breaker->is_open;
    breaker->is_open = true;
    breaker->is_probing = false;
    breaker->probe_ms = now_ms + BREAKER_PROBE_MS;
    return !was_open;
}

bool breaker_succeeded(struct breaker *breaker)
{
    bool was_open = breaker->is_open;
    *breaker = (struct breaker){0};
    return was_open;
}

bool breaker_take_probe(struct breaker *breaker, int64_t now_ms)
{
    if (!breaker->is_open || breaker->is_probing || now_ms < breaker->probe_ms) {
        return false;
    }
    breaker->is_probing = true;
    return true;
}
