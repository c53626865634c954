// SPDX-License-Identifier: Apache-2.0

#include "base/random.h"
#include "tests/unit/unit_test.h"

TEST(test_the_kernels_bytes_differ_each_time)
{
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

TEST(test_a_seed_makes_the_published_splitmix_stream)
{
    // The first output of SplitMix64 for the seed 1234567.
    uint64_t word = 0;
    random_replace(1234567);
    random_bytes(&word, sizeof(word));
    random_replace(0);
    assert_int_equal(word, 6457827717110365317U);
}

TEST(test_the_same_seed_gives_the_same_bytes)
{
    uint8_t a[13] = {0};
    uint8_t b[13] = {0};
    random_replace(7);
    random_bytes(a, sizeof(a));
    random_replace(7);
    random_bytes(b, sizeof(b));
    random_replace(0);
    assert_memory_equal(a, b, sizeof(a));
}

TEST(test_every_number_below_the_bound_comes_and_no_other)
{
    unsigned seen[7] = {0};
    random_replace(42);
    for (int i = 0; i < 7000; i++) {
        uint64_t value = random_below(7);
        assert_true(value < 7);
        seen[value]++;
    }
    random_replace(0);
    for (int i = 0; i < 7; i++) {
        assert_in_range(seen[i], 850, 1150);
    }
    assert_int_equal(random_below(0), 0);
    assert_int_equal(random_below(1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_kernels_bytes_differ_each_time),
        cmocka_unit_test(test_a_seed_makes_the_published_splitmix_stream),
        cmocka_unit_test(test_the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(test_every_number_below_the_bound_comes_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
