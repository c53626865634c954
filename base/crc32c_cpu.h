// SPDX-License-Identifier: Apache-2.0
// Private to crc32c: the versions that need a CPU's own instruction. One file a processor
// family (the shape of BLAKE3's C code); crc32c.c chooses.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// `state` is the complement of the checksum so far.
#if defined(__x86_64__)
bool crc32c_x86_is_usable(void);
uint32_t crc32c_x86(uint32_t state, const uint8_t *bytes, size_t len);
#elif defined(__aarch64__)
bool crc32c_arm_is_usable(void);
uint32_t crc32c_arm(uint32_t state, const uint8_t *bytes, size_t len);
#endif

// What runs where there is no instruction; here so that tests can compare.
uint32_t crc32c_portable(uint32_t state, const uint8_t *bytes, size_t len);
