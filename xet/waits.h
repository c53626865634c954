// SPDX-License-Identifier: Apache-2.0
// Parked reads. Each is on the list of its file and on the engine's, and leaves both in the
// critical section that decides how it ends: so `ready` is called exactly once.
#pragma once

#include "xet/errands.h"

// Parks a read of [from, to); takes a reference on the file. ERR_NO_MEMORY.
NODISCARD enum err waits_park(struct xet_file *file, uint64_t from, uint64_t to,
                              int64_t deadline_ms, xet_ready_fn ready, void *ctx,
                              xet_wait *out_wait) REQUIRES(engine_role);
// [from, to) of the file has come into the store: ends the reads that have no gap left.
void waits_wake(struct xet_file *file, uint64_t from, uint64_t to,
                struct errands *errands) REQUIRES(engine_role);
// [from, to) can't be had: ends the reads that still miss some of it with `err`; of those with a
// deadline, which are the kernel's, remembers the failure for its second try.
void waits_fail(struct xet_file *file, uint64_t from, uint64_t to, enum err err,
                const struct why *why, struct errands *errands) REQUIRES(engine_role);
// Whether a read is parked that misses some of [from, to) and waits beyond a point of time.
bool waits_want(const struct xet_file *file, uint64_t from, uint64_t to,
                int64_t beyond_ms) REQUIRES(engine_role);
// A unit is over: ends the reads that no other unit will serve (their reader looks again).
void waits_release_unserved(struct xet_file *file, struct errands *errands)
    REQUIRES(engine_role);
// Ends one read, or all of them, with `err`.
void waits_abandon(struct xet_file *file, xet_wait id, struct errands *errands)
    REQUIRES(engine_role);
void waits_end_all(struct xet *xet, enum err err, struct errands *errands)
    REQUIRES(engine_role);

// Sets the timer when `deadline_ms` comes before everything that it is set for.
void waits_arm(struct xet *xet, int64_t deadline_ms) EXCLUDES(engine_role);
// The timer's function: ends what is past its deadline; on idle, gives memory back.
void waits_on_timer(void *ctx);
