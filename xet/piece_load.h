// SPDX-License-Identifier: Apache-2.0
// Loads leaves of a file's piece map from the chunk store.
#pragma once

#include "xet/engine.h"

// Sees to it that the leaves of [from, to) are loaded. What the store remembers but has
// given up since is left out. ERR_NO_MEMORY. Asks the store: no lock may be held.
NODISCARD enum err piece_load(struct xet_file *file, uint64_t from, uint64_t to)
    EXCLUDES(engine_role);

// How many bytes of the file are in the store now, by the pieces known there: also what other
// processes have put there, and what was never loaded. Costs a look at the index for each
// run of the file: up to a second for 100 GB, so it belongs on a pool thread.
uint64_t piece_load_stored(struct xet_file *file);
