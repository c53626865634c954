// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/unit_test.h"
#include "xet/window.h"

#define MIB (UINT64_C(1) << 20)

TEST(test_the_window_opens_at_half_a_mebibyte)
{
    struct window window = {0};
    window_on_read(&window, 131072, false);
    assert_int_equal(window.size, MIB / 2);
}

TEST(test_a_stall_quadruples_it_and_half_of_it_consumed_doubles_it)
{
    struct window window = {0};
    window_on_read(&window, 100 * MIB, false);
    window_on_read(&window, 100 * MIB, true);
    assert_int_equal(window.size, 2 * MIB);
    window_on_read(&window, 100 * MIB + 131072, false);
    assert_int_equal(window.size, 2 * MIB);
    window_on_read(&window, 101 * MIB, false);
    assert_int_equal(window.size, 4 * MIB);
}

TEST(test_from_half_a_mebibyte_to_192_are_five_stalls)
{
    struct window window = {0};
    window_on_read(&window, 200 * MIB, false);
    for (int i = 0; i < 5; i++) {
        window_on_read(&window, 200 * MIB, true);
    }
    assert_int_equal(window.size, 192 * MIB);
    window_on_read(&window, 2000 * MIB, true);
    assert_int_equal(window.size, 192 * MIB);
}

TEST(test_it_never_exceeds_four_times_what_was_consumed_nor_shrinks)
{
    struct window window = {0};
    uint64_t before = 0;
    for (uint64_t consumed = 0; consumed < 300 * MIB; consumed += 131072) {
        window_on_read(&window, consumed, consumed % 3 == 0);
        uint64_t cap = 4 * consumed > MIB / 2 ? 4 * consumed : MIB / 2;
        assert_true(window.size <= cap && window.size <= 192 * MIB);
        assert_true(window.size >= before);
        before = window.size;
    }
    assert_int_equal(before, 192 * MIB);
}

TEST(test_a_unit_is_an_eighth_within_its_limits)
{
    struct window window = {.size = MIB};
    assert_int_equal(window_unit(&window), MIB / 2);
    window.size = 32 * MIB;
    assert_int_equal(window_unit(&window), 4 * MIB);
    window.size = 192 * MIB;
    assert_int_equal(window_unit(&window), 8 * MIB);
}

TEST(test_the_next_window_is_four_times_as_large_and_at_least_8_mebibytes)
{
    struct window window = {.size = MIB / 2};
    assert_int_equal(window_next(&window), 8 * MIB);
    assert_int_equal(window_next_unit(&window), MIB);
    window.size = 8 * MIB;
    assert_int_equal(window_next(&window), 32 * MIB);
    assert_int_equal(window_next_unit(&window), 4 * MIB);
    window.size = 100 * MIB;
    assert_int_equal(window_next(&window), 192 * MIB);
    window.size = 192 * MIB;
    assert_int_equal(window_next(&window), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_window_opens_at_half_a_mebibyte),
        cmocka_unit_test(test_a_stall_quadruples_it_and_half_of_it_consumed_doubles_it),
        cmocka_unit_test(test_from_half_a_mebibyte_to_192_are_five_stalls),
        cmocka_unit_test(test_it_never_exceeds_four_times_what_was_consumed_nor_shrinks),
        cmocka_unit_test(test_a_unit_is_an_eighth_within_its_limits),
        cmocka_unit_test(
            test_the_next_window_is_four_times_as_large_and_at_least_8_mebibytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
