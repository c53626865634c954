// SPDX-License-Identifier: Apache-2.0
#include "fs/sibling_watch.h"

#include "tests/unit/unit_test.h"

static bool note(struct sibling_watch *watch, const char *path, size_t n)
{
    size_t parent_len = 0;
    return sibling_watch_note(watch, 1, path, n, &parent_len);
}

TEST(test_the_third_small_sibling_is_noticed)
{
    struct sibling_watch watch = {.turn = 0};
    size_t parent_len = 0;
    assert_false(note(&watch, "a/x", 10));
    assert_false(note(&watch, "a/y", 10));
    assert_true(sibling_watch_note(&watch, 1, "a/z", 10, &parent_len));
    assert_int_equal(parent_len, 1);
    assert_true(note(&watch, "a/w", 10));
}

TEST(test_folders_of_the_root_are_siblings_too)
{
    struct sibling_watch watch = {.turn = 0};
    size_t parent_len = 9;
    assert_false(note(&watch, "x", 1));
    assert_false(note(&watch, "y", 1));
    assert_true(sibling_watch_note(&watch, 1, "z", 1, &parent_len));
    assert_int_equal(parent_len, 0);
}

TEST(test_cousins_and_the_root_itself_are_no_siblings)
{
    struct sibling_watch watch = {.turn = 0};
    assert_false(note(&watch, "", 1));
    assert_false(note(&watch, "", 1));
    assert_false(note(&watch, "", 1));
    assert_false(note(&watch, "a/x", 1));
    assert_false(note(&watch, "b/x", 1));
    assert_false(note(&watch, "c/x", 1));
    assert_false(note(&watch, "a/x/y", 1));
}

TEST(test_another_commits_folders_are_no_siblings)
{
    struct sibling_watch watch = {.turn = 0};
    size_t parent_len = 0;
    assert_false(sibling_watch_note(&watch, 1, "a/x", 1, &parent_len));
    assert_false(sibling_watch_note(&watch, 2, "a/y", 1, &parent_len));
    assert_false(sibling_watch_note(&watch, 1, "a/z", 1, &parent_len));
    assert_true(sibling_watch_note(&watch, 1, "a/w", 1, &parent_len));
}

TEST(test_large_folders_are_not_worth_a_walk)
{
    struct sibling_watch watch = {.turn = 0};
    for (int i = 0; i < 10; i++) {
        assert_false(note(&watch, "a/x", 900));
    }
}

TEST(test_many_parents_forget_the_oldest_one)
{
    struct sibling_watch watch = {.turn = 0};
    char path[32];
    assert_false(note(&watch, "first/x", 1));
    assert_false(note(&watch, "first/y", 1));
    for (int i = 0; i < SIBLING_SLOTS; i++) {
        snprintf(path, sizeof(path), "p%d/x", i);
        assert_false(note(&watch, path, 1));
    }
    assert_false(note(&watch, "first/z", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_third_small_sibling_is_noticed),
        cmocka_unit_test(test_folders_of_the_root_are_siblings_too),
        cmocka_unit_test(test_cousins_and_the_root_itself_are_no_siblings),
        cmocka_unit_test(test_another_commits_folders_are_no_siblings),
        cmocka_unit_test(test_large_folders_are_not_worth_a_walk),
        cmocka_unit_test(test_many_parents_forget_the_oldest_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
