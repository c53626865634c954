// SPDX-License-Identifier: Apache-2.0
// The small files of a commit on their way by one git fetch (xet_fetch_small()).
#pragma once

#include "xet/engine.h"

// True: one is under way that is likely to bring the unit's file. It has taken over the reference of
// what is under way, and begins the unit once more when it is over, whatever came of it.
bool commit_blobs_join(struct fetch_unit *unit) EXCLUDES(engine_role);
