// SPDX-License-Identifier: Apache-2.0
// A set of ranges against an array of flags.
#include "cache/cache.h"
#include "tests/unit/unit_test.h"

#include <string.h>

enum { BYTES = 97, ROUNDS = 20000 };

static void check(const struct range_set *set, const bool *flags)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < BYTES; i++) {
        uint64_t end = 0;
        assert_int_equal(range_set_contains(set, i, i + 1), flags[i]);
        assert_int_equal(range_set_next(set, i, &end), flags[i]);
        uint64_t expected = i;
        while (expected < BYTES && flags[expected] == flags[i]) {
            expected++;
        }
        assert_int_equal(end, expected == BYTES && !flags[i] ? UINT64_MAX : expected);
        sum += flags[i];
    }
    assert_int_equal(range_set_sum(set), sum);
    for (size_t i = 0; i < set->n; i++) {
        assert_true(set->ranges[i].start < set->ranges[i].end);
        assert_true(i == 0 || set->ranges[i - 1].end < set->ranges[i].start);
    }
    struct buffer bytes = buffer_init(RANGE_SET_BYTES_MAX);
    struct range_set again = range_set_init();
    assert_ok(range_set_encode(set, &bytes));
    assert_ok(range_set_decode(bytes.bytes, bytes.len, &again));
    assert_true(range_set_equal(set, &again));
    range_set_release(&again);
    buffer_release(&bytes);
}

static void change(struct range_set *set, bool *flags)
{
    uint64_t start = random_below(BYTES);
    uint64_t end = start + random_below(BYTES - start + 1);
    switch (random_below(5)) {
    case 0:
    case 1:
        assert_ok(range_set_add(set, start, end));
        memset(flags + start, true, end - start);
        break;
    case 2:
    case 3:
        end = start + random_below(end - start + 1);
        assert_ok(range_set_remove(set, start, end));
        memset(flags + start, false, end - start);
        break;
    default:
        if (random_below(10) == 0) {
            range_set_clip(set, start);
            memset(flags + start, false, BYTES - start);
        }
    }
}

TEST(test_ranges_are_what_was_added_and_not_removed)
{
    random_replace(41);
    struct range_set set = range_set_init();
    bool flags[BYTES] = {false};
    for (int i = 0; i < ROUNDS; i++) {
        change(&set, flags);
        check(&set, flags);
    }
    range_set_release(&set);
    random_replace(0);
}

TEST(test_ranges_that_touch_are_one)
{
    struct range_set set = range_set_init();
    assert_ok(range_set_add(&set, 10, 20));
    assert_ok(range_set_add(&set, 30, 40));
    assert_ok(range_set_add(&set, 20, 30));
    assert_int_equal(set.n, 1);
    assert_true(range_set_contains(&set, 10, 40));
    assert_false(range_set_contains(&set, 9, 40));
    assert_false(range_set_contains(&set, 10, 41));
    assert_true(range_set_contains(&set, 5, 5));
    range_set_release(&set);
}

TEST(test_a_set_has_a_maximum_and_stays_as_it_was)
{
    struct range_set set = range_set_init();
    for (uint64_t i = 0; i < RANGE_SET_MAX; i++) {
        assert_ok(range_set_add(&set, 4 * i, 4 * i + 3));
    }
    assert_err(range_set_add(&set, 4 * (uint64_t)RANGE_SET_MAX, UINT64_MAX),
               ERR_TOO_LARGE);
    assert_err(range_set_remove(&set, 1, 2), ERR_TOO_LARGE);
    assert_int_equal(range_set_sum(&set), 3 * (uint64_t)RANGE_SET_MAX);
    struct buffer bytes = buffer_init(RANGE_SET_BYTES_MAX);
    struct range_set again = range_set_init();
    assert_ok(range_set_encode(&set, &bytes));
    assert_ok(range_set_decode(bytes.bytes, bytes.len, &again));
    assert_true(range_set_equal(&set, &again));
    range_set_clip(&again, 2);
    assert_int_equal(range_set_sum(&again), 2);
    range_set_release(&again);
    range_set_release(&set);
    buffer_release(&bytes);
}

TEST(test_only_one_spelling_of_a_set_is_decoded)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"", 0},                                                  // no count
        {"\x01", 1},                                              // no range
        {"\x01\x05", 2},                                          // no length
        {"\x01\x05\x00", 3},                                      // an empty range
        {"\x02\x05\x01\x00\x01", 5},                              // ranges that touch
        {"\x01\x05\x01\x00", 4},                                  // a byte too many
        {"\x81\x00\x05\x01", 4},                                  // a longer spelling
        {"\x01\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, // past the last offset
        {"\x01\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 12}, // more than 64 bits
        {"\xff\xff\xff\xff\x0f", 5}, // more than there can be
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct range_set set = range_set_init();
        assert_err(range_set_decode(bad[i].bytes, bad[i].len, &set), ERR_MALFORMED);
        assert_null(set.ranges);
    }
}

TEST(test_a_copy_is_of_its_own)
{
    struct range_set set = range_set_init();
    struct range_set copy = range_set_init();
    assert_ok(range_set_copy(&set, &copy));
    assert_true(range_set_equal(&set, &copy));
    assert_ok(range_set_add(&set, 1, 5));
    assert_ok(range_set_copy(&set, &copy));
    assert_ok(range_set_add(&copy, 7, 9));
    assert_int_equal(range_set_sum(&set), 4);
    assert_int_equal(range_set_sum(&copy), 6);
    range_set_release(&set);
    range_set_release(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_are_what_was_added_and_not_removed),
        cmocka_unit_test(test_ranges_that_touch_are_one),
        cmocka_unit_test(test_a_set_has_a_maximum_and_stays_as_it_was),
        cmocka_unit_test(test_only_one_spelling_of_a_set_is_decoded),
        cmocka_unit_test(test_a_copy_is_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
