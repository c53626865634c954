// SPDX-License-Identifier: Apache-2.0
#include "hub/http_headers.h"
#include "tests/unit/unit_test.h"

#include <stdlib.h>

TEST(test_a_rate_limit_tells_bucket_rest_and_reset)
{
    struct rate_limit limit;
    assert_ok(http_parse_rate_limit("\"api\";r=498;t=231", &limit));
    assert_string_equal(limit.bucket, "api");
    assert_int_equal(limit.remaining, 498);
    assert_int_equal(limit.reset_s, 231);
    assert_int_equal(limit.quota, -1);
    assert_ok(http_parse_rate_limit(" \"resolvers\"; t=1 ; r=0", &limit));
    assert_string_equal(limit.bucket, "resolvers");
    assert_int_equal(limit.remaining, 0);
}

TEST(test_rate_limits_that_make_no_sense_are_refused)
{
    static const char *const bad[] = {
        "",
        "api;r=1;t=1",
        "\"api\"",
        "\"api\";r=1",
        "\"\";r=1;t=1",
        "\"api\";r=-1;t=1",
        "\"api\";r=99999999999999999999;t=1",
        "\"api;r=1;t=1",
        "\"a-bucket-name-that-is-much-too-long-to-be-one\";r=1;t=1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct rate_limit limit = {.remaining = 7};
        assert_err(http_parse_rate_limit(bad[i], &limit), ERR_MALFORMED);
        assert_int_equal(limit.remaining, 7);
    }
}

TEST(test_the_policy_tells_the_whole_quota)
{
    int64_t quota = -1;
    assert_ok(http_parse_rate_policy("\"fixed window\";\"api\";q=500;w=300", &quota));
    assert_int_equal(quota, 500);
    assert_err(http_parse_rate_policy("\"fixed window\";w=300", &quota), ERR_MALFORMED);
}

TEST(test_content_ranges_in_their_three_forms)
{
    struct content_range range;
    assert_ok(http_parse_content_range("bytes 0-99/1000", &range));
    assert_true(range.has_range && range.has_total);
    assert_int_equal(range.first, 0);
    assert_int_equal(range.last, 99);
    assert_int_equal(range.total, 1000);
    assert_ok(http_parse_content_range("bytes 5-5/*", &range));
    assert_true(range.has_range && !range.has_total);
    assert_ok(http_parse_content_range("bytes */1000", &range));
    assert_true(!range.has_range && range.has_total);
}

TEST(test_content_ranges_that_make_no_sense_are_refused)
{
    static const char *const bad[] = {
        "",
        "bytes",
        "bytes 0-99",
        "bytes 9-0/10",
        "bytes 0-99/99",
        "bytes */*",
        "items 0-1/2",
        "bytes -1-2/3",
        "bytes 0-18446744073709551616/*",
        "bytes 0-1/2 x",
        "bytes0-1/2",
        "bytes 0 - 1/2",
        "bytes 0-1/",
        "bytes +1-2/3",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct content_range range = {.total = 7};
        assert_err(http_parse_content_range(bad[i], &range), ERR_MALFORMED);
        assert_int_equal(range.total, 7);
    }
}

TEST(test_the_next_page_is_found_among_the_links)
{
    static const struct {
        const char *header;
        const char *next;
    } table[] = {
        {"<https://h/x?cursor=a>; rel=\"next\"", "https://h/x?cursor=a"},
        {"<https://h/a>; rel=\"prev\", <https://h/b>; rel=\"next\"", "https://h/b"},
        {"<https://h/a>; title=\"a, b\"; rel=next", "https://h/a"},
        {"<https://h/a>; rel=\"last next\"", "https://h/a"},
        {"<https://h/a>; rel=\"nextish\"", NULL},
        {"<https://h/a>; rel=\"xet-auth\"", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *next = NULL;
        assert_ok(http_parse_link_next(table[i].header, &next));
        if (table[i].next != NULL) {
            assert_non_null(next);
            assert_string_equal(next, table[i].next);
        } else {
            assert_null(next);
        }
        free(next);
    }
}

TEST(test_broken_links_are_refused)
{
    static const char *const bad[] = {"https://h/x; rel=next", "<https://h/x",
                                      "<>; rel=next"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *next = NULL;
        assert_err(http_parse_link_next(bad[i], &next), ERR_MALFORMED);
    }
}

TEST(test_retry_after_takes_seconds_and_dates_and_caps_both)
{
    assert_int_equal(http_parse_retry_after_ms("0", 0), 0);
    assert_int_equal(http_parse_retry_after_ms("120", 0), 120000);
    assert_int_equal(http_parse_retry_after_ms("315360000", 0), 300000);
    assert_int_equal(http_parse_retry_after_ms("99999999999999999999999", 0), 300000);
    assert_int_equal(http_parse_retry_after_ms("-1", 0), -1);
    assert_int_equal(http_parse_retry_after_ms("soon", 0), -1);
    assert_int_equal(http_parse_retry_after_ms("12 monkeys", 0), -1);
    assert_int_equal(http_parse_retry_after_ms("", 0), -1);
    const char *date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_int_equal(http_parse_retry_after_ms(date, 784111777 - 10), 10000);
    assert_int_equal(http_parse_retry_after_ms(date, 784111777 + 10), 0);
    assert_int_equal(http_parse_retry_after_ms(date, 0), 300000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rate_limit_tells_bucket_rest_and_reset),
        cmocka_unit_test(test_rate_limits_that_make_no_sense_are_refused),
        cmocka_unit_test(test_the_policy_tells_the_whole_quota),
        cmocka_unit_test(test_content_ranges_in_their_three_forms),
        cmocka_unit_test(test_content_ranges_that_make_no_sense_are_refused),
        cmocka_unit_test(test_the_next_page_is_found_among_the_links),
        cmocka_unit_test(test_broken_links_are_refused),
        cmocka_unit_test(test_retry_after_takes_seconds_and_dates_and_caps_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
