// SPDX-License-Identifier: Apache-2.0
// Every load and store is a memcpy() and a conversion: neither alignment nor the machine's
// byte order can matter, and on the machines we know it becomes one instruction.

#include "base/cursor.h"

#include <endian.h>
#include <string.h>

static uint64_t load_le(const uint8_t *from, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, from, size);
    return le64toh(value);
}

static void store_le(uint8_t *to, uint64_t value, size_t size)
{
    value = htole64(value);
    memcpy(to, &value, size);
}

static enum err take_le(struct cursor *cursor, size_t size, uint64_t *out)
{
    if (cursor_left(cursor) < size) {
        return ERR_MALFORMED;
    }
    *out = load_le(cursor->at, size);
    cursor->at += size;
    return ERR_NONE;
}

enum err cursor_take_u8(struct cursor *cursor, uint8_t *out)
{
    uint64_t value = 0;
    enum err err = take_le(cursor, 1, &value);
    if (err == ERR_NONE) {
        *out = (uint8_t)value;
    }
    return err;
}

enum err cursor_take_u16(struct cursor *cursor, uint16_t *out)
{
    uint64_t value = 0;
    enum err err = take_le(cursor, 2, &value);
    if (err == ERR_NONE) {
        *out = (uint16_t)value;
    }
    return err;
}

enum err cursor_take_u24(struct cursor *cursor, uint32_t *out)
{
    uint64_t value = 0;
    enum err err = take_le(cursor, 3, &value);
    if (err == ERR_NONE) {
        *out = (uint32_t)value;
    }
    return err;
}

enum err cursor_take_u32(struct cursor *cursor, uint32_t *out)
{
    uint64_t value = 0;
    enum err err = take_le(cursor, 4, &value);
    if (err == ERR_NONE) {
        *out = (uint32_t)value;
    }
    return err;
}

enum err cursor_take_u64(struct cursor *cursor, uint64_t *out)
{
    return take_le(cursor, 8, out);
}

enum err cursor_take_bytes(struct cursor *cursor, size_t len, const uint8_t **out)
{
    if (cursor_left(cursor) < len) {
        return ERR_MALFORMED;
    }
    *out = cursor->at;
    if (len > 0) {
        cursor->at += len; // a cursor over nothing is NULL, and NULL + 0 is undefined
    }
    return ERR_NONE;
}

enum err cursor_skip(struct cursor *cursor, size_t len)
{
    const uint8_t *skipped = NULL;
    return cursor_take_bytes(cursor, len, &skipped);
}

void store_u16(uint8_t *to, uint16_t value)
{
    store_le(to, value, 2);
}

void store_u24(uint8_t *to, uint32_t value)
{
    store_le(to, value, 3);
}

void store_u32(uint8_t *to, uint32_t value)
{
    store_le(to, value, 4);
}

void store_u64(uint8_t *to, uint64_t value)
{
    store_le(to, value, 8);
}

uint32_t load_u24(const uint8_t *from)
{
    return (uint32_t)load_le(from, 3);
}

uint32_t load_u32(const uint8_t *from)
{
    return (uint32_t)load_le(from, 4);
}

uint64_t load_u64(const uint8_t *from)
{
    return load_le(from, 8);
}
