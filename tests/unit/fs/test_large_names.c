// SPDX-License-Identifier: Apache-2.0
#include "fs/large_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void weights_and_archives_are_large(void **state)
{
    (void)state;
    assert_true(large_name_is_usual("model-00001-of-00030.safetensors"));
    assert_true(large_name_is_usual("llama-2-7b.Q4_K_M.gguf"));
    assert_true(large_name_is_usual("train.parquet"));
    assert_true(large_name_is_usual("data.tar.gz"));
    assert_true(large_name_is_usual("events.out.tfevents.17"));
}

static void texts_are_not(void **state)
{
    (void)state;
    assert_false(large_name_is_usual("config.json"));
    assert_false(large_name_is_usual("README.md"));
    assert_false(large_name_is_usual("model.safetensors.index.json"));
    assert_false(large_name_is_usual("safetensors"));
    assert_false(large_name_is_usual(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_and_archives_are_large),
        cmocka_unit_test(texts_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
