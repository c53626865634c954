// SPDX-License-Identifier: Apache-2.0

#include "base/cleanup.h"
#include "base/json_write.h"
#include "tests/unit/unit_test.h"

#include <math.h>

TEST(test_nested_values_get_their_commas)
{
    AUTO(buffer) struct buffer out = buffer_init(1000);
    struct json_writer json = json_writer_init(&out);
    json_open_object(&json, NULL);
    json_string(&json, "a", "x");
    json_open_array(&json, "list");
    json_u64(&json, NULL, UINT64_MAX);
    json_i64(&json, NULL, INT64_MIN);
    json_open_object(&json, NULL);
    json_close_object(&json);
    json_open_array(&json, NULL);
    json_close_array(&json);
    json_close_array(&json);
    json_bool(&json, "t", true);
    json_bool(&json, "f", false);
    json_null(&json, "n");
    json_close_object(&json);
    assert_ok(json_writer_end(&json));
    assert_string_equal(buffer_text(&out),
                        "{\"a\":\"x\",\"list\":[18446744073709551615,"
                        "-9223372036854775808,{},[]],\"t\":true,\"f\":false,\"n\":null}");
}

static void assert_written(const char *text, size_t len, const char *expected)
{
    AUTO(buffer) struct buffer out = buffer_init(1000);
    struct json_writer json = json_writer_init(&out);
    json_string_n(&json, NULL, text, len);
    assert_ok(json_writer_end(&json));
    assert_string_equal(buffer_text(&out), expected);
}

TEST(test_strings_are_quoted)
{
    assert_written("", 0, "\"\"");
    assert_written("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
    assert_written("\n\r\t\x01\x1f\x7f", 6, "\"\\n\\r\\t\\u0001\\u001f\x7f\"");
    assert_written("a\0b", 3, "\"a\\u0000b\"");
    assert_written("\xf0\x9f\xa4\x97", 4, "\"\xf0\x9f\xa4\x97\"");
}

TEST(test_bytes_that_are_not_utf_8_become_the_replacement_character)
{
    assert_written("a\xff", 2, "\"a\xef\xbf\xbd\"");
    assert_written("\xc3", 1, "\"\xef\xbf\xbd\"");
    assert_written("\xed\xa0\x80z", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
}

static void assert_number(double value, const char *expected)
{
    AUTO(buffer) struct buffer out = buffer_init(100);
    struct json_writer json = json_writer_init(&out);
    json_double(&json, NULL, value);
    assert_ok(json_writer_end(&json));
    assert_string_equal(buffer_text(&out), expected);
}

TEST(test_doubles_are_short_and_exact_and_never_infinite)
{
    assert_number(0.1, "0.1");
    assert_number(1.0 / 3, "0.33333333333333331");
    assert_number(-2, "-2");
    assert_number(INFINITY, "null");
    assert_number(NAN, "null");
}

TEST(test_an_error_sticks_and_is_told_at_the_end)
{
    AUTO(buffer) struct buffer out = buffer_init(4);
    struct json_writer json = json_writer_init(&out);
    json_open_array(&json, NULL);
    json_string(&json, NULL, "too long");
    json_u64(&json, NULL, 1);
    assert_err(json_writer_end(&json), ERR_TOO_LARGE);
    assert_true(out.len <= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nested_values_get_their_commas),
        cmocka_unit_test(test_strings_are_quoted),
        cmocka_unit_test(test_bytes_that_are_not_utf_8_become_the_replacement_character),
        cmocka_unit_test(test_doubles_are_short_and_exact_and_never_infinite),
        cmocka_unit_test(test_an_error_sticks_and_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
