// SPDX-License-Identifier: Apache-2.0
// The one way to parse bytes from outside: a pointer and an end. Every take checks its
// bounds and returns ERR_MALFORMED past the end, leaving the cursor where it was. Also the
// checked arithmetic that sizes from outside go through.
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct cursor cursor_init(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    return (struct cursor){at, len == 0 ? at : at + len}; // NULL + 0 is undefined in C
}

static inline size_t cursor_left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

// Little endian integers.
NODISCARD enum err cursor_take_u8(struct cursor *cursor, uint8_t *out);
NODISCARD enum err cursor_take_u16(struct cursor *cursor, uint16_t *out);
NODISCARD enum err cursor_take_u24(struct cursor *cursor, uint32_t *out);
NODISCARD enum err cursor_take_u32(struct cursor *cursor, uint32_t *out);
NODISCARD enum err cursor_take_u64(struct cursor *cursor, uint64_t *out);
// Points `out` into the cursor's own bytes (no copy).
NODISCARD enum err cursor_take_bytes(struct cursor *cursor, size_t len,
                                     const uint8_t **out);
NODISCARD enum err cursor_skip(struct cursor *cursor, size_t len);

// Little endian stores and loads on memory of ours.
void store_u16(uint8_t *to, uint16_t value);
void store_u24(uint8_t *to, uint32_t value);
void store_u32(uint8_t *to, uint32_t value);
void store_u64(uint8_t *to, uint64_t value);
uint32_t load_u24(const uint8_t *from);
uint32_t load_u32(const uint8_t *from);
uint64_t load_u64(const uint8_t *from);

// false = overflow, `out` untouched.
static inline bool checked_add(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool checked_mul(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
