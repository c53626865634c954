// SPDX-License-Identifier: Apache-2.0
// From ranges that are wanted to fetch units, within budgets. What is in the store or on its
// way is never asked for twice.
#pragma once

#include "xet/errands.h"

struct wish {
    uint64_t from; // of the file
    uint64_t to;
    uint64_t stretch_to; // a unit that has to be made anyway may go on up to here; 0 = no
    uint64_t unit;       // cut into units of at most this
    enum hub_class class;
    uint32_t stream;
    int64_t deadline_ms; // 0 = the default
    bool holds;          // only plan it (plan_ahead.h)
};

// Makes units for what of the wish is neither known to be here nor in a unit already; units
// that are in the way of a demand are promoted. *out_met: some of it was on its way.
// ERR_NO_MEMORY.
NODISCARD enum err fetch_queue_want(struct xet_file *file, struct fetch_source *source,
                                    const struct wish *wish, struct errands *errands,
                                    bool *out_met) REQUIRES(engine_role);
// Begins queued units as far as the budgets allow.
void fetch_queue_admit(struct xet *xet, struct errands *errands) REQUIRES(engine_role);
// The stream went elsewhere: drops what it had asked for ahead and has not begun to come.
void fetch_queue_drop(struct xet_file *file, uint32_t stream, struct errands *errands)
    REQUIRES(engine_role);
// An active unit is over: its budget is free.
void fetch_queue_release(struct fetch_unit *unit) REQUIRES(engine_role);
// A unit that was set aside comes to the end of its queue.
void fetch_queue_return(struct fetch_unit *unit) REQUIRES(engine_role);
// Takes a queued unit off its queue.
void fetch_queue_remove(struct fetch_unit *unit) REQUIRES(engine_role);

// NULL when out of memory.
struct fetch_source *fetch_source_new(const struct xet_source *source);
struct fetch_source *fetch_source_ref(struct fetch_source *source);
void fetch_source_unref(struct fetch_source *source);
