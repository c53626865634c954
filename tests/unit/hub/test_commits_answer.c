// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "hub/commits_answer.h"
#include "hub/limits.h"
#include "tests/unit/unit_test.h"

#include <string.h>

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SHA_C "cccccccccccccccccccccccccccccccccccccccc"

enum { PAGES_MAX = 3 };

static enum err parse_pages(const char *const *texts, size_t n, size_t limit,
                            struct commits_answer *out)
{
    struct buffer pages[PAGES_MAX];
    struct why why = {0};
    *out = (struct commits_answer){0};
    for (size_t i = 0; i < n; i++) {
        pages[i] = buffer_init(LISTING_BODY_MAX);
        assert_ok(buffer_append_text(&pages[i], texts[i]));
    }
    enum err err = commits_answer_parse(pages, n, limit, &why, out);
    assert_true(err == ERR_NONE || why.text[0] != '\0');
    for (size_t i = 0; i < n; i++) {
        buffer_release(&pages[i]);
    }
    return err;
}

static enum err parse_text(const char *text, struct commits_answer *out)
{
    return parse_pages(&text, 1, 500, out);
}

TEST(test_commits_are_read)
{
    struct commits_answer answer;
    assert_ok(parse_text("[{\"id\":\"" SHA_A "\",\"title\":\"Add a\",\"message\":\"\","
                         "\"authors\":[{\"user\":\"alice\",\"avatar\":\"x\"},{\"user\":"
                         "\"bob\"}],\"date\":\"2026-01-01T00:00:01.000Z\"},"
                         "{\"id\":\"" SHA_B "\"}]",
                         &answer));
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.commits[0].sha.bytes[0], 0xaa);
    assert_int_equal(answer.commits[0].date_s, 1767225601);
    assert_string_equal(answer.commits[0].title, "Add a");
    assert_string_equal(answer.commits[0].author, "alice");
    assert_int_equal(answer.commits[1].date_s, -1);
    assert_string_equal(answer.commits[1].title, "");
    assert_string_equal(answer.commits[1].author, "");
    commits_answer_release(&answer);
}

TEST(test_texts_stand_on_one_line_and_are_cut_at_a_character)
{
    AUTO(buffer) struct buffer text = buffer_init(1 << 20);
    struct commits_answer answer;
    assert_ok(buffer_append_text(
        &text, "[{\"id\":\"" SHA_A "\",\"title\":\"a\\nb\\u001b[31m\\u0085\\u2028\x7f"
               "\xc3\xbc\",\"authors\":[{\"user\":\""));
    for (int i = 0; i < COMMIT_TEXT_MAX; i++) {
        assert_ok(buffer_append_text(&text, "\xe2\x82\xac"));
    }
    assert_ok(buffer_append_text(&text, "\"}]}]"));
    assert_ok(parse_text(buffer_text(&text), &answer));
    assert_string_equal(answer.commits[0].title, "a b [31m   \xc3\xbc");
    assert_int_equal(strlen(answer.commits[0].author), COMMIT_TEXT_MAX / 3 * 3);
    assert_true(utf8_is_valid(answer.commits[0].author, COMMIT_TEXT_MAX / 3 * 3));
    commits_answer_release(&answer);
}

TEST(test_pages_are_joined_without_what_came_twice_and_no_further_than_the_limit)
{
    static const char *const pages[] = {
        "[{\"id\":\"" SHA_A "\"},{\"id\":\"" SHA_B "\",\"title\":\"b\"}]",
        "[{\"id\":\"" SHA_B "\"},{\"id\":\"" SHA_C "\",\"title\":\"c\"}]",
        "[]",
    };
    struct commits_answer answer;
    assert_ok(parse_pages(pages, 3, 500, &answer));
    assert_int_equal(answer.count, 3);
    assert_string_equal(answer.commits[1].title, "b");
    assert_string_equal(answer.commits[2].title, "c");
    commits_answer_release(&answer);
    assert_ok(parse_pages(pages, 3, 1, &answer));
    assert_int_equal(answer.count, 1);
    commits_answer_release(&answer);
}

TEST(test_odd_lists_of_commits_are_refused)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[1]",
        "[{}]",
        "[{\"id\":\"main\"}]",
        "[{\"id\":7}]",
        "[{\"id\":\"" SHA_A "\",\"title\":\"\\ud800\"}]",
        "[{\"id\":\"" SHA_A "\",\"title\":\"\xff\"}]",
        "[{\"id\":\"" SHA_A "\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct commits_answer answer;
        assert_err(parse_text(bad[i], &answer), ERR_BAD_ANSWER);
    }
    static const char *const second_is_bad[] = {"[{\"id\":\"" SHA_A "\"}]", "[{}]"};
    struct commits_answer answer;
    assert_err(parse_pages(second_is_bad, 2, 500, &answer), ERR_BAD_ANSWER);
}

TEST(test_members_of_other_kinds_count_as_unknown)
{
    static const char *const odd[] = {
        "[{\"id\":\"" SHA_A "\",\"title\":7,\"authors\":\"alice\",\"date\":1}]",
        "[{\"id\":\"" SHA_A "\",\"title\":null,\"authors\":[\"alice\"],\"date\":\"-1\"}]",
        "[{\"id\":\"" SHA_A "\",\"title\":[],\"authors\":[{\"user\":{}}],\"date\":null}]",
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct commits_answer answer;
        assert_ok(parse_text(odd[i], &answer));
        assert_string_equal(answer.commits[0].title, "");
        assert_string_equal(answer.commits[0].author, "");
        assert_int_equal(answer.commits[0].date_s, -1);
        commits_answer_release(&answer);
    }
}

TEST(test_a_page_is_counted_without_being_parsed)
{
    static const struct {
        const char *text;
        size_t count;
    } pages[] = {
        {"", 0},
        {"[]", 0},
        {"[{}]", 1},
        {"[{\"a\":{\"b\":[{}]}},{},\n {\"x\":\"},{\"}]", 3},
        {"[{\"x\":\"\\\"},{\\\\\"},{}]", 2},
        {"]]]}{[[", 0},
        {"[{\"x", 1},
    };
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        assert_int_equal(commits_count_roughly(pages[i].text, strlen(pages[i].text)),
                         pages[i].count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits_are_read),
        cmocka_unit_test(test_texts_stand_on_one_line_and_are_cut_at_a_character),
        cmocka_unit_test(
            test_pages_are_joined_without_what_came_twice_and_no_further_than_the_limit),
        cmocka_unit_test(test_odd_lists_of_commits_are_refused),
        cmocka_unit_test(test_members_of_other_kinds_count_as_unknown),
        cmocka_unit_test(test_a_page_is_counted_without_being_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
