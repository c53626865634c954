// SPDX-License-Identifier: Apache-2.0
// What is packed comes back by our own reader; that others read it too is tested with the
// official clients against the local Hub.

#include "base/base.h"
#include "cache/cache.h"
#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/byte_grouping.h"
#include "xet/record_packer.h"

#include <string.h>

enum { RANDOM, TEXT, WEIGHTS, ZEROS };

static void check_one(enum record_scheme scheme, const uint8_t *chunk, size_t len,
                      enum record_scheme expected)
{
    static uint8_t to[RECORD_HEADER_BYTES + CHUNK_BYTES_MAX];
    static uint8_t back[CHUNK_BYTES_MAX];
    struct record_packer packer;
    struct record_decoder decoder;
    struct chunk_record record;
    assert_ok(record_packer_init(&packer));
    assert_ok(record_decoder_init(&decoder));
    size_t packed = record_packer_pack(&packer, scheme, chunk, len, to);
    assert_ok(chunk_record_parse(to, NULL, &record));
    assert_int_equal(record.scheme, expected);
    assert_int_equal(record.len, len);
    assert_int_equal(record.packed_len + RECORD_HEADER_BYTES, packed);
    assert_true(packed <= RECORD_HEADER_BYTES + len);
    assert_ok(
        chunk_record_decode(&decoder, &record, to + RECORD_HEADER_BYTES, NULL, back));
    assert_memory_equal(back, chunk, len);
    record_packer_release(&packer);
    record_decoder_release(&decoder);
}

TEST(test_what_is_packed_comes_back)
{
    static const size_t LENGTHS[] = {1, 3, 4, 5, 63, 64, 65, 8192, 65536, 65537, 131072};
    AUTO_FREE uint8_t *chunk = malloc(CHUNK_BYTES_MAX);
    for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(*LENGTHS); i++) {
        size_t len = LENGTHS[i];
        bool is_long = len >= 1000;
        for (int scheme = RECORD_PLAIN; scheme <= RECORD_BG4_LZ4; scheme++) {
            enum record_scheme own = is_long ? (enum record_scheme)scheme : RECORD_PLAIN;
            fake_content(chunk, len, RANDOM, i);
            check_one((enum record_scheme)scheme, chunk, len, RECORD_PLAIN);
            fake_content(chunk, len, ZEROS, i);
            if (len != 63 && len != 64 && len != 65) {
                check_one((enum record_scheme)scheme, chunk, len, own);
            }
        }
    }
}

TEST(test_floats_are_grouped_and_text_is_not)
{
    AUTO_FREE uint8_t *chunk = malloc(65536);
    fake_content(chunk, 65536, WEIGHTS, 1);
    assert_int_equal(record_packer_choose(chunk, 65536), RECORD_BG4_LZ4);
    check_one(RECORD_BG4_LZ4, chunk, 65536, RECORD_BG4_LZ4);
    fake_content(chunk, 65536, TEXT, 1);
    assert_int_equal(record_packer_choose(chunk, 65536), RECORD_LZ4);
    check_one(RECORD_LZ4, chunk, 65536, RECORD_LZ4);
    fake_content(chunk, 65536, RANDOM, 1);
    assert_int_equal(record_packer_choose(chunk, 65536), RECORD_LZ4);
    assert_int_equal(record_packer_choose(chunk, 1), RECORD_LZ4);
}

TEST(test_grouping_is_what_its_definition_says)
{
    uint8_t content[700];
    uint8_t expected[700];
    uint8_t grouped[700];
    fake_content(content, sizeof(content), 0, 1);
    for (size_t len = 0; len <= sizeof(content); len++) {
        fake_group_bytes(expected, content, len);
        byte_grouping_do(grouped, content, len);
        assert_memory_equal(grouped, expected, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_packed_comes_back),
        cmocka_unit_test(test_floats_are_grouped_and_text_is_not),
        cmocka_unit_test(test_grouping_is_what_its_definition_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
