// SPDX-License-Identifier: Apache-2.0
// Values of options: fs/option_value.c.
#include "fs/option_value.h"
#include "tests/unit/unit_test.h"

static void assert_size(const char *text, uint64_t bytes)
{
    uint64_t out = 0;
    assert_ok(option_parse_size(text, NULL, &out));
    assert_true(out == bytes);
}

TEST(test_sizes_have_binary_units)
{
    assert_size("0", 0);
    assert_size("4096", 4096);
    assert_size("512k", 512 << 10);
    assert_size("10G", UINT64_C(10) << 30);
    assert_size("10GiB", UINT64_C(10) << 30);
    assert_size("1.5T", UINT64_C(3) << 39);
    assert_size("0.5K", 512);
}

TEST(test_wrong_sizes_are_refused)
{
    static const char *const wrong[] = {"",
                                        "G",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 G",
                                        "1X",
                                        "1.2.3",
                                        "0x1",
                                        "1e9",
                                        "99999999999999999999",
                                        "9000000000T",
                                        "10GG"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t out = 7;
        struct why why = {""};
        assert_int_equal(option_parse_size(wrong[i], &why, &out), ERR_USAGE);
        assert_true(out == 7);
        assert_non_null(strstr(why.text, "is not a size"));
    }
}

static void assert_time(const char *text, int64_t ms)
{
    int64_t out = 0;
    assert_ok(option_parse_time(text, NULL, &out));
    assert_true(out == ms);
}

TEST(test_times_are_seconds_unless_they_say_otherwise)
{
    assert_time("60", 60000);
    assert_time("1.5", 1500);
    assert_time("250ms", 250);
    assert_time("5m", 300000);
    assert_time("2h", 7200000);
    assert_time("1d", 86400000);
    int64_t out;
    assert_int_equal(option_parse_time("forever", NULL, &out), ERR_USAGE);
    assert_int_equal(option_parse_time("999999999d", NULL, &out), ERR_USAGE);
}

TEST(test_numbers_end_where_they_should)
{
    uint64_t out = 0;
    assert_ok(option_parse_number("022", 8, 0777, NULL, &out));
    assert_int_equal(out, 022);
    assert_int_equal(option_parse_number("8", 8, 0777, NULL, &out), ERR_USAGE);
    assert_int_equal(option_parse_number("1000", 10, 999, NULL, &out), ERR_USAGE);
    assert_int_equal(option_parse_number("", 10, 999, NULL, &out), ERR_USAGE);
    assert_int_equal(
        option_parse_number("18446744073709551616", 10, UINT64_MAX, NULL, &out),
        ERR_USAGE);
    assert_int_equal(
        option_parse_number("18446744073709551615", 10, UINT64_MAX, NULL, &out),
        ERR_NONE);
    assert_true(out == UINT64_MAX);
}

TEST(test_truth_is_said_in_several_words)
{
    bool out = false;
    assert_ok(option_parse_bool("YES", NULL, &out));
    assert_true(out);
    assert_ok(option_parse_bool("0", NULL, &out));
    assert_false(out);
    assert_int_equal(option_parse_bool("maybe", NULL, &out), ERR_USAGE);
}

TEST(test_endpoints_lose_their_final_slash)
{
    AUTO_FREE char *out = NULL;
    assert_ok(option_parse_endpoint("https://hub.example.org:8443/x//", NULL, &out));
    assert_string_equal(out, "https://hub.example.org:8443/x");
}

TEST(test_an_endpoint_with_a_password_is_refused_and_not_repeated)
{
    static const char *const wrong[] = {
        "https://u:secret@h", "ftp://secret",     "secret",         "https://",
        "https://h?secret",   "https://h#secret", "https:///secret"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *out = NULL;
        struct why why = {""};
        assert_int_equal(option_parse_endpoint(wrong[i], &why, &out), ERR_USAGE);
        assert_null(out);
        assert_null(strstr(why.text, "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_have_binary_units),
        cmocka_unit_test(test_wrong_sizes_are_refused),
        cmocka_unit_test(test_times_are_seconds_unless_they_say_otherwise),
        cmocka_unit_test(test_numbers_end_where_they_should),
        cmocka_unit_test(test_truth_is_said_in_several_words),
        cmocka_unit_test(test_endpoints_lose_their_final_slash),
        cmocka_unit_test(test_an_endpoint_with_a_password_is_refused_and_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
