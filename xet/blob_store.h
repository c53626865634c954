// SPDX-License-Identifier: Apache-2.0
// A small git blob in the chunk store: whole, as blocks of 64 KiB, under its object id.
#pragma once

#include "xet/engine.h"

// Whether all of it is there. Asks the store: no lock may be held.
bool blob_is_stored(const struct xet_file *file) EXCLUDES(engine_role);
// Tells those who wait for the unit's file that all of it is there.
void blob_publish(const struct fetch_unit *unit) EXCLUDES(engine_role);
