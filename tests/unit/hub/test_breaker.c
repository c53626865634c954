// SPDX-License-Identifier: Apache-2.0
#include "hub/breaker.h"
#include "tests/unit/unit_test.h"

TEST(test_three_failures_in_a_row_open_it_and_that_is_told_once)
{
    struct breaker breaker = {0};
    assert_false(breaker_failed(&breaker, 1000));
    assert_false(breaker_failed(&breaker, 2000));
    assert_false(breaker.is_open);
    assert_true(breaker_failed(&breaker, 3000));
    assert_true(breaker.is_open);
    assert_false(breaker_failed(&breaker, 4000));
}

TEST(test_failures_at_the_same_moment_are_one)
{
    struct breaker breaker = {0};
    for (int i = 0; i < 20; i++) {
        assert_false(breaker_failed(&breaker, 1000 + i));
    }
    assert_false(breaker.is_open);
}

TEST(test_an_answer_in_between_starts_the_count_anew)
{
    struct breaker breaker = {0};
    assert_false(breaker_failed(&breaker, 1000));
    assert_false(breaker_failed(&breaker, 2000));
    assert_false(breaker_succeeded(&breaker));
    assert_false(breaker_failed(&breaker, 3000));
    assert_false(breaker_failed(&breaker, 4000));
    assert_false(breaker.is_open);
}

TEST(test_one_probe_goes_out_every_five_seconds)
{
    struct breaker breaker = {0};
    assert_false(breaker_take_probe(&breaker, 0));
    breaker_failed(&breaker, 1000);
    breaker_failed(&breaker, 2000);
    breaker_failed(&breaker, 3000);
    assert_false(breaker_take_probe(&breaker, 7999));
    assert_true(breaker_take_probe(&breaker, 8000));
    assert_false(breaker_take_probe(&breaker, 60000)); // the first is still on its way
    breaker_failed(&breaker, 60000);
    assert_false(breaker_take_probe(&breaker, 64999));
    assert_true(breaker_take_probe(&breaker, 65000));
}

TEST(test_the_first_answer_closes_it_and_that_is_told_once)
{
    struct breaker breaker = {0};
    breaker_failed(&breaker, 1000);
    breaker_failed(&breaker, 2000);
    breaker_failed(&breaker, 3000);
    assert_true(breaker_succeeded(&breaker));
    assert_false(breaker.is_open);
    assert_false(breaker_succeeded(&breaker));
}

TEST(test_three_connections_that_break_off_ask_for_a_look_and_open_nothing)
{
    struct breaker breaker = {0};
    assert_false(breaker_broke_off(&breaker, 1000));
    assert_false(breaker_broke_off(&breaker, 1001));
    assert_false(breaker_broke_off(&breaker, 2000));
    assert_true(breaker_broke_off(&breaker, 3000));
    assert_true(breaker_broke_off(&breaker, 4000)); // whoever looks decides how often
    assert_false(breaker.is_open);
    breaker_succeeded(&breaker);
    assert_false(breaker_broke_off(&breaker, 5000));
}

TEST(test_a_look_that_finds_nobody_opens_it_at_once_and_that_is_told_once)
{
    struct breaker breaker = {0};
    assert_true(breaker_trip(&breaker, 1000));
    assert_true(breaker.is_open);
    assert_false(breaker_trip(&breaker, 2000));
    assert_false(breaker_broke_off(&breaker, 3000));
    assert_false(breaker_take_probe(&breaker, 6999));
    assert_true(breaker_take_probe(&breaker, 7000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_failures_in_a_row_open_it_and_that_is_told_once),
        cmocka_unit_test(test_failures_at_the_same_moment_are_one),
        cmocka_unit_test(test_an_answer_in_between_starts_the_count_anew),
        cmocka_unit_test(test_one_probe_goes_out_every_five_seconds),
        cmocka_unit_test(test_the_first_answer_closes_it_and_that_is_told_once),
        cmocka_unit_test(
            test_three_connections_that_break_off_ask_for_a_look_and_open_nothing),
        cmocka_unit_test(
            test_a_look_that_finds_nobody_opens_it_at_once_and_that_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
