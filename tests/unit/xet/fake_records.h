// SPDX-License-Identifier: Apache-2.0
// Writes chunk records as the official clients do: what the tests feed to the readers.
#pragma once

#include "xet/chunk_record.h"

// BG4, straight from its definition.
void fake_group_bytes(uint8_t *to, const uint8_t *from, size_t len);

// Appends one record; LZ4 frames alternate between the forms that clients write (`form` 0 =
// xet-core's, 1 = linked blocks, 2 = large blocks with checksums). A chunk that does not
// get smaller is stored plain, as clients must.
void fake_append_record(struct buffer *to, enum record_scheme scheme, int form,
                        const uint8_t *chunk, size_t len);

// Bytes of `kind`: 0 random, 1 text-like, 2 like bf16 weights, 3 zeros. Repeatable.
void fake_content(uint8_t *to, size_t len, int kind, uint64_t seed);

// SplitMix64.
uint64_t fake_random(uint64_t *state);
