// SPDX-License-Identifier: Apache-2.0

#include "base/base.h"
#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/crc64.h"

TEST(test_the_check_value_is_the_published_one)
{
    assert_int_equal(crc64nvme(0, "123456789", 9), UINT64_C(0xae8b14860a799888));
    assert_int_equal(crc64nvme(0, "", 0), 0);
}

// Bit by bit, from the definition.
static uint64_t slowly(const uint8_t *bytes, size_t len)
{
    uint64_t state = ~UINT64_C(0);
    for (size_t i = 0; i < len; i++) {
        state ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            state = (state >> 1) ^ (state & 1 ? UINT64_C(0x9a6c9329ac4bc9b5) : 0);
        }
    }
    return ~state;
}

TEST(test_every_length_and_every_split_gives_the_same)
{
    uint8_t bytes[700];
    fake_content(bytes, sizeof(bytes), 0, 3);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        uint64_t expected = slowly(bytes, len);
        assert_int_equal(crc64nvme(0, bytes, len), expected);
        assert_int_equal(crc64nvme_portable(0, bytes, len), expected);
        size_t half = len * 2 / 5;
        uint64_t first = crc64nvme(0, bytes, half);
        assert_int_equal(crc64nvme(first, bytes + half, len - half), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_check_value_is_the_published_one),
        cmocka_unit_test(test_every_length_and_every_split_gives_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
