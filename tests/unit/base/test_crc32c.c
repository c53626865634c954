// SPDX-License-Identifier: Apache-2.0

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/crc32c_cpu.h"
#include "base/random.h"
#include "tests/unit/unit_test.h"

#include <string.h>

// The definition, bit by bit.
static uint32_t crc32c_by_definition(uint32_t crc, const uint8_t *bytes, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    return ~crc;
}

TEST(test_the_published_check_values_come_out)
{
    uint8_t bytes[32];
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    memset(bytes, 0, sizeof(bytes)); // RFC 3720 B.4
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
    assert_int_equal(crc32c(0, NULL, 0), 0);
}

TEST(test_every_version_follows_the_definition_at_every_length_and_alignment)
{
    enum { LONGEST = 2 * (3 * 4096 + 8) + 3 * 336 + 32 };
    AUTO_FREE uint8_t *bytes = malloc(LONGEST + 8);
    assert_non_null(bytes);
    random_replace(1);
    random_bytes(bytes, LONGEST + 8);
    random_replace(0);
    for (size_t len = 0; len < LONGEST; len += len < 2100 ? 1 : 97) {
        const uint8_t *from = bytes + len % 8;
        uint32_t start = (uint32_t)len;
        uint32_t expected = crc32c_by_definition(start, from, len);
        assert_int_equal(crc32c(start, from, len), expected);
        assert_int_equal(~crc32c_portable(~start, from, len), expected);
    }
}

TEST(test_the_borders_of_the_interleaved_blocks_are_right)
{
    static const size_t BLOCKS[] = {3 * 336 + 8, 3 * 4096 + 8, 2 * (3 * 4096 + 8)};
    AUTO_FREE uint8_t *bytes = malloc(65536);
    assert_non_null(bytes);
    random_bytes(bytes, 65536);
    for (size_t i = 0; i < sizeof(BLOCKS) / sizeof(BLOCKS[0]); i++) {
        for (size_t len = BLOCKS[i] - 9; len <= BLOCKS[i] + 9; len++) {
            assert_int_equal(crc32c(0, bytes, len), crc32c_by_definition(0, bytes, len));
        }
    }
}

TEST(test_a_checksum_can_be_continued_at_any_point)
{
    uint8_t bytes[3000];
    random_bytes(bytes, sizeof(bytes));
    uint32_t whole = crc32c(0, bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut += 7) {
        uint32_t first = crc32c(0, bytes, cut);
        assert_int_equal(crc32c(first, bytes + cut, sizeof(bytes) - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_published_check_values_come_out),
        cmocka_unit_test(
            test_every_version_follows_the_definition_at_every_length_and_alignment),
        cmocka_unit_test(test_the_borders_of_the_interleaved_blocks_are_right),
        cmocka_unit_test(test_a_checksum_can_be_continued_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
