// SPDX-License-Identifier: Apache-2.0
// The window opens at half a MiB, grows fourfold when the reader waits for something that is on
// its way, twofold when it has read half a window since the last growth, and never exceeds
// four times what the stream has consumed: what a reader that stops leaves unread is at most
// four times what it read, or that. From half a MiB to 192 are five stalls.
#include "xet/window.h"

#define MIB (UINT64_C(1) << 20)

enum { CONSUMED_SHARE = 4, UNITS_OF_WINDOW = 8 };

static const uint64_t WINDOW_OPENS_AT = MIB / 2;
static const uint64_t WINDOW_SECOND = 8 * MIB;
static const uint64_t WINDOW_MAX = 192 * MIB;
static const uint64_t UNIT_MIN = MIB / 2;
static const uint64_t UNIT_MAX = 8 * MIB;

static uint64_t cap_of(uint64_t consumed)
{
    if (consumed > WINDOW_MAX / CONSUMED_SHARE) {
        return WINDOW_MAX;
    }
    uint64_t cap = consumed * CONSUMED_SHARE;
    return cap > WINDOW_OPENS_AT ? cap : WINDOW_OPENS_AT;
}

void window_on_read(struct window *window, uint64_t consumed, bool stalled)
{
    uint64_t wanted = window->size;
    if (wanted == 0) {
        wanted = WINDOW_OPENS_AT;
    } else if (stalled) {
        wanted *= 4;
    } else if (consumed >= window->grown_at + window->size / 2) {
        wanted *= 2;
    }
    uint64_t cap = cap_of(consumed);
    wanted = wanted < cap ? wanted : cap;
    if (wanted > window->size) {
        window->size = wanted;
        window->grown_at = consumed;
    }
}

uint64_t window_next(const struct window *window)
{
    if (window->size >= WINDOW_MAX) {
        return 0;
    }
    // A stall that is over lets several reads go at once, so the first step is longer.
    uint64_t next = window->size * CONSUMED_SHARE;
    next = next > WINDOW_SECOND ? next : WINDOW_SECOND;
    return next < WINDOW_MAX ? next : WINDOW_MAX;
}

static uint64_t unit_of(uint64_t size)
{
    uint64_t unit = size / UNITS_OF_WINDOW;
    if (unit < UNIT_MIN) {
        return UNIT_MIN;
    }
    return unit < UNIT_MAX ? unit : UNIT_MAX;
}

uint64_t window_unit(const struct window *window)
{
    return unit_of(window->size);
}

uint64_t window_next_unit(const struct window *window)
{
    return unit_of(window_next(window));
}
