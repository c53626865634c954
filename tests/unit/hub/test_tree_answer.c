// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "hub/tree_answer.h"
#include "tests/unit/unit_test.h"

#include <stdio.h>
#include <string.h>

#define OID "0123456789abcdef0123456789abcdef01234567"
#define SHA256 "1111111111111111111111111111111111111111111111111111111111111111"
#define STARS "****************************************************************"

static enum err parse_scope(const char *text, enum tree_scope scope, const char *dir,
                            struct hub_tree_page *out)
{
    struct why why = {0};
    *out = (struct hub_tree_page){0};
    enum err err = tree_answer_parse(text, strlen(text), scope, dir, &why, out);
    assert_true(err == ERR_NONE || why.text[0] != '\0');
    return err;
}

static enum err parse_text(const char *text, const char *dir, struct hub_tree_page *out)
{
    return parse_scope(text, dir != NULL ? TREE_FOLDER : TREE_ANY, dir, out);
}

TEST(test_files_folders_and_hashes_are_read)
{
    static const char text[] =
        "[{\"type\":\"directory\",\"oid\":\"" OID "\",\"size\":0,\"path\":\"a\"},"
        "{\"type\":\"file\",\"oid\":\"" OID "\",\"size\":6,\"path\":\"b.txt\"},"
        "{\"type\":\"file\",\"oid\":\"" OID "\",\"size\":130,\"path\":\"w.bin\","
        "\"lfs\":{\"oid\":\"" SHA256 "\",\"size\":548105171000,\"pointerSize\":130},"
        "\"xetHash\":\"" SHA256 "\"},"
        "{\"type\":\"unknown\",\"oid\":\"" OID "\",\"path\":\"submodule\"}]";
    struct hub_tree_page answer;
    assert_ok(parse_text(text, "", &answer));
    assert_int_equal(answer.count, 3);
    assert_int_equal(answer.refused, 0);
    assert_int_equal(answer.entries[0].kind, ENTRY_DIRECTORY);
    assert_string_equal(answer.entries[1].path, "b.txt");
    assert_int_equal(answer.entries[1].size, 6);
    assert_false(answer.entries[1].has_sha256);
    assert_int_equal(answer.entries[2].size,
                     548105171000); // the content's, not the pointer's
    assert_true(answer.entries[2].has_sha256 && answer.entries[2].has_xet);
    hub_tree_page_release(&answer);
}

TEST(test_hidden_hashes_mark_the_entry)
{
    static const char text[] =
        "[{\"type\":\"file\",\"oid\":\"" OID "\",\"size\":1,\"path\":\"g\","
        "\"lfs\":{\"oid\":\"" STARS "\",\"size\":9},\"xetHash\":\"" STARS "\"}]";
    struct hub_tree_page answer;
    assert_ok(parse_text(text, "", &answer));
    assert_true(answer.entries[0].masked);
    assert_false(answer.entries[0].has_sha256 || answer.entries[0].has_xet);
    assert_int_equal(answer.entries[0].size, 9);
    hub_tree_page_release(&answer);
}

static void expect_in_scope(const char *path, enum tree_scope scope, const char *dir,
                            bool is_kept)
{
    char text[8192];
    struct hub_tree_page answer;
    snprintf(text, sizeof(text),
             "[{\"type\":\"file\",\"oid\":\"" OID "\",\"size\":1,\"path\":\"%s\"}]",
             path);
    assert_ok(parse_scope(text, scope, dir, &answer));
    assert_int_equal(answer.count, is_kept);
    assert_int_equal(answer.refused, !is_kept);
    hub_tree_page_release(&answer);
}

static void expect_path(const char *path, const char *dir, bool is_kept)
{
    expect_in_scope(path, dir != NULL ? TREE_FOLDER : TREE_ANY, dir, is_kept);
}

TEST(test_names_that_cannot_be_are_left_out_and_counted)
{
    char name[300];
    memset(name, 'x', sizeof(name));
    name[256] = '\0';
    static const char *const bad[] = {"",   ".",   "..",   "/",    "/a",
                                      "a/", "a/b", "../a", "a//b", "a/../b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_path(bad[i], "", false);
    }
    expect_path(name, "", false);
    name[255] = '\0';
    expect_path(name, "", true);
    expect_path("new\\nline", "", true);
    expect_path(".git", "", true);
}

TEST(test_entries_must_be_directly_in_the_folder_asked_for)
{
    expect_path("dir/sub/a", "dir/sub", true);
    expect_path("dir/sub/a/b", "dir/sub", false);
    expect_path("dir/other/a", "dir/sub", false);
    expect_path("dir/submarine", "dir/sub", false);
    expect_path("dir/sub", "dir/sub", false);
    expect_path("a", "dir/sub", false);
    expect_path("any/where", NULL, true);
    expect_path("any/../where", NULL, false);
}

TEST(test_recursive_listings_hold_what_lies_anywhere_below)
{
    expect_in_scope("a", TREE_BELOW, "", true);
    expect_in_scope("a/b/c/d", TREE_BELOW, "", true);
    expect_in_scope("dir/sub/a", TREE_BELOW, "dir/sub", true);
    expect_in_scope("dir/sub/a/b/c", TREE_BELOW, "dir/sub", true);
    expect_in_scope("dir/sub", TREE_BELOW, "dir/sub", false);
    expect_in_scope("dir", TREE_BELOW, "dir/sub", false);
    expect_in_scope("dir/submarine/a", TREE_BELOW, "dir/sub", false);
    expect_in_scope("dir/sub/a/../../x", TREE_BELOW, "dir/sub", false);
    expect_in_scope("dir/sub//a", TREE_BELOW, "dir/sub", false);
    expect_in_scope("dir/sub/./a", TREE_BELOW, "dir/sub", false);
    expect_in_scope("dir/sub/", TREE_BELOW, "dir/sub", false);
    expect_in_scope("/a/b", TREE_BELOW, "", false);
}

TEST(test_odd_numbers_and_hashes_spoil_the_page)
{
    static const char *const bad[] = {
        "{}",
        "[1]",
        "[{\"type\":\"file\"}]",
        "[{\"type\":\"file\",\"oid\":\"" OID "\",\"size\":-1,\"path\":\"a\"}]",
        "[{\"type\":\"file\",\"oid\":\"" OID "\",\"size\":1e300,\"path\":\"a\"}]",
        "[{\"type\":\"file\",\"oid\":\"" OID "\",\"path\":\"a\"}]",
        "[{\"type\":\"file\",\"oid\":\"xyz\",\"size\":1,\"path\":\"a\"}]",
        "[{\"type\":\"file\",\"oid\":\"" OID
        "\",\"size\":1,\"path\":\"a\",\"xetHash\":\"1\"}]",
        "[{\"type\":\"file\",\"oid\":\"" OID
        "\",\"size\":1,\"path\":\"a\",\"lfs\":{\"size\":1}}]",
        "[{\"type\":\"file\",\"oid\":\"" OID "\",\"size\":1,\"path\":\"a\","
        "\"lfs\":{\"oid\":\"" OID "\",\"size\":1}}]",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hub_tree_page answer;
        assert_err(parse_text(bad[i], "", &answer), ERR_BAD_ANSWER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_folders_and_hashes_are_read),
        cmocka_unit_test(test_hidden_hashes_mark_the_entry),
        cmocka_unit_test(test_names_that_cannot_be_are_left_out_and_counted),
        cmocka_unit_test(test_entries_must_be_directly_in_the_folder_asked_for),
        cmocka_unit_test(test_recursive_listings_hold_what_lies_anywhere_below),
        cmocka_unit_test(test_odd_numbers_and_hashes_spoil_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
