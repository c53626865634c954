// SPDX-License-Identifier: Apache-2.0
// What of a plan is in the store already: it is published and not fetched.
#pragma once

#include "xet/fetch_round.h"

// Finds out which ranges are needed. Returns false when the unit should plan again, because
// the beginning of what it asked for has turned out to be here.
bool round_find_needed(struct fetch_round *round) EXCLUDES(engine_role);
// Publishes what of the transfer's range has come into the store by now; true when that is
// all that the round needs of it.
bool transfer_is_here(struct transfer *transfer) EXCLUDES(engine_role);
