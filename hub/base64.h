// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648, with padding) of what is sent inside JSON.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Characters that `len` bytes become.
size_t base64_length(size_t len);
// Writes base64_length(len) characters, no NUL. Pieces whose lengths are multiples of three
// can be put one after the other.
void base64_encode(const uint8_t *bytes, size_t len, char *out);
