// SPDX-License-Identifier: Apache-2.0
#include "fs/footer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

static void the_last_bytes_of_a_parquet_file_bring_a_64th_of_it(void **state)
{
    (void)state;
    assert_int_equal(footer_guess("data/a.parquet", 128 * MIB, 128 * MIB - 8, 8),
                     2 * MIB);
    assert_int_equal(footer_guess("A.PARQUET", 128 * MIB, 128 * MIB - 4096, 4096),
                     2 * MIB);
}

static void the_guess_has_bounds(void **state)
{
    (void)state;
    assert_int_equal(footer_guess("a.orc", MIB, MIB - 8, 8), 256 * KIB);
    assert_int_equal(footer_guess("a.orc", 100 * KIB, 100 * KIB - 8, 8), 100 * KIB);
    assert_int_equal(footer_guess("a.orc", 10240 * MIB, 10240 * MIB - 8, 8), 4 * MIB);
}

static void what_ends_before_the_last_bytes_brings_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(footer_guess("a.parquet", MIB, MIB - 68 * KIB, 4 * KIB), 256 * KIB);
    assert_int_equal(footer_guess("a.parquet", MIB, MIB - 69 * KIB, 4 * KIB), 0);
    assert_int_equal(footer_guess("a.parquet", MIB, 0, 4 * KIB), 0);
    assert_int_equal(footer_guess("a.parquet", MIB, MIB, 4 * KIB), 0);
    assert_int_equal(footer_guess("a.parquet", MIB, 2 * MIB, 4 * KIB), 0);
}

static void only_formats_with_a_footer_have_one(void **state)
{
    (void)state;
    assert_true(footer_guess("sub/pytorch_model-00001-of-00002.bin", MIB, MIB - 8, 8) >
                0);
    assert_true(footer_guess("best.pt", MIB, MIB - 8, 8) > 0);
    assert_int_equal(footer_guess("model.safetensors", MIB, MIB - 8, 8), 0);
    assert_int_equal(footer_guess("data.bin", MIB, MIB - 8, 8), 0);
    assert_int_equal(footer_guess("a.parquet/data", MIB, MIB - 8, 8), 0);
    assert_int_equal(footer_guess("parquet", MIB, MIB - 8, 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_bytes_of_a_parquet_file_bring_a_64th_of_it),
        cmocka_unit_test(the_guess_has_bounds),
        cmocka_unit_test(what_ends_before_the_last_bytes_brings_nothing_else),
        cmocka_unit_test(only_formats_with_a_footer_have_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
