// SPDX-License-Identifier: Apache-2.0
#include "fs/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KIB UINT64_C(1024)

static void the_first_bytes_of_a_model_bring_its_header(void **state)
{
    (void)state;
    assert_int_equal(header_guess("model.safetensors", 0, 8 * KIB), 760 * KIB);
    assert_int_equal(header_guess("sub/Model-Q4_K_M.GGUF", 0, 768 * KIB - 1), 1);
    assert_int_equal(header_guess("model.safetensors", 0, 768 * KIB), 0);
}

static void other_bytes_and_other_files_bring_nothing(void **state)
{
    (void)state;
    assert_int_equal(header_guess("model.safetensors", 1, 8 * KIB), 0);
    assert_int_equal(header_guess("model.safetensors.index.json", 0, 8 * KIB), 0);
    assert_int_equal(header_guess("model.gguf/readme", 0, 8 * KIB), 0);
    assert_int_equal(header_guess("model.bin", 0, 8 * KIB), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_bytes_of_a_model_bring_its_header),
        cmocka_unit_test(other_bytes_and_other_files_bring_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
