// SPDX-License-Identifier: Apache-2.0
// Where the bytes of an answer come to lie, as it grows.
#pragma once

#include "cache/run_span.h"
#include "cache/store_state.h"

// Where the next bytes lie if they are the caller's; answer_own() when they have come there.
uint8_t *answer_end(const struct chunk_answer *answer);
void answer_own(struct chunk_answer *answer, size_t len);
void answer_copy(struct chunk_answer *answer, const uint8_t *from, size_t len);
// The span of the run at `place`, if it is in the store's memory: lent, or copied.
bool answer_from_memory(struct chunk_store *store, const struct run_place *place,
                        const struct span *span, struct chunk_answer *answer);
