// SPDX-License-Identifier: Apache-2.0
// Time. Everything that waits or expires asks here, so that tests can replace the clock.
#pragma once

#include <stdint.h>

// Monotonic milliseconds (CLOCK_MONOTONIC).
int64_t clock_now_ms(void);
int64_t clock_now_us(void);

// Seconds since 1970, UTC.
int64_t clock_wall_s(void);

// Tests: from now on clock_now_ms/us() answer what `now_us` returns; NULL = the real clock.
void clock_replace(int64_t (*now_us)(void));

// Parses an ISO 8601 UTC time as the Hub writes it ("2026-01-01T00:00:00.000Z") into
// seconds since 1970; -1 if it is none.
int64_t clock_parse_iso8601(const char *text);

// A deadline is a monotonic time in ms; DEADLINE_NONE never comes.
#define DEADLINE_NONE INT64_MAX
