// SPDX-License-Identifier: Apache-2.0
// The monotonic clock, its replacement in tests, and the one date format that comes from
// outside.

#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

static _Atomic(int64_t (*)(void)) replacement;

static int64_t real_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_replace(int64_t (*now_us)(void))
{
    atomic_store(&replacement, now_us);
}

int64_t clock_now_us(void)
{
    int64_t (*now_us)(void) = atomic_load_explicit(&replacement, memory_order_acquire);
    return now_us == NULL ? real_now_us() : now_us();
}

int64_t clock_now_ms(void)
{
    return clock_now_us() / 1000;
}

int64_t clock_wall_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec;
}

// Reads `digits` decimal digits and then `after`; the position behind, NULL if they are not
// there. A NUL is neither, so this never reads past the text.
static const char *take_number(const char *at, int digits, char after, int *out)
{
    if (at == NULL) {
        return NULL;
    }
    int value = 0;
    for (int i = 0; i < digits; i++, at++) {
        if (*at < '0' || *at > '9') {
            return NULL;
        }
        value = value * 10 + (*at - '0');
    }
    if (after != '\0') {
        if (*at != after) {
            return NULL;
        }
        at++;
    }
    *out = value;
    return at;
}

// The rest after the seconds: an optional fraction, then 'Z' and nothing more.
static bool ends_as_utc(const char *at)
{
    if (*at == '.') {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits == 0) {
            return false;
        }
        at += 1 + digits;
    }
    return strcmp(at, "Z") == 0;
}

int64_t clock_parse_iso8601(const char *text)
{
    struct tm tm = {0};
    const char *at = take_number(text, 4, '-', &tm.tm_year);
    at = take_number(at, 2, '-', &tm.tm_mon);
    at = take_number(at, 2, 'T', &tm.tm_mday);
    at = take_number(at, 2, ':', &tm.tm_hour);
    at = take_number(at, 2, ':', &tm.tm_min);
    at = take_number(at, 2, '\0', &tm.tm_sec);
    if (at == NULL || !ends_as_utc(at)) {
        return -1;
    }
    if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59) {
        return -1;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int day = tm.tm_mday;
    int64_t seconds = timegm(&tm);
    return tm.tm_mday == day ? seconds : -1; // timegm() turns 31 February into March
}
