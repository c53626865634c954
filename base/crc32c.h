// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), with the CPU's instruction where there is one. Check value of
// "123456789" = 0xe3069283.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Continues `crc` (0 to start). Any thread.
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
