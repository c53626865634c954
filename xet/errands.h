// SPDX-License-Identifier: Apache-2.0
// What has to be said to the outside after the engine's lock has been released: reads to
// wake, units to begin, calls to promote or to cancel, files that nobody holds any more.
// Collected under the lock, run without it.
#pragma once

#include "xet/engine.h"

struct ticket_list {
    hub_ticket *tickets;
    size_t n;
    size_t capacity;
};

struct errands {
    struct xet *xet;
    struct wait *finished;    // off every list; err says how
    struct why why;           // for those that failed
    struct fetch_unit *begin; // in order; a reference each
    struct fetch_unit *begin_tail;
    struct fetch_unit *plan; // whose plans are to be asked for ahead; a reference each
    struct fetch_unit *plan_tail;
    struct ticket_list promote; // to DEMAND
    struct ticket_list cancel;
    struct fetch_unit *over; // units off their lists, whose reference that was
    struct xet_file *unused; // files to free
};

struct errands errands_init(struct xet *xet);
void errands_begin(struct errands *errands, struct fetch_unit *unit)
    REQUIRES(engine_role);
void errands_plan(struct errands *errands, struct fetch_unit *unit) REQUIRES(engine_role);
// Notes the tickets of all calls that the unit has under way.
void errands_promote(struct errands *errands, struct fetch_unit *unit)
    REQUIRES(engine_role);
// The same for the call that brings what the transfer waits for.
void errands_promote_carrier(struct errands *errands, struct transfer *transfer)
    REQUIRES(engine_role);
// Leaves alone what others wait for.
void errands_cancel(struct errands *errands, struct fetch_unit *unit)
    REQUIRES(engine_role);
// Does what was noted. Once.
void errands_run(struct errands *errands) EXCLUDES(engine_role);
