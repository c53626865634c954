// SPDX-License-Identifier: Apache-2.0
// BG4, the byte grouping of compression scheme 2: the bytes of a chunk stand in four groups,
// bytes 0, 4, 8 ..., then bytes 1, 5, 9 ..., and so on. The exponents of floats come to lie
// beside each other, which LZ4 likes.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Puts the bytes back in order: `to` and `grouped` have `len` bytes and don't overlap.
void byte_grouping_undo(uint8_t *to, const uint8_t *grouped, size_t len);

// The grouping itself, for writing.
void byte_grouping_do(uint8_t *grouped, const uint8_t *from, size_t len);
