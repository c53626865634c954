// SPDX-License-Identifier: Apache-2.0
// Randomness from the kernel; tests replace it to be repeatable.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Fills `out` with random bytes (getrandom). Any thread.
void random_bytes(void *out, size_t len);

// A random number in [0, bound); 0 for bound 0.
uint64_t random_below(uint64_t bound);

// Tests: a SplitMix64 stream from `seed` instead of the kernel; 0 = the kernel again.
void random_replace(uint64_t seed);
