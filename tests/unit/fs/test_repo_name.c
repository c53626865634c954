// SPDX-License-Identifier: Apache-2.0
// "NAME[@REV]" as a name of a folder: what means something, and what can be no repository's.
#include "fs/repo_name.h"

#include "tests/unit/unit_test.h"

#include <stdio.h>
#include <string.h>

static bool parse(const char *text, struct repo_name *out)
{
    return repo_name_parse(text, strlen(text), out);
}

TEST(test_a_name_is_split_at_its_first_at_sign_and_the_revision_decoded)
{
    static const struct row {
        const char *text, *name, *revision;
    } rows[] = {
        {"bert-base", "bert-base", ""},
        {"bert-base@main", "bert-base", "main"},
        {"m@refs%2Fpr%2F1", "m", "refs/pr/1"},
        {"m@refs%2fconvert%2fparquet", "m", "refs/convert/parquet"},
        {"m@feature%2Fa%2Fb", "m", "feature/a/b"},
        {"m@0123456789abcdef0123456789abcdef01234567", "m",
         "0123456789abcdef0123456789abcdef01234567"},
        {"m@0123456", "m", "0123456"},
        {"m@v1.0-rc_1", "m", "v1.0-rc_1"},
        {"m@100%25", "m", "100%"},
        {"m@a@b", "m", "a@b"},
        {"m@100%", "m", "100%"}, // a percent sign that begins no byte
        {"m@%zz", "m", "%zz"},
        {"m@\xf0\x9f\xa4\x97", "m", "\xf0\x9f\xa4\x97"},
        {"a", "a", ""},
        {"GPT_2.0-x", "GPT_2.0-x", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct repo_name parsed;
        assert_true(parse(rows[i].text, &parsed));
        assert_string_equal(parsed.name, rows[i].name);
        assert_string_equal(parsed.revision, rows[i].revision);
    }
}

static const char *const impossible[] = {
    "",
    ".",
    "..",
    ".git",
    ".Trash",
    ".hub",
    "a..b",
    "a--b",
    "-a",
    "a-",
    "a.",
    "x.git",
    "x.git@main",
    "a b",
    "a%2Fb",
    "%2e%2e",
    "a%00",
    "a\xc3\xbc",
    "a:b",
    "a\\b",
    "a/b",
    "@main",
    "m@",
    "m@..",
    "m@%2e%2e",
    "m@a..b",
    "m@%00",
    "m@main%00",
    "m@a%20b",
    "m@a b",
    "m@%0a",
    "m@a%2F%2Fb",
    "m@%2Fa",
    "m@a%2F",
    "m@..%2Fx",
    "m@a%2F..",
    "m@a%2F.b",
    "m@a~1",
    "m@a^",
    "m@a:b",
    "m@a?b",
    "m@a*",
    "m@a[b",
    "m@a\\b",
    "m@%7f",
    "autorun.inf",
    "AutoRun.INF",
    "desktop.ini",
    "Desktop.ini@main",
    "thumbs.db",
    "folder.jpg",
};

TEST(test_what_no_repository_or_revision_can_be_called_is_refused)
{
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        struct repo_name parsed = {.name = "untouched"};
        if (parse(impossible[i], &parsed)) {
            fail_msg("\"%s\" is taken for \"%s\" at \"%s\"", impossible[i], parsed.name,
                     parsed.revision);
        }
        assert_string_equal(parsed.name, "untouched");
    }
}

TEST(test_a_nul_inside_is_no_end)
{
    struct repo_name parsed;
    assert_false(repo_name_parse("a\0b", 3, &parsed));
    assert_false(repo_name_parse("m@a\0b", 5, &parsed));
    assert_true(repo_name_parse("main@x-and-more", 6, &parsed)); // `len` counts
    assert_string_equal(parsed.revision, "x");
}

TEST(test_lengths_are_bounded)
{
    char text[1200];
    struct repo_name parsed;
    memset(text, 'a', sizeof(text));
    assert_true(repo_name_parse(text, 96, &parsed));
    assert_false(repo_name_parse(text, 97, &parsed));
    assert_false(repo_name_parse(text, sizeof(text), &parsed));
    text[1] = '@';
    assert_true(repo_name_parse(text, 2 + REVISION_SIZE - 1, &parsed));
    assert_int_equal(strlen(parsed.revision), REVISION_SIZE - 1);
    assert_false(repo_name_parse(text, 2 + REVISION_SIZE, &parsed));
    assert_false(repo_name_parse(text, sizeof(text), &parsed));
}

static void assert_written(const char *name, const char *revision, const char *expected)
{
    char out[NAME_BYTES_MAX + 1];
    struct repo_name again;
    assert_true(repo_name_format(name, revision, out, sizeof(out)));
    assert_string_equal(out, expected);
    assert_true(parse(out, &again));
    assert_string_equal(again.name, name);
    assert_string_equal(again.revision, revision);
}

TEST(test_what_is_written_is_parsed_again)
{
    assert_written("m", "", "m");
    assert_written("m", "main", "m@main");
    assert_written("m", "refs/pr/1", "m@refs%2Fpr%2F1");
    assert_written("m", "a/b/c", "m@a%2Fb%2Fc");
    assert_written("m", "100%", "m@100%25");
    assert_written("m", "%2F", "m@%252F");
    assert_written("m", "a@b", "m@a@b");
}

TEST(test_a_name_that_has_no_room_is_not_cut)
{
    char out[8];
    assert_true(repo_name_format("m", "abcde", out, sizeof(out)));
    assert_false(repo_name_format("m", "abcdef", out, sizeof(out)));
    assert_true(repo_name_format("m", "a/b", out, sizeof(out)));
    assert_false(repo_name_format("m", "a/bc", out, sizeof(out)));
    assert_false(repo_name_format("m", "ab/cd", out, sizeof(out)));
    assert_false(repo_name_format("longer-than-that", "", out, sizeof(out)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_a_name_is_split_at_its_first_at_sign_and_the_revision_decoded),
        cmocka_unit_test(test_what_no_repository_or_revision_can_be_called_is_refused),
        cmocka_unit_test(test_a_nul_inside_is_no_end),
        cmocka_unit_test(test_lengths_are_bounded),
        cmocka_unit_test(test_what_is_written_is_parsed_again),
        cmocka_unit_test(test_a_name_that_has_no_room_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
