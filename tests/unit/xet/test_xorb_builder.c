// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/crc64.h"
#include "xet/xet_hash.h"
#include "xet/xorb_builder.h"

#include <string.h>

TEST(test_a_xorb_has_the_published_name_and_its_records_in_the_file)
{
    struct xorb_builder *builder;
    struct xorb xorb;
    struct xorb_chunk chunk = {.len = 1, .is_first = true};
    const uint8_t record[] = {0, 1, 0, 0, 0, 1, 0, 0, 0x3b};
    uint8_t back[sizeof(record)];
    char hex[DIGEST_HEX_SIZE];
    xet_hash_chunk("\x3b", 1, &chunk.hash);
    assert_ok(xorb_builder_new("/tmp", NULL, &builder));
    assert_ok(xorb_builder_add(builder, &chunk, 1, record, sizeof(record), NULL));
    xorb_builder_finish(builder, &xorb);
    xorb_builder_free(builder);
    digest_to_xet_hex(&xorb.hash, hex);
    assert_string_equal(
        hex, "a5821c3868509151d4f5c17e43aa599f7fe53d3349280ca59c66b566de0a88de");
    assert_int_equal(xorb.len, sizeof(record));
    assert_int_equal(xorb.crc64nvme, crc64nvme(0, record, sizeof(record)));
    assert_ok(file_pread(xorb.fd, back, sizeof(back), 0));
    assert_memory_equal(back, record, sizeof(record));
    xorb_release(&xorb);
}

TEST(test_no_xorb_becomes_larger_than_the_server_takes)
{
    enum { LEN = 131072 };
    struct xorb_builder *builder;
    struct xorb xorb;
    AUTO_FREE uint8_t *records = calloc(1, LEN + 8);
    struct xorb_chunk chunk = {.len = LEN};
    assert_ok(xorb_builder_new("/tmp", NULL, &builder));
    unsigned n = 0;
    while (!xorb_builder_add(builder, &chunk, 1, records, LEN + 8, NULL)) {
        n++;
    }
    assert_int_equal(n, XORB_RAW_MAX / LEN);
    xorb_builder_finish(builder, &xorb);
    assert_true(xorb.len <= XORB_RECORDS_MAX);
    xorb_release(&xorb);
    xorb_builder_free(builder);
    assert_ok(xorb_builder_new("/tmp", NULL, &builder));
    chunk.len = 1;
    for (n = 0; !xorb_builder_add(builder, &chunk, 1, records, 9, NULL); n++) {
    }
    assert_int_equal(n, XORB_CHUNKS_MAX);
    xorb_builder_free(builder);
}

TEST(test_a_folder_that_is_not_there_is_told)
{
    struct xorb_builder *builder;
    struct why why;
    assert_err(xorb_builder_new("/nonexistent", &why, &builder), ERR_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nonexistent"));
    xorb_builder_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_xorb_has_the_published_name_and_its_records_in_the_file),
        cmocka_unit_test(test_no_xorb_becomes_larger_than_the_server_takes),
        cmocka_unit_test(test_a_folder_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
