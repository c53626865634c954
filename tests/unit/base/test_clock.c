// SPDX-License-Identifier: Apache-2.0

#include "base/clock.h"
#include "tests/unit/unit_test.h"

static int64_t seven_seconds(void)
{
    return 7000999;
}

TEST(test_the_monotonic_clock_does_not_go_back)
{
    int64_t before_us = clock_now_us();
    int64_t after_us = clock_now_us();
    assert_true(before_us > 0 && after_us >= before_us);
    assert_true(clock_now_ms() >= before_us / 1000);
}

TEST(test_a_replaced_clock_answers_until_it_is_taken_back)
{
    clock_replace(seven_seconds);
    assert_int_equal(clock_now_us(), 7000999);
    assert_int_equal(clock_now_ms(), 7000);
    clock_replace(NULL);
    assert_int_not_equal(clock_now_us(), 7000999);
}

TEST(test_the_wall_clock_is_after_2025)
{
    assert_true(clock_wall_s() > 1735689600);
}

TEST(test_times_as_the_hub_writes_them_are_parsed)
{
    assert_int_equal(clock_parse_iso8601("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(clock_parse_iso8601("2026-01-01T00:00:00.000Z"), 1767225600);
    assert_int_equal(clock_parse_iso8601("2024-02-29T23:59:59.123456Z"), 1709251199);
    assert_int_equal(clock_parse_iso8601("9999-12-31T23:59:59Z"), 253402300799);
}

TEST(test_everything_else_is_no_time)
{
    static const char *const BAD[] = {
        "",
        "2026",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.0",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00Z ",
        "2026-01-01 00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-02-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "1969-12-31T23:59:59Z",
        "-026-01-01T00:00:00Z",
        "2026-01-01T00:00:0",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_int_equal(clock_parse_iso8601(BAD[i]), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_monotonic_clock_does_not_go_back),
        cmocka_unit_test(test_a_replaced_clock_answers_until_it_is_taken_back),
        cmocka_unit_test(test_the_wall_clock_is_after_2025),
        cmocka_unit_test(test_times_as_the_hub_writes_them_are_parsed),
        cmocka_unit_test(test_everything_else_is_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
