// SPDX-License-Identifier: Apache-2.0
// Table 3-7 of the Unicode standard: the first byte decides the length and what the second
// may be; all others are 80..BF.

#include "base/utf8.h"

#include <stdint.h>

static bool is_between(uint8_t byte, uint8_t low, uint8_t high)
{
    return byte >= low && byte <= high;
}

static size_t len_by_first_byte(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    if (is_between(first, 0xc2, 0xdf)) {
        return 2;
    }
    if (is_between(first, 0xe0, 0xef)) {
        return 3;
    }
    return is_between(first, 0xf0, 0xf4) ? 4 : 0;
}

static bool second_is_legal(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0: // overlong below
        return is_between(second, 0xa0, 0xbf);
    case 0xed: // surrogates above
        return is_between(second, 0x80, 0x9f);
    case 0xf0: // overlong below
        return is_between(second, 0x90, 0xbf);
    case 0xf4: // past U+10FFFF above
        return is_between(second, 0x80, 0x8f);
    default:
        return is_between(second, 0x80, 0xbf);
    }
}

size_t utf8_character_len(const char *text, size_t left)
{
    if (left == 0) {
        return 0;
    }
    uint8_t first = (uint8_t)text[0];
    size_t len = len_by_first_byte(first);
    if (len > left) {
        return 0;
    }
    if (len >= 2 && !second_is_legal(first, (uint8_t)text[1])) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_between((uint8_t)text[i], 0x80, 0xbf)) {
            return 0;
        }
    }
    return len;
}

bool utf8_is_valid(const char *text, size_t len)
{
    while (len > 0) {
        size_t step = utf8_character_len(text, len);
        if (step == 0) {
            return false;
        }
        text += step;
        len -= step;
    }
    return true;
}
