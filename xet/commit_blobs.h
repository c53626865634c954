// SPDX-License-Identifier: Apache-2.0
// The small files of a commit on their way by one git fetch (xet_fetch_small()).
#pragma once

#include "xet/engine.h"

struct commit_blobs;

// What is under way and likely to bring the unit's file; NULL = nothing.
struct commit_blobs *commit_blobs_that_bring(const struct fetch_unit *unit)
    REQUIRES(engine_role);
// The unit, which is in no queue, waits for it. It returns to its queue when that is over, whatever
// came of it.
void commit_blobs_set_aside(struct commit_blobs *blobs, struct fetch_unit *unit)
    REQUIRES(engine_role);
