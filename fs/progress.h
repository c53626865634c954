// SPDX-License-Identifier: Apache-2.0
// Progress of `hugfs prefetch` and `hugfs pin`, for people: one line, redrawn on a terminal,
// printed now and then otherwise.
#pragma once

#include "fs/mount.h"

// Measures the rate: a mean over the last seconds, so that it neither jumps nor lags.
struct progress_meter {
    int64_t started_ms;
    int64_t last_ms;
    uint64_t last_bytes;
    double rate; // bytes a second; negative = not known yet
};

void progress_meter_init(struct progress_meter *meter, int64_t now_ms);
void progress_meter_update(struct progress_meter *meter, int64_t now_ms,
                           uint64_t bytes_done);

// "[=====>     ]  45 %  41.2 MiB of 90.9 MiB  12.3 MiB/s  4.1 s left", cut to `columns`;
// without the bar where `columns` leaves no room for one, or is 0.
NODISCARD enum err progress_line(const struct progress_meter *meter,
                                 const struct mount_progress *progress, unsigned columns,
                                 struct buffer *out);

// "90.9 MiB in 5 files, 7.4 s, 12.3 MiB/s".
NODISCARD enum err progress_summary(const struct progress_meter *meter,
                                    const struct mount_progress *progress, int64_t now_ms,
                                    struct buffer *out);
