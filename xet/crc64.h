// SPDX-License-Identifier: Apache-2.0
// CRC-64/NVME, the checksum that an upload grant asks for. Check value of "123456789" =
// 0xae8b14860a799888.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Continues `crc` (0 to start). Any thread.
uint64_t crc64nvme(uint64_t crc, const void *bytes, size_t len);

// The version for any machine, which the fast one is tested against.
uint64_t crc64nvme_portable(uint64_t crc, const void *bytes, size_t len);
