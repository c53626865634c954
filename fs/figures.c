// SPDX-License-Identifier: Apache-2.0
// Bytes, times and dates for people. Three significant digits are enough: programs use --json.
#include "fs/figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

void figure_bytes(uint64_t bytes, char out[FIGURE_SIZE])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    // 1023.95 would print as "1024.0".
    while (value >= 1023.95) {
        value /= 1024;
        unit++;
    }
    if (unit == 0) {
        snprintf(out, FIGURE_SIZE, "%" PRIu64 " B", bytes);
    } else {
        snprintf(out, FIGURE_SIZE, "%.1f %s", value, units[unit]);
    }
}

void figure_time(int64_t ms, char out[FIGURE_SIZE])
{
    int64_t s = ms < 0 ? 0 : ms / 1000;
    if (ms < 9950) {
        snprintf(out, FIGURE_SIZE, "%.1f s", ms < 0 ? 0.0 : (double)ms / 1000);
    } else if (s < 60) {
        snprintf(out, FIGURE_SIZE, "%" PRId64 " s", s);
    } else if (s < 3600) {
        snprintf(out, FIGURE_SIZE, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    } else if (s < 86400) {
        snprintf(out, FIGURE_SIZE, "%" PRId64 " h %02" PRId64 " min", s / 3600,
                 s / 60 % 60);
    } else {
        snprintf(out, FIGURE_SIZE, "%" PRId64 " d %" PRId64 " h", s / 86400,
                 s / 3600 % 24);
    }
}

void figure_date(int64_t wall_s, char out[FIGURE_SIZE])
{
    time_t time = (time_t)wall_s;
    struct tm parts;
    if (wall_s < 0 || gmtime_r(&time, &parts) == NULL ||
        strftime(out, FIGURE_SIZE, "%Y-%m-%d %H:%M UTC", &parts) == 0) {
        snprintf(out, FIGURE_SIZE, "-");
    }
}
