// SPDX-License-Identifier: Apache-2.0
// Guesses whether byte grouping will help LZ4 with a chunk, without compressing it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// True when the bytes at one of the four positions modulo 4 look unlike the others, as in
// arrays of floats: the number of bits set in a byte is distributed differently there.
bool byte_grouping_pays(const uint8_t *bytes, size_t len);
