// SPDX-License-Identifier: Apache-2.0

#include "base/buffer.h"
#include "base/cleanup.h"
#include "tests/unit/unit_test.h"

#include <string.h>

TEST(test_an_empty_buffer_is_the_empty_text)
{
    struct buffer buffer = buffer_init(10);
    assert_string_equal(buffer_text(&buffer), "");
    assert_null(buffer.bytes);
}

TEST(test_a_buffer_holds_what_was_appended)
{
    AUTO(buffer) struct buffer buffer = buffer_init(1000);
    for (int i = 0; i < 100; i++) {
        assert_ok(buffer_append(&buffer, "abcdefghij", 10));
    }
    assert_int_equal(buffer.len, 1000);
    assert_memory_equal(buffer.bytes + 990, "abcdefghij", 10);
    assert_int_equal(strlen(buffer_text(&buffer)), 1000);
}

TEST(test_a_buffer_never_grows_past_its_maximum)
{
    AUTO(buffer) struct buffer buffer = buffer_init(5);
    assert_ok(buffer_append_text(&buffer, "abcde"));
    assert_err(buffer_append_text(&buffer, "f"), ERR_TOO_LARGE);
    assert_err(buffer_printf(&buffer, "%d", 1), ERR_TOO_LARGE);
    assert_string_equal(buffer_text(&buffer), "abcde");
    assert_true(buffer.capacity <= 6);
}

TEST(test_a_size_that_would_overflow_is_too_large)
{
    AUTO(buffer) struct buffer buffer = buffer_init(SIZE_MAX);
    uint8_t *space = NULL;
    assert_ok(buffer_append_text(&buffer, "abc"));
    assert_err(buffer_reserve(&buffer, SIZE_MAX, &space), ERR_TOO_LARGE);
    assert_null(space);
}

TEST(test_reserved_space_counts_only_what_the_caller_adds)
{
    AUTO(buffer) struct buffer buffer = buffer_init(100);
    uint8_t *space = NULL;
    assert_ok(buffer_reserve(&buffer, 50, &space));
    memset(space, 'x', 50);
    buffer.len += 3;
    assert_string_equal(buffer_text(&buffer), "xxx");
}

TEST(test_printing_appends)
{
    AUTO(buffer) struct buffer buffer = buffer_init(100);
    assert_ok(buffer_printf(&buffer, "%s-%d", "a", 7));
    assert_ok(buffer_printf(&buffer, "%s", ""));
    assert_ok(buffer_printf(&buffer, "/%03d", 5));
    assert_string_equal(buffer_text(&buffer), "a-7/005");
}

TEST(test_clearing_keeps_the_memory_and_releasing_does_not)
{
    AUTO(buffer) struct buffer buffer = buffer_init(100);
    assert_ok(buffer_append_text(&buffer, "abc"));
    buffer_clear(&buffer);
    assert_string_equal(buffer_text(&buffer), "");
    assert_non_null(buffer.bytes);
    buffer_release(&buffer);
    assert_null(buffer.bytes);
    assert_ok(buffer_append_text(&buffer, "again"));
    assert_string_equal(buffer_text(&buffer), "again");
}

TEST(test_appending_nothing_from_nowhere_is_fine)
{
    AUTO(buffer) struct buffer buffer = buffer_init(0);
    assert_ok(buffer_append(&buffer, NULL, 0));
    assert_err(buffer_append(&buffer, "a", 1), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_buffer_is_the_empty_text),
        cmocka_unit_test(test_a_buffer_holds_what_was_appended),
        cmocka_unit_test(test_a_buffer_never_grows_past_its_maximum),
        cmocka_unit_test(test_a_size_that_would_overflow_is_too_large),
        cmocka_unit_test(test_reserved_space_counts_only_what_the_caller_adds),
        cmocka_unit_test(test_printing_appends),
        cmocka_unit_test(test_clearing_keeps_the_memory_and_releasing_does_not),
        cmocka_unit_test(test_appending_nothing_from_nowhere_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
