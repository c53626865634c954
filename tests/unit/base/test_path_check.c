// SPDX-License-Identifier: Apache-2.0

#include "base/path_check.h"
#include "tests/unit/unit_test.h"

#include <string.h>

static bool name_is_legal(const char *name)
{
    return path_name_is_legal(name, strlen(name));
}

static bool is_legal(const char *path)
{
    return path_is_legal(path, strlen(path));
}

static bool is_contained(const char *link_path, const char *target)
{
    return path_symlink_is_contained(link_path, target, strlen(target));
}

TEST(test_odd_names_are_legal)
{
    assert_true(name_is_legal("a"));
    assert_true(name_is_legal("..."));
    assert_true(name_is_legal(".git"));
    assert_true(name_is_legal(" "));
    assert_true(name_is_legal("\xff\xfe"));
    assert_true(name_is_legal("a\nb"));
}

TEST(test_names_that_mean_something_else_are_not)
{
    assert_false(name_is_legal(""));
    assert_false(name_is_legal("."));
    assert_false(name_is_legal(".."));
    assert_false(name_is_legal("a/b"));
    assert_false(path_name_is_legal("a\0b", 3));
}

TEST(test_a_name_has_at_most_255_bytes)
{
    char name[300];
    memset(name, 'x', sizeof(name));
    assert_true(path_name_is_legal(name, 255));
    assert_false(path_name_is_legal(name, 256));
}

TEST(test_paths_are_legal_names_between_single_slashes)
{
    assert_true(is_legal("a"));
    assert_true(is_legal("a/b c/d.txt"));
    assert_false(is_legal(""));
    assert_false(is_legal("/a"));
    assert_false(is_legal("a/"));
    assert_false(is_legal("a//b"));
    assert_false(is_legal("a/./b"));
    assert_false(is_legal("../a"));
    assert_false(is_legal("a/.."));
    assert_false(path_is_legal("a/\0", 3));
}

TEST(test_a_path_has_at_most_4095_bytes)
{
    char path[4097];
    for (size_t i = 0; i < sizeof(path); i++) {
        path[i] = i % 2 == 0 ? 'a' : '/';
    }
    assert_true(path_is_legal(path, 4095));
    assert_false(path_is_legal(path, 4097));
}

TEST(test_a_symlink_may_point_anywhere_below_the_root)
{
    assert_true(is_contained("link", "file"));
    assert_true(is_contained("link", "a/b/c"));
    assert_true(is_contained("link", "."));
    assert_true(is_contained("a/link", ".."));
    assert_true(is_contained("a/b/link", "../../c"));
    assert_true(is_contained("a/b/link", ".././/../c/"));
    assert_true(is_contained("link", "...")); // a name like any other
}

TEST(test_a_symlink_may_not_leave)
{
    assert_false(is_contained("link", ""));
    assert_false(is_contained("link", "/etc/passwd"));
    assert_false(is_contained("link", ".."));
    assert_false(is_contained("link", "./.."));
    assert_false(is_contained("a/link", "../.."));
    assert_false(path_symlink_is_contained("link", "a\0/../..", 8));
}

// With d/e/top -> ../.. the kernel resolves d/e/link -> top/../x to above the root, though
// counting names says it stays inside.
TEST(test_a_symlink_may_not_climb_from_behind_a_name_that_may_be_a_symlink)
{
    assert_false(is_contained("d/e/link", "top/../x"));
    assert_false(is_contained("d/e/link", "../top/.."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odd_names_are_legal),
        cmocka_unit_test(test_names_that_mean_something_else_are_not),
        cmocka_unit_test(test_a_name_has_at_most_255_bytes),
        cmocka_unit_test(test_paths_are_legal_names_between_single_slashes),
        cmocka_unit_test(test_a_path_has_at_most_4095_bytes),
        cmocka_unit_test(test_a_symlink_may_point_anywhere_below_the_root),
        cmocka_unit_test(test_a_symlink_may_not_leave),
        cmocka_unit_test(
            test_a_symlink_may_not_climb_from_behind_a_name_that_may_be_a_symlink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
