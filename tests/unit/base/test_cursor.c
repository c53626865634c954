// SPDX-License-Identifier: Apache-2.0

#include "base/cursor.h"
#include "tests/unit/unit_test.h"

static const uint8_t BYTES[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
                                0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12};

TEST(test_integers_are_little_endian_and_follow_each_other)
{
    struct cursor cursor = cursor_init(BYTES, sizeof(BYTES));
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u24 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    assert_ok(cursor_take_u8(&cursor, &u8));
    assert_ok(cursor_take_u16(&cursor, &u16));
    assert_ok(cursor_take_u24(&cursor, &u24));
    assert_ok(cursor_take_u32(&cursor, &u32));
    assert_ok(cursor_take_u64(&cursor, &u64));
    assert_int_equal(u8, 0x01);
    assert_int_equal(u16, 0x0302);
    assert_int_equal(u24, 0x060504);
    assert_int_equal(u32, 0x0a090807);
    assert_int_equal(u64, 0x1211100f0e0d0c0b);
    assert_int_equal(cursor_left(&cursor), 0);
}

TEST(test_taking_past_the_end_fails_and_leaves_the_cursor_and_the_output)
{
    struct cursor cursor = cursor_init(BYTES, 0);
    uint8_t u8 = 7;
    uint16_t u16 = 7;
    uint32_t u32 = 7;
    uint64_t u64 = 7;
    const uint8_t *bytes = NULL;
    assert_err(cursor_take_u8(&cursor, &u8), ERR_MALFORMED);
    cursor = cursor_init(BYTES, 1);
    assert_err(cursor_take_u16(&cursor, &u16), ERR_MALFORMED);
    cursor = cursor_init(BYTES, 2);
    assert_err(cursor_take_u24(&cursor, &u32), ERR_MALFORMED);
    cursor = cursor_init(BYTES, 3);
    assert_err(cursor_take_u32(&cursor, &u32), ERR_MALFORMED);
    cursor = cursor_init(BYTES, 7);
    assert_err(cursor_take_u64(&cursor, &u64), ERR_MALFORMED);
    assert_err(cursor_take_bytes(&cursor, 8, &bytes), ERR_MALFORMED);
    assert_err(cursor_skip(&cursor, SIZE_MAX), ERR_MALFORMED);
    assert_int_equal(u8 + u16 + u32 + u64, 28);
    assert_null(bytes);
    assert_int_equal(cursor_left(&cursor), 7);
}

TEST(test_bytes_are_pointed_at_and_not_copied)
{
    struct cursor cursor = cursor_init(BYTES, sizeof(BYTES));
    const uint8_t *bytes = NULL;
    assert_ok(cursor_skip(&cursor, 3));
    assert_ok(cursor_take_bytes(&cursor, 5, &bytes));
    assert_ptr_equal(bytes, BYTES + 3);
    assert_int_equal(cursor_left(&cursor), sizeof(BYTES) - 8);
}

TEST(test_a_cursor_over_nothing_is_empty)
{
    struct cursor cursor = cursor_init(NULL, 0);
    assert_int_equal(cursor_left(&cursor), 0);
    assert_ok(cursor_skip(&cursor, 0));
}

TEST(test_stores_and_loads_are_each_others_inverse)
{
    uint8_t memory[9] = {0};
    store_u16(memory + 1, 0xbeef); // at odd addresses on purpose
    assert_memory_equal(memory, "\0\xef\xbe\0", 4);
    store_u24(memory + 1, 0xffabcdef);
    assert_int_equal(load_u24(memory + 1), 0xabcdef);
    assert_int_equal(memory[4], 0);
    store_u32(memory + 1, 0xdeadbeef);
    assert_int_equal(load_u32(memory + 1), 0xdeadbeef);
    store_u64(memory + 1, 0x0123456789abcdef);
    assert_int_equal(load_u64(memory + 1), 0x0123456789abcdef);
}

TEST(test_checked_arithmetic_says_when_it_overflows)
{
    uint64_t out = 5;
    assert_false(checked_add(UINT64_MAX, 1, &out));
    assert_false(checked_mul(UINT64_MAX / 2, 3, &out));
    assert_true(checked_add(UINT64_MAX - 1, 1, &out));
    assert_int_equal(out, UINT64_MAX);
    assert_true(checked_mul(UINT64_MAX / 3, 3, &out));
    assert_int_equal(out, UINT64_MAX / 3 * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_little_endian_and_follow_each_other),
        cmocka_unit_test(
            test_taking_past_the_end_fails_and_leaves_the_cursor_and_the_output),
        cmocka_unit_test(test_bytes_are_pointed_at_and_not_copied),
        cmocka_unit_test(test_a_cursor_over_nothing_is_empty),
        cmocka_unit_test(test_stores_and_loads_are_each_others_inverse),
        cmocka_unit_test(test_checked_arithmetic_says_when_it_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
