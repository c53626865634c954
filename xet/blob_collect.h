// SPDX-License-Identifier: Apache-2.0
// A round of a small git blob: fetched whole and compared with its object id before anything
// of it is stored or shown.
#pragma once

#include "xet/engine.h"

// Takes over the caller's reference on the unit; ends with fetch_unit_round_over().
void blob_collect_begin(struct fetch_unit *unit, const struct hub_call *call);
