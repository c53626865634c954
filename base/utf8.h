// SPDX-License-Identifier: Apache-2.0
// What is UTF-8 and what only claims to be.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// The length (1-4) of the character at the start of `text`, which has `left` bytes; 0 when
// they are no character: a stray or missing continuation, an overlong form, a surrogate,
// past U+10FFFF, cut short, or nothing left.
size_t utf8_character_len(const char *text, size_t left);

// Whether all of it is UTF-8. A NUL is a character like any other.
bool utf8_is_valid(const char *text, size_t len);
