// SPDX-License-Identifier: Apache-2.0

#include "base/utf8.h"
#include "base/why.h"
#include "tests/unit/unit_test.h"

#include <string.h>

TEST(test_without_a_sentence_the_errors_own_is_told)
{
    struct why why = {""};
    assert_string_equal(why_text(&why, ERR_OFFLINE), err_sentence(ERR_OFFLINE));
    assert_string_equal(why_text(NULL, ERR_OFFLINE), err_sentence(ERR_OFFLINE));
}

TEST(test_setting_replaces_and_returns_the_error)
{
    struct why why = {"old"};
    assert_err(why_set(&why, ERR_ACCESS, "%s is gated", "a/b"), ERR_ACCESS);
    assert_string_equal(why_text(&why, ERR_ACCESS), "a/b is gated");
}

TEST(test_the_old_sentence_may_be_part_of_the_new_one)
{
    struct why why = {"inner"};
    why_set(&why, ERR_ACCESS, "outer (%s)", why.text);
    assert_string_equal(why.text, "outer (inner)");
}

TEST(test_a_prefix_stands_before_what_was_there)
{
    struct why why = {""};
    assert_err(why_prefix(&why, ERR_TIMEOUT, "reading %s", "x"), ERR_TIMEOUT);
    assert_string_equal(why.text, "reading x: the deadline has passed");
    why_prefix(&why, ERR_TIMEOUT, "a");
    assert_string_equal(why.text, "a: reading x: the deadline has passed");
}

TEST(test_nobody_has_to_ask_why)
{
    assert_err(why_set(NULL, ERR_ACCESS, "x"), ERR_ACCESS);
    assert_err(why_prefix(NULL, ERR_ACCESS, "x"), ERR_ACCESS);
}

TEST(test_line_ends_controls_and_broken_bytes_become_question_marks)
{
    struct why why = {""};
    why_set(&why, ERR_SERVER, "a\nb\x1b[2J\x7f \xff \xc3\xa9");
    assert_string_equal(why.text, "a?b?[2J? ? \xc3\xa9");
}

TEST(test_long_text_is_cut_between_characters)
{
    struct why why = {""};
    char text[2 * WHY_MAX] = "x"; // so that the cut falls inside a character
    for (size_t i = 1; i + 2 < sizeof(text); i += 2) {
        memcpy(text + i, "\xc3\xa9", 3);
    }
    for (size_t shift = 0; shift < 2; shift++) {
        why_set(&why, ERR_SERVER, "%s", text + 1 - shift);
        size_t len = strlen(why.text);
        assert_true(len >= WHY_MAX - 2 && len < WHY_MAX);
        assert_true(utf8_is_valid(why.text, len));
        assert_null(strchr(why.text, '?'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_sentence_the_errors_own_is_told),
        cmocka_unit_test(test_setting_replaces_and_returns_the_error),
        cmocka_unit_test(test_the_old_sentence_may_be_part_of_the_new_one),
        cmocka_unit_test(test_a_prefix_stands_before_what_was_there),
        cmocka_unit_test(test_nobody_has_to_ask_why),
        cmocka_unit_test(test_line_ends_controls_and_broken_bytes_become_question_marks),
        cmocka_unit_test(test_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
