// SPDX-License-Identifier: Apache-2.0
// Loads leaves of a file's piece map from the chunk store.
#pragma once

#include "xet/engine.h"

// Sees to it that the leaves of [from, to) are loaded. What the store remembers but has
// given up since is left out, as far as the index tells: a record that is damaged is found when it is
// read. ERR_NO_MEMORY. Asks the store: no lock may be held.
NODISCARD enum err piece_load(struct xet_file *file, uint64_t from, uint64_t to)
    EXCLUDES(engine_role);

// The same, and the records of what is there are looked at, which costs a disk access each: what turns
// out not to be whole is forgotten, and so becomes a gap.
NODISCARD enum err piece_look(struct xet_file *file, uint64_t from, uint64_t to)
    EXCLUDES(engine_role);

// The fragment is not in the store any more.
void piece_forget(struct xet_file *file, const struct fragment *fragment)
    EXCLUDES(engine_role);

// How many bytes of the file are in the store now, by the pieces known there: also what other
// processes have put there, and what was never loaded. Costs a disk access for each run
// of the file: some seconds for 100 GB, so it belongs on a pool thread.
uint64_t piece_load_stored(struct xet_file *file);
