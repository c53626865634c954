// SPDX-License-Identifier: Apache-2.0
#include "fs/small_watch.h"

#include "tests/unit/unit_test.h"

static const struct oid one = {{1}};
static const struct oid two = {{2}};

static enum small_advice note(struct small_watch *watch, const struct oid *commit,
                              uint64_t ino, int64_t now_ms)
{
    return small_watch_note(watch, 1, commit, ino, now_ms);
}

TEST(test_the_third_file_advises_to_fetch_all_and_no_later_one_does)
{
    struct small_watch watch = {.turn = 0};
    assert_int_equal(note(&watch, &one, 10, 1000), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 11, 1001), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 12, 1002), SMALL_TOGETHER);
    assert_int_equal(note(&watch, &one, 13, 1003), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 14, 500000), SMALL_ALONE);
}

TEST(test_two_files_that_are_fetched_by_turns_are_two_files)
{
    struct small_watch watch = {.turn = 0};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(note(&watch, &one, 10, 1000 + i), SMALL_ALONE);
        assert_int_equal(note(&watch, &one, 11, 1000 + i), SMALL_ALONE);
    }
}

TEST(test_files_that_are_read_far_apart_do_not_count_together)
{
    struct small_watch watch = {.turn = 0};
    assert_int_equal(note(&watch, &one, 10, 0), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 11, 9000), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 12, 10000), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 13, 10001), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 14, 10002), SMALL_TOGETHER);
}

TEST(test_after_ten_minutes_it_may_be_advised_again)
{
    struct small_watch watch = {.turn = 0};
    for (uint64_t ino = 10; ino < 13; ino++) {
        (void)note(&watch, &one, ino, 0);
    }
    assert_int_equal(note(&watch, &one, 20, 600000), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 21, 600001), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 22, 600002), SMALL_TOGETHER);
}

TEST(test_commits_are_counted_apart)
{
    struct small_watch watch = {.turn = 0};
    (void)note(&watch, &one, 10, 0);
    (void)note(&watch, &one, 11, 0);
    assert_int_equal(note(&watch, &two, 12, 0), SMALL_ALONE);
    assert_int_equal(small_watch_note(&watch, 2, &one, 13, 0), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 14, 0), SMALL_TOGETHER);
}

TEST(test_where_it_failed_siblings_are_advised_until_the_time_is_over)
{
    struct small_watch watch = {.turn = 0};
    for (uint64_t ino = 10; ino < 13; ino++) {
        (void)note(&watch, &one, ino, 0);
    }
    small_watch_over(&watch, 1, &one, SMALL_FAILED);
    assert_int_equal(note(&watch, &one, 14, 100), SMALL_SIBLINGS);
    assert_int_equal(note(&watch, &one, 14, 101), SMALL_SIBLINGS);
    assert_int_equal(note(&watch, &one, 15, 600000), SMALL_ALONE);
}

TEST(test_after_a_passing_failure_it_is_advised_again)
{
    struct small_watch watch = {.turn = 0};
    for (uint64_t ino = 10; ino < 13; ino++) {
        (void)note(&watch, &one, ino, 0);
    }
    small_watch_over(&watch, 1, &one, SMALL_LATER);
    assert_int_equal(note(&watch, &one, 20, 10), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 21, 11), SMALL_ALONE);
    assert_int_equal(note(&watch, &one, 22, 12), SMALL_TOGETHER);
}

static enum small_advice note_three(struct small_watch *watch, uint8_t commit)
{
    struct oid oid = {{commit}};
    (void)note(watch, &oid, 10, 0);
    (void)note(watch, &oid, 11, 0);
    return note(watch, &oid, 12, 0);
}

TEST(test_a_third_commit_gets_siblings_until_one_of_two_has_been_brought)
{
    struct small_watch watch = {.turn = 0};
    struct oid third = {{3}};
    assert_int_equal(note_three(&watch, 1), SMALL_TOGETHER);
    assert_int_equal(note_three(&watch, 2), SMALL_TOGETHER);
    assert_int_equal(note_three(&watch, 3), SMALL_SIBLINGS);
    small_watch_over(&watch, 1, &one, SMALL_BROUGHT);
    assert_int_equal(note(&watch, &third, 13, 1), SMALL_TOGETHER);
    assert_int_equal(note(&watch, &one, 13, 1), SMALL_ALONE);
}

TEST(test_the_commit_that_was_read_longest_ago_makes_room)
{
    struct small_watch watch = {.turn = 0};
    struct oid commit = {{0}};
    (void)note(&watch, &one, 10, 0);
    (void)note(&watch, &one, 11, 0);
    for (unsigned i = 0; i < SMALL_COMMITS; i++) {
        commit.bytes[1] = (uint8_t)i;
        (void)note(&watch, &commit, 10, 0);
    }
    assert_int_equal(note(&watch, &one, 12, 0), SMALL_ALONE);
    assert_int_equal(note(&watch, &commit, 11, 0), SMALL_ALONE);
    assert_int_equal(note(&watch, &commit, 12, 0), SMALL_TOGETHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_third_file_advises_to_fetch_all_and_no_later_one_does),
        cmocka_unit_test(test_two_files_that_are_fetched_by_turns_are_two_files),
        cmocka_unit_test(test_files_that_are_read_far_apart_do_not_count_together),
        cmocka_unit_test(test_after_ten_minutes_it_may_be_advised_again),
        cmocka_unit_test(test_commits_are_counted_apart),
        cmocka_unit_test(
            test_where_it_failed_siblings_are_advised_until_the_time_is_over),
        cmocka_unit_test(test_after_a_passing_failure_it_is_advised_again),
        cmocka_unit_test(
            test_a_third_commit_gets_siblings_until_one_of_two_has_been_brought),
        cmocka_unit_test(test_the_commit_that_was_read_longest_ago_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
