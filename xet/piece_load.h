// SPDX-License-Identifier: Apache-2.0
// Loads leaves of a file's piece map from the chunk store.
#pragma once

#include "xet/engine.h"

// Sees to it that the leaves of [from, to) are loaded. What the store remembers but has
// given up since is left out. ERR_NO_MEMORY. Asks the store: no lock may be held.
NODISCARD enum err piece_load(struct xet_file *file, uint64_t from, uint64_t to)
    EXCLUDES(engine_role);
