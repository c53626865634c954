// SPDX-License-Identifier: Apache-2.0
// Where chunks are: from a chunk's name to the xorb and number. Bounded: when half of the
// room is taken, what came before the last half is forgotten at once.
#pragma once

#include "base/base.h"

#include <stdint.h>

struct chunk_place {
    uint32_t xorb; // the caller's number for it
    uint32_t chunk;
};

struct chunk_index;

// At most `max` chunks. NULL when out of memory. For one thread at a time.
struct chunk_index *chunk_index_new(size_t max);
void chunk_index_free(struct chunk_index *index);
void chunk_index_clear(struct chunk_index *index);

// The same chunk may be in several places; a few are kept. Without memory it forgets.
void chunk_index_add(struct chunk_index *index, const struct digest *chunk,
                     struct chunk_place place);

// A place of the chunk, `wanted` if it is one of them. False when none is known.
// `wanted` may be NULL.
bool chunk_index_find(const struct chunk_index *index, const struct digest *chunk,
                      const struct chunk_place *wanted, struct chunk_place *out);

// Forgets every place of which `keep` says no.
void chunk_index_filter(struct chunk_index *index,
                        bool (*keep)(void *ctx, struct chunk_place place), void *ctx);
