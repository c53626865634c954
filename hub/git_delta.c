// SPDX-License-Identifier: Apache-2.0
// A delta is two sizes (base and result, 7 bits a byte, low first) and instructions:
//
//   1oooosss  offset and size bytes follow where their bit is set: copy from the base
//   0nnnnnnn  n literal bytes follow (n > 0)
#include "hub/git_delta.h"

#include <string.h>

enum { COPY_BIT = 0x80, COPY_SIZE_DEFAULT = 0x10000 };

static enum err take_size(struct cursor *cursor, uint64_t *out)
{
    uint64_t value = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; (byte & 0x80) != 0; shift += 7) {
        if (shift > 49 || cursor_take_u8(cursor, &byte) != ERR_NONE) {
            return ERR_MALFORMED;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
    }
    *out = value;
    return ERR_NONE;
}

// The bytes of a number whose bits in `mask` are set, low first.
static enum err take_sparse(struct cursor *cursor, unsigned mask, uint32_t *out)
{
    uint32_t value = 0;
    for (unsigned shift = 0; mask != 0; shift += 8, mask >>= 1) {
        uint8_t byte = 0;
        if ((mask & 1) != 0 && cursor_take_u8(cursor, &byte) != ERR_NONE) {
            return ERR_MALFORMED;
        }
        value |= (uint32_t)byte << shift;
    }
    *out = value;
    return ERR_NONE;
}

static enum err take_copy(struct cursor *cursor, uint8_t op, const uint8_t *base,
                          size_t base_len, const uint8_t **out, size_t *out_len)
{
    uint32_t offset = 0;
    uint32_t size = 0;
    if (take_sparse(cursor, op & 0x0f, &offset) != ERR_NONE ||
        take_sparse(cursor, (op >> 4) & 0x07, &size) != ERR_NONE) {
        return ERR_MALFORMED;
    }
    size = size != 0 ? size : COPY_SIZE_DEFAULT;
    if (offset > base_len || size > base_len - offset) {
        return ERR_MALFORMED;
    }
    *out = base + offset;
    *out_len = size;
    return ERR_NONE;
}

static enum err run(struct cursor *cursor, const uint8_t *base, size_t base_len,
                    uint8_t *result, size_t result_len)
{
    size_t done = 0;
    while (cursor_left(cursor) > 0) {
        const uint8_t *from = NULL;
        size_t len = 0;
        uint8_t op = 0;
        enum err err = cursor_take_u8(cursor, &op);
        if (err == ERR_NONE && (op & COPY_BIT) != 0) {
            err = take_copy(cursor, op, base, base_len, &from, &len);
        } else if (err == ERR_NONE) {
            len = op;
            err = op != 0 ? cursor_take_bytes(cursor, len, &from) : ERR_MALFORMED;
        }
        if (err != ERR_NONE || len > result_len - done) {
            return ERR_MALFORMED;
        }
        memcpy(result + done, from, len);
        done += len;
    }
    return done == result_len ? ERR_NONE : ERR_MALFORMED;
}

enum err git_delta_apply(const uint8_t *base, size_t base_len, const uint8_t *delta,
                         size_t delta_len, size_t max, uint8_t **out, size_t *out_len)
{
    struct cursor cursor = cursor_init(delta, delta_len);
    uint64_t wanted_base = 0;
    uint64_t wanted = 0;
    if (take_size(&cursor, &wanted_base) != ERR_NONE ||
        take_size(&cursor, &wanted) != ERR_NONE || wanted_base != base_len) {
        return ERR_MALFORMED;
    }
    if (wanted > max) {
        return ERR_TOO_LARGE;
    }
    AUTO_FREE uint8_t *result = malloc((size_t)wanted + 1);
    if (result == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = run(&cursor, base, base_len, result, (size_t)wanted);
    if (err != ERR_NONE) {
        return err;
    }
    *out = STEAL_POINTER(result);
    *out_len = (size_t)wanted;
    return ERR_NONE;
}
