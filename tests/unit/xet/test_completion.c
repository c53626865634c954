// SPDX-License-Identifier: Apache-2.0
// When the rest of a file is fetched. The mount tests (test_prefetch_option.py) see that it is.
#include "xet/completion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KIB UINT64_C(1024)

// How many reads of `len` it takes.
static unsigned reads_until_due(struct completion *completion, uint64_t len,
                                uint64_t size)
{
    const struct xet_pattern stray = {.completion = XET_COMPLETE_WORN};
    for (unsigned n = 1; n < 100000; n++) {
        if (completion_is_due(completion, &stray, len, size)) {
            return n;
        }
    }
    return 0;
}

static void an_eighth_of_the_file_is_enough(void **state)
{
    (void)state;
    struct completion completion = {0};
    assert_int_equal(reads_until_due(&completion, 4 * KIB, 1024 * MIB), 2048);
    struct completion other = {0};
    assert_int_equal(reads_until_due(&other, 128 * KIB, 1024 * MIB), 1024);
}

static void a_small_file_takes_some_reads_too(void **state)
{
    (void)state;
    struct completion completion = {0};
    assert_int_equal(reads_until_due(&completion, 4 * KIB, MIB), 32);
}

static void while_it_is_under_way_it_is_not_begun_again(void **state)
{
    (void)state;
    struct completion completion = {.is_under_way = true};
    assert_int_equal(reads_until_due(&completion, 4 * KIB, MIB), 0);
}

static void once_tried_it_takes_as_much_as_the_file(void **state)
{
    (void)state;
    struct completion completion = {.was_tried = true};
    assert_int_equal(reads_until_due(&completion, 4 * KIB, 1024 * MIB), 16384);
    const struct xet_pattern touched = {.completion = XET_COMPLETE_TOUCHED};
    struct completion other = {.was_tried = true};
    assert_false(completion_is_due(&other, &touched, 4 * KIB, 1024 * MIB));
}

static void reads_in_order_are_no_evidence(void **state)
{
    (void)state;
    struct completion completion = {0};
    const struct xet_pattern stream = {.stream = 1, .completion = XET_COMPLETE_WORN};
    for (int i = 0; i < 1000; i++) {
        assert_false(completion_is_due(&completion, &stream, 128 * KIB, MIB));
    }
}

static void it_can_be_wanted_at_once_or_never(void **state)
{
    (void)state;
    struct completion completion = {0};
    const struct xet_pattern never = {.completion = XET_COMPLETE_NEVER};
    for (int i = 0; i < 1000; i++) {
        assert_false(completion_is_due(&completion, &never, 128 * KIB, MIB));
    }
    const struct xet_pattern once = {.stream = 1, .completion = XET_COMPLETE_TOUCHED};
    struct completion fresh = {0};
    assert_true(completion_is_due(&fresh, &once, 4 * KIB, 1024 * MIB));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_eighth_of_the_file_is_enough),
        cmocka_unit_test(a_small_file_takes_some_reads_too),
        cmocka_unit_test(while_it_is_under_way_it_is_not_begun_again),
        cmocka_unit_test(once_tried_it_takes_as_much_as_the_file),
        cmocka_unit_test(reads_in_order_are_no_evidence),
        cmocka_unit_test(it_can_be_wanted_at_once_or_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
