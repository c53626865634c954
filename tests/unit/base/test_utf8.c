// SPDX-License-Identifier: Apache-2.0

#include "base/utf8.h"
#include "tests/unit/unit_test.h"

#include <string.h>

static size_t character_len(const char *text)
{
    return utf8_character_len(text, strlen(text));
}

// Writes a code point by the rule alone, legal or not.
static size_t encode(uint32_t code, char out[5])
{
    static const uint8_t LEADS[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; code >>= 6) {
        out[i] = (char)(0x80 | (code & 0x3f));
    }
    out[0] = (char)(LEADS[len] | code);
    out[len] = '\0';
    return len;
}

TEST(test_every_code_point_but_the_surrogates_is_a_character)
{
    char text[5];
    for (uint32_t code = 0; code <= 0x120000; code++) {
        size_t len = encode(code, text);
        bool is_legal = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        assert_int_equal(utf8_character_len(text, len), is_legal ? len : 0);
        if (is_legal && len > 1) {
            assert_int_equal(utf8_character_len(text, len - 1), 0);
        }
    }
}

TEST(test_overlong_forms_and_stray_bytes_are_none)
{
    assert_int_equal(character_len("\x80"), 0);
    assert_int_equal(character_len("\xc0\x80"), 0);
    assert_int_equal(character_len("\xc1\xbf"), 0);
    assert_int_equal(character_len("\xe0\x9f\xbf"), 0);
    assert_int_equal(character_len("\xf0\x8f\xbf\xbf"), 0);
    assert_int_equal(character_len("\xc3x"), 0);
    assert_int_equal(character_len("\xe2\x82x"), 0);
    assert_int_equal(character_len("\xff"), 0);
    assert_int_equal(utf8_character_len("", 0), 0);
}

TEST(test_a_text_is_valid_when_every_character_is)
{
    assert_true(utf8_is_valid("", 0));
    assert_true(utf8_is_valid("a\0b", 3));
    assert_true(utf8_is_valid("gr\xc3\xbc\xc3\x9f \xf0\x9f\xa4\x97", 11));
    assert_false(utf8_is_valid("a\xc3", 2));
    assert_false(utf8_is_valid("\xed\xa0\x80", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point_but_the_surrogates_is_a_character),
        cmocka_unit_test(test_overlong_forms_and_stray_bytes_are_none),
        cmocka_unit_test(test_a_text_is_valid_when_every_character_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
