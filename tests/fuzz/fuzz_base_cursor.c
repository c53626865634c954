// SPDX-License-Identifier: Apache-2.0
// A program for the cursor: each byte taken says what to take next. What fails leaves the
// cursor; what succeeds moves it by exactly its size.

#include "base/cursor.h"
#include "tests/fuzz/fuzz_target.h"

static enum err take(struct cursor *cursor, uint8_t what, size_t *out_size)
{
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    const uint8_t *bytes = NULL;
    switch (what % 7) {
    case 0:
        *out_size = 1;
        return cursor_take_u8(cursor, &u8);
    case 1:
        *out_size = 2;
        return cursor_take_u16(cursor, &u16);
    case 2:
        *out_size = 3;
        return cursor_take_u24(cursor, &u32);
    case 3:
        *out_size = 4;
        return cursor_take_u32(cursor, &u32);
    case 4:
        *out_size = 8;
        return cursor_take_u64(cursor, &u64);
    case 5:
        *out_size = what / 7;
        return cursor_take_bytes(cursor, *out_size, &bytes);
    default:
        *out_size = SIZE_MAX / (what + 1u);
        return cursor_skip(cursor, *out_size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct cursor cursor = cursor_init(bytes, len);
    uint8_t what = 0;
    while (cursor_take_u8(&cursor, &what) == ERR_NONE) {
        size_t before = cursor_left(&cursor);
        size_t size = 0;
        enum err err = take(&cursor, what, &size);
        fuzz_require((err == ERR_NONE) == (size <= before));
        fuzz_require(cursor_left(&cursor) == (err == ERR_NONE ? before - size : before));
    }
    fuzz_require(cursor_left(&cursor) == 0);
    return 0;
}
