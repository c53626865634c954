// SPDX-License-Identifier: Apache-2.0
// The constants of the rolling hash that cuts chunks (Xet protocol, "Chunking").
#pragma once

#include <stdint.h>

extern const uint64_t GEAR_TABLE[256];
