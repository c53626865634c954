// SPDX-License-Identifier: Apache-2.0

#include "base/base.h"
#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/byte_grouping.h"

#include <string.h>

TEST(test_the_published_examples_come_back_in_order)
{
    static const uint8_t GROUPED[][15] = {
        {0, 4, 1, 5, 2, 6, 3, 7},
        {0, 4, 8, 1, 5, 9, 2, 6, 3, 7},
        {0, 4, 8, 12, 1, 5, 9, 2, 6, 10, 3, 7, 11},
        {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11},
    };
    static const size_t LENGTHS[] = {8, 10, 13, 15};
    for (size_t i = 0; i < 4; i++) {
        uint8_t out[15];
        byte_grouping_undo(out, GROUPED[i], LENGTHS[i]);
        for (size_t k = 0; k < LENGTHS[i]; k++) {
            assert_int_equal(out[k], k);
        }
    }
}

TEST(test_every_length_up_to_a_few_vectors_comes_back)
{
    uint8_t content[700];
    uint8_t grouped[700];
    uint8_t out[700];
    fake_content(content, sizeof(content), 0, 1);
    for (size_t len = 0; len <= sizeof(content); len++) {
        fake_group_bytes(grouped, content, len);
        byte_grouping_undo(out, grouped, len);
        assert_memory_equal(out, content, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_published_examples_come_back_in_order),
        cmocka_unit_test(test_every_length_up_to_a_few_vectors_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
