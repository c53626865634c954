// SPDX-License-Identifier: Apache-2.0
// Units whose plan is asked for before their data: while a stream's window is still opening, what its
// next step will ask for is planned during the step before, so that a step costs one round trip
// and not two. So is what is prefetched, while it is queued.
//
//     held --want()--> queued --admitted--> active: its round begins with the plan
//      |
//      +-- the stream went elsewhere, or HELD_MS passed: over
//
// A plan costs no byte of a file, so a reader that stops has wasted some small answers. It
// may come at any time; nobody waits for a held unit, for whoever wants some of it releases it.
#pragma once

#include "xet/errands.h"

// After that nobody is likely to come, and the addresses in a plan do not last for ever.
enum { HELD_MS = 10000 };

// Whether one more may be held: what is held for many streams is bounded.
bool plan_ahead_has_room(const struct xet *xet) REQUIRES(engine_role);
// A new unit, in no queue: it is held, and its plan is to be asked for.
void plan_ahead_hold(struct fetch_unit *unit, struct errands *errands)
    REQUIRES(engine_role);
// A unit that is queued for long: its plan is to be asked for, once.
void plan_ahead_queued(struct fetch_unit *unit, struct errands *errands)
    REQUIRES(engine_role);
// It is wanted now: takes it from those held. The caller queues it.
void plan_ahead_release(struct fetch_unit *unit) REQUIRES(engine_role);
// Nobody wants it any more: ends it.
void plan_ahead_end(struct fetch_unit *unit, struct errands *errands)
    REQUIRES(engine_role);
// Ends those held for HELD_MS, or all of them when the engine stops.
void plan_ahead_expire(struct xet *xet, int64_t now_ms, struct errands *errands)
    REQUIRES(engine_role);
// When that has to be looked at next; DEADLINE_NONE = never.
int64_t plan_ahead_expires_ms(const struct xet *xet) REQUIRES(engine_role);

// Asks for the plan; takes over the caller's reference. For errands.c.
void plan_ahead_ask(struct fetch_unit *unit) EXCLUDES(engine_role);
// The unit is to begin. True: its plan was asked for ahead; its round begins on the pool, at once or
// when the plan has come.
bool plan_ahead_begins(struct fetch_unit *unit) REQUIRES(engine_role);
