// SPDX-License-Identifier: Apache-2.0
// The life of a fetch unit:
//
//     queued --begin--> planning --plan--> round --all transfers and decodes over--> over
//                          ^                                |
//                          +------- next missing chunk -----+
//
// A round that brought only a part (cut off, expired address, or the beginning was here
// already) is followed by another one from the next missing chunk; the number of rounds
// without gain is bounded.
#pragma once

#include "xet/errands.h"

// A queued unit for [first, end) of the file, on the file's list. NULL when out of memory.
struct fetch_unit *fetch_unit_new(struct xet_file *file, struct fetch_source *source,
                                  uint64_t first, uint64_t end) REQUIRES(engine_role);
// Asks for the next round; takes over the caller's reference.
void fetch_unit_begin(struct fetch_unit *unit) EXCLUDES(engine_role);
// Asks for the plan of what is missing (a blob: for its bytes), which `done` gets with the unit; takes
// over the caller's reference.
void fetch_unit_ask(struct fetch_unit *unit, cas_plan_fn done) EXCLUDES(engine_role);
// Begins the round of a unit whose plan has come, or deals with the error; `ctx` is the unit. A
// cas_plan_fn.
void fetch_unit_on_plan(void *ctx, enum err err, const struct why *why,
                        struct cas_plan *plan) EXCLUDES(engine_role);
// A round is over: `missing` is the first offset that has not been stored, unit->end or more
// when all has been.
void fetch_unit_round_over(struct fetch_unit *unit, uint64_t missing, enum err err,
                           struct why *why) EXCLUDES(engine_role);
// The unit's plan brings the file up to `end`, the end of a chunk: the unit takes over what
// lies between, and a unit that would begin in there and has not begun begins after it. So
// the chunk on the border of two units comes once, if the first one's plan is known in time.
void fetch_unit_reach(struct fetch_unit *unit, uint64_t end) EXCLUDES(engine_role);
// Takes the unit off the file's list and gives up the list's reference.
void fetch_unit_end(struct fetch_unit *unit, struct errands *errands)
    REQUIRES(engine_role);
void fetch_unit_unref(struct fetch_unit *unit) EXCLUDES(engine_role);

// How the unit's calls are made: its class, its stream, its deadline.
struct hub_call fetch_unit_call(const struct fetch_unit *unit);
// The new call's ticket; promotes or cancels it when that was wanted in the meantime.
void fetch_unit_set_ticket(struct fetch_unit *unit, hub_ticket ticket,
                           enum hub_class class);
// "datasets/o/n path" before the sentence.
void fetch_unit_name(const struct fetch_unit *unit, enum err err, struct why *why);
