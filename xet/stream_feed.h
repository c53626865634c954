// SPDX-License-Identifier: Apache-2.0
// Keeps the window of a stream filled: every read of it may ask for more ahead.
#pragma once

#include "xet/errands.h"

// What is to be asked for ahead: [from, to) in units of `unit`; nothing when from == to. What the
// store has of [disk_from, disk_to) is to be read from the disk.
struct ahead {
    uint64_t from;
    uint64_t to;
    uint64_t unit;
    uint64_t plan_from; // what the next step of the window will ask for, to be planned
    uint64_t plan_to;
    uint64_t plan_unit;
    uint64_t disk_from;
    uint64_t disk_to;
};

// The stream has read up to `end`; `stalled` when it has to wait for what is on its way.
struct ahead stream_note_read(struct xet_file *file, const struct xet_pattern *pattern,
                              uint64_t end, bool stalled, struct errands *errands)
    REQUIRES(engine_role);
// Asks for it.
void stream_ask_ahead(struct xet_file *file, const struct xet_source *source,
                      const struct xet_pattern *pattern, const struct ahead *ahead)
    EXCLUDES(engine_role);
