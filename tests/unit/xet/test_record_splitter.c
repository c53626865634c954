// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_records.h"
#include "tests/unit/xet/fake_splitter.h"

#include <string.h>

// `n` records of random lengths; their contents in `content`.
static struct buffer records(uint32_t n, int kind, uint64_t seed, struct buffer *content)
{
    static uint8_t chunk[CHUNK_BYTES_MAX];
    struct buffer bytes = buffer_init(SIZE_MAX / 4);
    *content = buffer_init(SIZE_MAX / 4);
    for (uint32_t i = 0; i < n; i++) {
        size_t len = 1 + fake_random(&seed) % CHUNK_BYTES_MAX;
        fake_content(chunk, len, kind, seed);
        fake_append_record(&bytes, (enum record_scheme)(i % 3), (int)(i % 2), chunk, len);
        assert_ok(buffer_append(content, chunk, len));
    }
    return bytes;
}

static void check_cut(const struct buffer *bytes, const struct buffer *content,
                      uint32_t n, size_t blocks, size_t step, uint64_t seed)
{
    struct fake_split split;
    fake_split_begin(&split, blocks);
    split.holds = seed % 2;
    assert_ok(fake_split_run(&split, 7, 7 + n, 0, bytes->bytes, bytes->len, step, seed,
                             seed % 3 == 0));
    assert_int_equal(split.out.len, content->len);
    assert_memory_equal(split.out.bytes, content->bytes, content->len);
    assert_int_equal(split.next, 7 + n);
    assert_int_equal(block_pool_used(split.pool), 0);
    fake_split_end(&split);
}

TEST(test_any_cut_of_the_stream_gives_the_same_chunks)
{
    for (int kind = 0; kind < 4; kind++) {
        AUTO(buffer) struct buffer content;
        AUTO(buffer) struct buffer bytes = records(100, kind, (uint64_t)kind, &content);
        for (uint64_t seed = 0; seed < 12; seed++) {
            static const size_t STEPS[] = {0, 300000, 70000, 5000};
            check_cut(&bytes, &content, 100, seed % 3 ? 64 : 4, STEPS[seed % 4], seed);
        }
    }
}

TEST(test_byte_by_byte_gives_the_same_chunks)
{
    AUTO(buffer) struct buffer content;
    AUTO(buffer) struct buffer bytes = records(5, 2, 9, &content);
    check_cut(&bytes, &content, 5, 4, 1, 1);
}

TEST(test_an_empty_pool_parks_the_stream_and_loses_nothing)
{
    AUTO(buffer) struct buffer content;
    AUTO(buffer) struct buffer bytes = records(200, 0, 5, &content);
    struct fake_split split;
    fake_split_begin(&split, 4);
    split.holds = true;
    assert_ok(
        fake_split_run(&split, 0, 200, 0, bytes.bytes, bytes.len, 250000, 3, false));
    assert_true(split.parked > 0);
    assert_memory_equal(split.out.bytes, content.bytes, content.len);
    fake_split_end(&split);
}

TEST(test_a_run_never_decodes_to_more_than_a_mebibyte)
{
    // 1,000 chunks of 128 KiB of zeros are less than 1 MiB of records.
    static uint8_t zeros[CHUNK_BYTES_MAX];
    AUTO(buffer) struct buffer bytes = buffer_init(SIZE_MAX / 4);
    for (int i = 0; i < 1000; i++) {
        fake_append_record(&bytes, RECORD_LZ4, 0, zeros, sizeof(zeros));
    }
    assert_true(bytes.len < 1 << 20);
    struct fake_split split;
    fake_split_begin(&split, 64);
    assert_ok(fake_split_run(&split, 0, 1000, 0, bytes.bytes, bytes.len, 0, 0, false));
    assert_int_equal(split.runs, 1000 / 8);
    assert_int_equal(split.out.len, 1000 * sizeof(zeros));
    fake_split_end(&split);
}

TEST(test_who_waits_has_the_beginning_soon_and_the_rest_in_long_runs)
{
    static uint8_t chunk[65536];
    AUTO(buffer) struct buffer bytes = buffer_init(SIZE_MAX / 4);
    for (int i = 0; i < 64; i++) {
        fake_append_record(&bytes, RECORD_PLAIN, 0, chunk, sizeof(chunk));
    }
    struct fake_split split;
    fake_split_begin(&split, 64);
    assert_ok(fake_split_run(&split, 0, 64, 0, bytes.bytes, bytes.len, 0, 0, true));
    assert_int_equal(split.runs,
                     4 + 7); // 1, 2, 4 and 8 chunks; then 8 each, and the last one
    assert_int_equal(split.out.len, 64 * sizeof(chunk));
    fake_split_end(&split);
}

TEST(test_a_stream_that_ends_within_a_record_keeps_the_whole_ones)
{
    AUTO(buffer) struct buffer content;
    AUTO(buffer) struct buffer bytes = records(10, 0, 77, &content);
    for (size_t cut = 1; cut < bytes.len; cut += 9973) {
        struct fake_split split;
        fake_split_begin(&split, 8);
        assert_err(
            fake_split_run(&split, 0, 10, 0, bytes.bytes, bytes.len - cut, 0, 0, false),
            ERR_TRUNCATED);
        assert_true(split.next < 10);
        assert_memory_equal(split.out.bytes ? split.out.bytes : (const uint8_t *)"",
                            content.bytes, split.out.len);
        assert_int_equal(block_pool_used(split.pool), 0);
        fake_split_end(&split);
    }
}

TEST(test_more_records_than_the_range_has_chunks_are_refused)
{
    AUTO(buffer) struct buffer content;
    AUTO(buffer) struct buffer bytes = records(5, 0, 78, &content);
    struct fake_split split;
    fake_split_begin(&split, 8);
    assert_err(fake_split_run(&split, 0, 4, 0, bytes.bytes, bytes.len, 0, 0, false),
               ERR_BAD_ANSWER);
    fake_split_end(&split);
}

TEST(test_a_blob_becomes_blocks_of_64_kib)
{
    static const size_t LENGTHS[] = {1, 65535, 65536, 65537, 3000000};
    static uint8_t content[3000000];
    fake_content(content, sizeof(content), 0, 4);
    for (size_t i = 0; i < 5; i++) {
        struct fake_split split;
        fake_split_begin(&split, 8);
        assert_ok(fake_split_run(&split, 3, 0, LENGTHS[i], content, LENGTHS[i], 100000, i,
                                 false));
        assert_int_equal(split.out.len, LENGTHS[i]);
        assert_memory_equal(split.out.bytes, content, LENGTHS[i]);
        assert_int_equal(split.next, 3 + (LENGTHS[i] + 65535) / 65536);
        fake_split_end(&split);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut_of_the_stream_gives_the_same_chunks),
        cmocka_unit_test(test_byte_by_byte_gives_the_same_chunks),
        cmocka_unit_test(test_an_empty_pool_parks_the_stream_and_loses_nothing),
        cmocka_unit_test(test_a_run_never_decodes_to_more_than_a_mebibyte),
        cmocka_unit_test(test_who_waits_has_the_beginning_soon_and_the_rest_in_long_runs),
        cmocka_unit_test(test_a_stream_that_ends_within_a_record_keeps_the_whole_ones),
        cmocka_unit_test(test_more_records_than_the_range_has_chunks_are_refused),
        cmocka_unit_test(test_a_blob_becomes_blocks_of_64_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
