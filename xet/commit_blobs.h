// SPDX-License-Identifier: Apache-2.0
// The small files of a commit on their way by one git fetch (xet_fetch_small()).
#pragma once

#include "xet/engine.h"

struct commit_blobs;

// What is under way and likely to bring the unit's file, and has brought nothing yet; NULL = nothing.
struct commit_blobs *commit_blobs_to_come(const struct fetch_unit *unit)
    REQUIRES(engine_role);
// The unit, which is in no queue, waits for it. It returns to its queue when more has come, and
// when that is over, whatever came of it.
void commit_blobs_set_aside(struct commit_blobs *blobs, struct fetch_unit *unit)
    REQUIRES(engine_role);
// The same for an active unit whose file is not in the store; takes the reference over of what is under
// way. False: nothing brings it.
bool commit_blobs_take(struct fetch_unit *unit) EXCLUDES(engine_role);
