// SPDX-License-Identifier: Apache-2.0
// The circuit breaker's three transitions: closed -> open -> (probe) -> closed or open.
#include "hub/breaker.h"

#include "hub/limits.h"

bool breaker_failed(struct breaker *breaker, int64_t now_ms)
{
    breaker->is_probing = false;
    if (breaker->is_open) {
        breaker->probe_ms = now_ms + BREAKER_PROBE_MS;
        return false;
    }
    if (breaker->failures > 0 && now_ms - breaker->failed_ms < BREAKER_SPACING_MS) {
        return false;
    }
    breaker->failed_ms = now_ms;
    if (++breaker->failures < BREAKER_FAILURES) {
        return false;
    }
    breaker->is_open = true;
    breaker->probe_ms = now_ms + BREAKER_PROBE_MS;
    return true;
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
