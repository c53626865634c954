// SPDX-License-Identifier: Apache-2.0
// When commits are made, and how long the committer keeps still.
#include "fs/commit_policy.h"

#include "tests/unit/unit_test.h"

static const struct commit_policy normal = {COMMIT_AUTO, 2000, 30000};

static struct commit_load waiting(uint64_t n, int64_t first_ms, int64_t last_ms)
{
    return (struct commit_load){.n = n, .first_ms = first_ms, .last_ms = last_ms};
}

TEST(test_nothing_waits_for_ever)
{
    struct commit_load load = waiting(0, 0, 0);
    assert_true(commit_due_ms(&normal, &load) == DEADLINE_NONE);
}

TEST(test_a_commit_follows_a_while_of_quiet)
{
    struct commit_load load = waiting(1, 10000, 10000);
    assert_int_equal(commit_due_ms(&normal, &load), 12000);
    load.last_ms = 15000;
    assert_int_equal(commit_due_ms(&normal, &load), 17000);
}

TEST(test_who_never_rests_is_committed_after_the_longest_delay)
{
    struct commit_load load = waiting(5, 10000, 39999);
    assert_int_equal(commit_due_ms(&normal, &load), 40000);
}

TEST(test_a_full_commit_is_due_in_the_first_pause)
{
    struct commit_load load = waiting(COMMIT_FILES_MAX, 10000, 10000);
    assert_int_equal(commit_due_ms(&normal, &load), 10250);
    load.n = 3;
    load.small_bytes = COMMIT_REGULAR_BYTES_MAX;
    assert_int_equal(commit_due_ms(&normal, &load), 10250);
    load.small_bytes--;
    assert_int_equal(commit_due_ms(&normal, &load), 12000);
}

TEST(test_a_full_commit_of_who_never_rests_is_due_after_some_seconds)
{
    struct commit_load load = waiting(COMMIT_FILES_MAX, 10000, 19999);
    assert_int_equal(commit_due_ms(&normal, &load), 15000);
}

TEST(test_a_full_commit_is_never_later_than_one_that_is_not)
{
    const struct commit_policy quick = {COMMIT_AUTO, 100, 30000};
    struct commit_load load = waiting(COMMIT_FILES_MAX, 10000, 10000);
    assert_int_equal(commit_due_ms(&quick, &load), 10100);
}

TEST(test_a_pause_goes_before_all_but_who_asks)
{
    struct commit_load load = waiting(COMMIT_FILES_MAX, 10000, 10000);
    load.paused_ms = 90000;
    assert_int_equal(commit_due_ms(&normal, &load), 90000);
    load.is_asked = true;
    assert_int_equal(commit_due_ms(&normal, &load), 0);
}

TEST(test_manual_commits_are_made_only_when_asked_for)
{
    const struct commit_policy manual = {COMMIT_MANUAL, 2000, 30000};
    struct commit_load load = waiting(1000, 1, 1);
    assert_true(commit_due_ms(&manual, &load) == DEADLINE_NONE);
    load.is_asked = true;
    assert_int_equal(commit_due_ms(&manual, &load), 0);
}

TEST(test_who_asks_is_answered_although_nothing_waits)
{
    struct commit_load load = {.is_asked = true};
    assert_int_equal(commit_due_ms(&normal, &load), 0);
}

TEST(test_pauses_grow_to_a_limit)
{
    assert_int_equal(commit_pause_ms(ERR_SERVER, 1, 0), 5000);
    assert_int_equal(commit_pause_ms(ERR_SERVER, 2, 0), 10000);
    assert_int_equal(commit_pause_ms(ERR_SERVER, 100, 0), 300000);
}

TEST(test_a_rate_limit_is_obeyed_as_told_or_for_minutes)
{
    assert_int_equal(commit_pause_ms(ERR_QUOTA, 1, 0), 120000);
    assert_int_equal(commit_pause_ms(ERR_QUOTA, 2, 0), 240000);
    assert_int_equal(commit_pause_ms(ERR_QUOTA, 3, 0), 480000);
    assert_int_equal(commit_pause_ms(ERR_QUOTA, 99, 0), 1920000);
    assert_int_equal(commit_pause_ms(ERR_QUOTA, 9, 17000), 17000);
}

TEST(test_offline_is_looked_at_as_often_as_the_hub_is_probed)
{
    assert_int_equal(commit_pause_ms(ERR_OFFLINE, 50, 0), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_waits_for_ever),
        cmocka_unit_test(test_a_commit_follows_a_while_of_quiet),
        cmocka_unit_test(test_who_never_rests_is_committed_after_the_longest_delay),
        cmocka_unit_test(test_a_full_commit_is_due_in_the_first_pause),
        cmocka_unit_test(test_a_full_commit_of_who_never_rests_is_due_after_some_seconds),
        cmocka_unit_test(test_a_full_commit_is_never_later_than_one_that_is_not),
        cmocka_unit_test(test_a_pause_goes_before_all_but_who_asks),
        cmocka_unit_test(test_manual_commits_are_made_only_when_asked_for),
        cmocka_unit_test(test_who_asks_is_answered_although_nothing_waits),
        cmocka_unit_test(test_pauses_grow_to_a_limit),
        cmocka_unit_test(test_a_rate_limit_is_obeyed_as_told_or_for_minutes),
        cmocka_unit_test(test_offline_is_looked_at_as_often_as_the_hub_is_probed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
