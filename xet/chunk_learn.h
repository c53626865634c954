// SPDX-License-Identifier: Apache-2.0
// What the chunk store knows of a piece of a file, for deduplication.
#pragma once

#include "cache/cache.h"
#include "xet/chunk_index.h"

// Adds the chunks of a piece in a xorb, which is the caller's `number`, as far as the store has them.
// False when some of them are not here, or one went away meanwhile.
bool chunk_learn_piece(struct chunk_index *index, struct chunk_store *store,
                       const struct piece *piece, uint32_t number);
