// SPDX-License-Identifier: Apache-2.0
// Configuration files: fs/config_file.c.
#include "fs/config_file.h"
#include "tests/unit/unit_test.h"

// Collects settings as "a=b;c;".
static enum err collect(void *ctx, const char *setting, struct why *why)
{
    if (strcmp(setting, "bad") == 0) {
        return why_set(why, ERR_USAGE, "bad is bad");
    }
    return buffer_printf(ctx, "%s;", setting);
}

static void assert_settings(const char *text, const struct repo_id *repo,
                            const char *expected)
{
    AUTO(buffer) struct buffer out = buffer_init(4096);
    struct why why = {""};
    assert_ok(config_parse(text, strlen(text), "f", repo, &why, collect, &out));
    assert_string_equal(buffer_text(&out), expected);
}

static void assert_refused(const char *text, size_t len, const char *sentence)
{
    AUTO(buffer) struct buffer out = buffer_init(4096);
    struct why why = {""};
    assert_int_equal(config_parse(text, len, "f", NULL, &why, collect, &out), ERR_USAGE);
    assert_non_null(strstr(why.text, sentence));
}

TEST(test_lines_are_trimmed_and_comments_left_out)
{
    assert_settings("# hello\n\n  cache_size =  10G \t\r\n;no\noffline\nkey=a = b", NULL,
                    "cache_size=10G;offline;key=a = b;");
    assert_settings("", NULL, "");
}

TEST(test_a_section_applies_to_matching_repositories)
{
    static const char text[] = "a=1\n[myorg/*]\nb=2\n[datasets/*]\nc=3\n[*]\ne=4\n";
    const struct repo_id model = {REPO_MODEL, "MyOrg/model"};
    const struct repo_id dataset = {REPO_DATASET, "myorg/data"};
    assert_settings(text, &model, "a=1;b=2;e=4;");
    assert_settings(text, &dataset, "a=1;c=3;e=4;");
    assert_settings(text, NULL, "a=1;");
}

TEST(test_mistakes_are_told_with_their_line)
{
    assert_refused("a=1\nbad\n", 8, "f:2: bad is bad");
    assert_refused("[oops\n", 6, "f:1: a section is written");
    assert_refused("[]\n", 3, "f:1: a section is written");
    assert_refused("\n= 5\n", 5, "f:2: a line is written key = value");
    assert_refused("two words = 5\n", 14, "f:1: a line is written key = value");
    assert_refused("a=\0b\n", 5, "f:1: the line holds a NUL byte");
}

TEST(test_a_line_that_is_too_long_is_refused)
{
    char text[9000];
    memset(text, 'x', sizeof text);
    assert_refused(text, sizeof text, "f:1: the line is too long");
}

TEST(test_a_file_that_does_not_exist_has_no_settings)
{
    struct why why = {""};
    assert_ok(config_read("/nonexistent/hugfs.conf", NULL, &why, collect, NULL));
    assert_ok(config_read("/dev/null/x", NULL, &why, collect, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_trimmed_and_comments_left_out),
        cmocka_unit_test(test_a_section_applies_to_matching_repositories),
        cmocka_unit_test(test_mistakes_are_told_with_their_line),
        cmocka_unit_test(test_a_line_that_is_too_long_is_refused),
        cmocka_unit_test(test_a_file_that_does_not_exist_has_no_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
