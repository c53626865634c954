// SPDX-License-Identifier: Apache-2.0
// Which ranges of xorbs are on their way, over all units and files: a range is not fetched
// twice at a time. Contents that repeat (zeros, copies of a block, another revision of the
// same file) name the same range in many plans.
//
// Only the very same range counts: to wait for a larger one would make a reader of one chunk
// wait for megabytes.
#pragma once

#include "xet/errands.h"
#include "xet/fetch_round.h"

// True: the transfer's range is its own to fetch, and noted as on its way. False: another
// transfer brings it; flights_end() of that one hands this one back. If a reader waits for
// this one, the other one is promoted.
bool flights_claim(struct transfer *transfer, struct errands *errands)
    REQUIRES(engine_role);
// The transfer is over, well or not. Returns those that waited for it, by next_waiting: each
// has to look at the store, and to claim its range if it is not there.
struct transfer *flights_end(struct transfer *transfer) REQUIRES(engine_role);
