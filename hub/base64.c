// SPDX-License-Identifier: Apache-2.0
#include "hub/base64.h"

static const char digits[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_length(size_t len)
{
    return (len + 2) / 3 * 4;
}

void base64_encode(const uint8_t *bytes, size_t len, char *out)
{
    while (len >= 3) {
        uint32_t word = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
        *out++ = digits[word >> 18];
        *out++ = digits[word >> 12 & 63];
        *out++ = digits[word >> 6 & 63];
        *out++ = digits[word & 63];
        bytes += 3;
        len -= 3;
    }
    if (len > 0) {
        uint32_t word = (uint32_t)bytes[0] << 16;
        word |= len > 1 ? (uint32_t)bytes[1] << 8 : 0;
        *out++ = digits[word >> 18];
        *out++ = digits[word >> 12 & 63];
        *out++ = len > 1 ? digits[word >> 6 & 63] : '=';
        *out++ = '=';
    }
}
