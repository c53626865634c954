// SPDX-License-Identifier: Apache-2.0
// Figures as people read them.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { FIGURE_SIZE = 32 };

// "0 B", "999 B", "1.5 KiB", "86.7 MiB": powers of 1024.
void figure_bytes(uint64_t bytes, char out[FIGURE_SIZE]);

// "0.4 s", "12 s", "3 min 05 s", "2 h 10 min", "5 d 3 h". Negative times are 0.
void figure_time(int64_t ms, char out[FIGURE_SIZE]);

// "2026-01-31 12:00 UTC" of seconds since 1970, "-" for a negative one.
void figure_date(int64_t wall_s, char out[FIGURE_SIZE]);
