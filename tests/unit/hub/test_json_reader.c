// SPDX-License-Identifier: Apache-2.0
#include "hub/json_reader.h"
#include "hub/limits.h"
#include "tests/unit/unit_test.h"

#include <string.h>

static enum err parse_text(const char *text)
{
    struct json_document *document = NULL;
    struct why why = {0};
    enum err err = json_document_parse(text, strlen(text), &why, &document);
    if (err != ERR_NONE) {
        assert_string_not_equal(why.text, "");
        return err;
    }
    json_document_free(document);
    return ERR_NONE;
}

TEST(test_plain_json_is_read)
{
    assert_ok(parse_text("{}"));
    assert_ok(parse_text(" [1, 2.5, -3, \"x\", null, true, {\"a\": []}] \n"));
    assert_ok(parse_text("\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\""));
    assert_ok(
        parse_text("\"\\ud83d\\ude00 \\\\u0000\"")); // an escaped backslash, then text
}

TEST(test_texts_that_are_no_json_are_refused)
{
    static const char *const bad[] = {
        "",      " ",   "{", "[1,",   "{\"a\":}", "nope",      "<html>",
        "{} {}", "[]]", "}", "\"abc", "\"a\\",    "{\"a\" 1}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_err(parse_text(bad[i]), ERR_BAD_ANSWER);
    }
}

TEST(test_nul_and_bytes_that_are_no_utf8_are_refused)
{
    assert_err(parse_text("\"a\\u0000b\""), ERR_BAD_ANSWER);
    assert_err(parse_text("\"\xff\""), ERR_BAD_ANSWER);
    assert_err(parse_text("\"\xc0\x80\""), ERR_BAD_ANSWER);         // overlong NUL
    assert_err(parse_text("\"\xed\xa0\x80\""), ERR_BAD_ANSWER);     // a surrogate
    assert_err(parse_text("\"\xf4\x90\x80\x80\""), ERR_BAD_ANSWER); // past U+10FFFF
    assert_err(parse_text("\"\xe2\x82\""), ERR_BAD_ANSWER);         // cut off
    assert_err(parse_text("[\xc3\xbc]"), ERR_BAD_ANSWER);           // outside a string
    struct json_document *document = NULL;
    assert_err(json_document_parse("[1]\0x", 5, NULL, &document), ERR_BAD_ANSWER);
}

TEST(test_a_key_twice_is_refused_in_small_and_large_objects)
{
    assert_err(parse_text("{\"a\":1,\"b\":2,\"a\":3}"), ERR_BAD_ANSWER);
    assert_err(parse_text("[{\"x\":{\"y\":1,\"y\":1}}]"), ERR_BAD_ANSWER);
    assert_ok(parse_text("{\"a\":1,\"A\":2}")); // other case, other key
    AUTO(buffer) struct buffer text = buffer_init(100000);
    assert_ok(buffer_append_text(&text, "{\"k7\":0"));
    for (int i = 100; i < 200; i++) {
        assert_ok(buffer_printf(&text, ",\"k%d\":0", i));
    }
    size_t fine = text.len;
    assert_ok(buffer_append_text(&text, "}"));
    assert_ok(parse_text(buffer_text(&text)));
    text.len = fine;
    assert_ok(buffer_append_text(&text, ",\"k150\":1}"));
    assert_err(parse_text(buffer_text(&text)), ERR_BAD_ANSWER);
}

TEST(test_depth_and_count_are_bounded_before_anything_is_allocated)
{
    AUTO(buffer) struct buffer deep = buffer_init(1000);
    for (int i = 0; i < JSON_DEPTH_MAX + 1; i++) {
        assert_ok(buffer_append_text(&deep, "["));
    }
    for (int i = 0; i < JSON_DEPTH_MAX + 1; i++) {
        assert_ok(buffer_append_text(&deep, "]"));
    }
    assert_err(parse_text(buffer_text(&deep)), ERR_BAD_ANSWER);
    AUTO(buffer) struct buffer many = buffer_init(4 * (JSON_ITEMS_MAX + 2));
    assert_ok(buffer_append_text(&many, "[0"));
    for (int i = 0; i < JSON_ITEMS_MAX; i++) {
        assert_ok(buffer_append(&many, ",0", 2));
    }
    assert_ok(buffer_append_text(&many, "]"));
    assert_err(parse_text(buffer_text(&many)), ERR_TOO_LARGE);
}

static enum err take_number(const char *text, uint64_t *out)
{
    struct json_document *document = NULL;
    assert_ok(json_document_parse(text, strlen(text), NULL, &document));
    enum err err = json_take_u64(json_root(document), "n", NULL, out);
    json_document_free(document);
    return err;
}

TEST(test_numbers_are_whole_not_negative_and_exact)
{
    uint64_t number = 0;
    assert_ok(take_number("{\"n\":548105171000}", &number));
    assert_int_equal(number, 548105171000);
    assert_ok(take_number("{\"n\":9007199254740991}", &number));
    assert_int_equal(number, 9007199254740991);
    assert_ok(take_number("{\"n\":1e3}", &number));
    assert_int_equal(number, 1000);
    static const char *const bad[] = {
        "{\"n\":-1}",
        "{\"n\":1.5}",
        "{\"n\":9007199254740992}",
        "{\"n\":1e400}",
        "{\"n\":\"1\"}",
        "{\"n\":null}",
        "{\"N\":1}",
        "{}",
        "[]",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_err(take_number(bad[i], &number), ERR_BAD_ANSWER);
    }
}

TEST(test_members_are_found_by_their_exact_name_and_kind)
{
    struct json_document *document = NULL;
    static const char text[] =
        "{\"Name\":\"x\",\"list\":[1,2,3],\"object\":{},\"yes\":true}";
    assert_ok(json_document_parse(text, sizeof(text) - 1, NULL, &document));
    const struct json_value *root = json_root(document);
    const struct json_value *found = NULL;
    const char *name = NULL;
    struct why why = {0};
    assert_err(json_take_text(root, "name", &why, &name), ERR_BAD_ANSWER);
    assert_non_null(strstr(why.text, "\"name\""));
    assert_ok(json_take_text(root, "Name", NULL, &name));
    assert_string_equal(name, "x");
    assert_ok(json_take_array(root, "list", NULL, &found));
    assert_int_equal(json_count(found), 3);
    assert_err(json_take_object(root, "list", NULL, &found), ERR_BAD_ANSWER);
    assert_ok(json_take_object(root, "object", NULL, &found));
    assert_null(json_first(found));
    assert_true(json_is_true(json_member(root, "yes")));
    assert_false(json_is_true(json_member(root, "no")));
    assert_null(json_member(json_first(root), "x")); // no object
    json_document_free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_json_is_read),
        cmocka_unit_test(test_texts_that_are_no_json_are_refused),
        cmocka_unit_test(test_nul_and_bytes_that_are_no_utf8_are_refused),
        cmocka_unit_test(test_a_key_twice_is_refused_in_small_and_large_objects),
        cmocka_unit_test(test_depth_and_count_are_bounded_before_anything_is_allocated),
        cmocka_unit_test(test_numbers_are_whole_not_negative_and_exact),
        cmocka_unit_test(test_members_are_found_by_their_exact_name_and_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
