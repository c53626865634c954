// SPDX-License-Identifier: Apache-2.0
#include "fs/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

static void a_first_read_is_a_stray_read(void **state)
{
    (void)state;
    struct stream_table table = {0};
    struct xet_pattern pattern = stream_note(&table, 512 * (uint64_t)MIB, 4 * KIB);
    assert_int_equal(pattern.stream, 0);
    assert_false(pattern.adjacent);
    assert_int_equal(pattern.consumed, 4 * KIB);
}

static void the_second_read_in_order_is_a_stream(void **state)
{
    (void)state;
    struct stream_table table = {0};
    stream_note(&table, 0, 128 * KIB);
    struct xet_pattern pattern = stream_note(&table, 128 * KIB, 128 * KIB);
    assert_int_not_equal(pattern.stream, 0);
    assert_int_equal(pattern.consumed, 256 * KIB);
}

static void a_full_read_at_the_beginning_is_a_stream(void **state)
{
    (void)state;
    struct stream_table table = {0};
    struct xet_pattern pattern = stream_note(&table, 0, 128 * KIB);
    assert_int_not_equal(pattern.stream, 0);
    assert_int_equal(pattern.consumed, 128 * KIB);
    table = (struct stream_table){0};
    assert_int_equal(stream_note(&table, 0, 16 * KIB).stream, 0);
    assert_int_equal(stream_note(&table, 64 * MIB, 128 * KIB).stream, 0);
}

static void consumed_grows_with_the_stream_and_not_with_repeats(void **state)
{
    (void)state;
    struct stream_table table = {0};
    struct xet_pattern pattern = {0};
    for (uint64_t i = 0; i < 10; i++) {
        pattern = stream_note(&table, i * 128 * KIB, 128 * KIB);
    }
    assert_int_equal(pattern.consumed, 1280 * KIB);
    pattern = stream_note(&table, 9 * 128 * KIB, 128 * KIB);
    assert_int_not_equal(pattern.stream, 0);
    assert_int_equal(pattern.consumed, 1280 * KIB);
}

static void read_ahead_out_of_order_stays_one_stream(void **state)
{
    (void)state;
    struct stream_table table = {0};
    stream_note(&table, 0, 128 * KIB);
    uint32_t first = stream_note(&table, 256 * KIB, 128 * KIB).stream;
    uint32_t second = stream_note(&table, 128 * KIB, 128 * KIB).stream;
    uint32_t third = stream_note(&table, 384 * KIB, 128 * KIB).stream;
    assert_int_not_equal(first, 0);
    assert_int_equal(first, second);
    assert_int_equal(first, third);
}

static void a_read_near_a_stray_one_is_adjacent(void **state)
{
    (void)state;
    struct stream_table table = {0};
    stream_note(&table, 100 * (uint64_t)MIB, 4 * KIB);
    struct xet_pattern pattern =
        stream_note(&table, 100 * (uint64_t)MIB + 600 * KIB, 4 * KIB);
    assert_int_equal(pattern.stream, 0);
    assert_true(pattern.adjacent);
}

static void two_readers_of_one_place_are_two_stray_reads(void **state)
{
    (void)state;
    struct stream_table table = {0};
    stream_note(&table, 0, 4 * KIB);
    struct xet_pattern pattern = stream_note(&table, 0, 16 * KIB);
    assert_int_equal(pattern.stream, 0);
    assert_false(pattern.adjacent);
    pattern = stream_note(&table, 0, 4 * KIB);
    assert_int_equal(pattern.stream, 0);
    assert_false(pattern.adjacent);
    assert_int_not_equal(stream_note(&table, 16 * KIB, 16 * KIB).stream, 0);
}

static void a_strided_reader_becomes_a_stream(void **state)
{
    (void)state;
    struct stream_table table = {0};
    struct xet_pattern pattern = {0};
    for (uint64_t i = 0; i < 6; i++) {
        pattern = stream_note(&table, i * 4 * MIB, 64 * KIB);
    }
    assert_int_not_equal(pattern.stream, 0);
}

static void a_backward_reader_is_no_stream(void **state)
{
    (void)state;
    struct stream_table table = {0};
    for (uint64_t i = 0; i < 20; i++) {
        struct xet_pattern pattern = stream_note(&table, (100 - i) * 512 * KIB, 4 * KIB);
        assert_int_equal(pattern.stream, 0);
    }
}

static void random_reads_of_a_big_file_are_no_stream(void **state)
{
    (void)state;
    struct stream_table table = {0};
    unsigned streams = 0;
    random_replace(1);
    for (int i = 0; i < 20000; i++) {
        uint64_t offset = random_below(UINT64_C(64) << 30) & ~UINT64_C(4095);
        streams += stream_note(&table, offset, 4 * KIB).stream != 0;
    }
    random_replace(0);
    assert_in_range(streams, 0, 20);
}

static void random_reads_of_a_small_file_are_hardly_ever_a_stream(void **state)
{
    (void)state;
    struct stream_table table = {0};
    unsigned streams = 0;
    random_replace(2);
    for (int i = 0; i < 20000; i++) {
        uint64_t offset = random_below(UINT64_C(64) << 20) & ~UINT64_C(4095);
        streams += stream_note(&table, offset, 4 * KIB).stream != 0;
    }
    random_replace(0);
    assert_in_range(streams, 0, 20000 / 16);
}

static void a_reader_that_begins_to_hop_about_is_no_stream_any_more(void **state)
{
    (void)state;
    struct stream_table table = {0};
    stream_note(&table, 0, 128 * KIB);
    assert_int_not_equal(stream_note(&table, 128 * KIB, 128 * KIB).stream, 0);
    stream_note(&table, 5 * MIB, 4 * KIB);
    assert_int_equal(stream_note(&table, 12 * MIB, 4 * KIB).stream, 0);
}

static void eight_readers_keep_their_streams(void **state)
{
    (void)state;
    struct stream_table table = {0};
    uint32_t of_reader[STREAMS_PER_INODE] = {0};
    for (uint64_t i = 0; i < 100; i++) {
        for (uint64_t reader = 0; reader < STREAMS_PER_INODE; reader++) {
            uint64_t offset = reader * (UINT64_C(1) << 30) + i * 128 * KIB;
            uint32_t stream = stream_note(&table, offset, 128 * KIB).stream;
            if (i == 0) {
                assert_int_equal(stream != 0, reader == 0);
            } else if (i == 1) {
                assert_int_not_equal(stream, 0);
                of_reader[reader] = stream;
            } else {
                assert_int_equal(stream, of_reader[reader]);
            }
        }
    }
}

static void stray_reads_do_not_push_a_stream_out(void **state)
{
    (void)state;
    struct stream_table table = {0};
    stream_note(&table, 0, 128 * KIB);
    uint32_t stream = stream_note(&table, 128 * KIB, 128 * KIB).stream;
    for (uint64_t i = 1; i <= 100; i++) {
        stream_note(&table, i * (UINT64_C(1) << 30), 4 * KIB);
    }
    assert_int_equal(stream_note(&table, 256 * KIB, 128 * KIB).stream, stream);
}

static void a_stream_that_nobody_reads_any_more_gives_its_place_up(void **state)
{
    (void)state;
    struct stream_table table = {0};
    for (uint64_t reader = 0; reader < STREAMS_PER_INODE; reader++) {
        stream_note(&table, reader << 30, 128 * KIB);
        stream_note(&table, (reader << 30) + 128 * KIB, 128 * KIB);
    }
    uint64_t base = UINT64_C(100) << 30;
    struct xet_pattern pattern = {0};
    for (uint64_t i = 0; i < 10; i++) {
        pattern = stream_note(&table, base + i * 128 * KIB, 128 * KIB);
    }
    assert_int_not_equal(pattern.stream, 0);
    assert_int_equal(pattern.consumed, 1280 * KIB);
}

static void offsets_at_the_end_of_the_number_range_are_fine(void **state)
{
    (void)state;
    struct stream_table table = {0};
    uint64_t offset = (uint64_t)INT64_MAX - 4 * KIB;
    stream_note(&table, offset, 4 * KIB);
    stream_note(&table, 0, 4 * KIB);
    assert_int_equal(stream_note(&table, 4 * KIB, 4 * KIB).consumed, 8 * KIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_read_is_a_stray_read),
        cmocka_unit_test(the_second_read_in_order_is_a_stream),
        cmocka_unit_test(a_full_read_at_the_beginning_is_a_stream),
        cmocka_unit_test(consumed_grows_with_the_stream_and_not_with_repeats),
        cmocka_unit_test(read_ahead_out_of_order_stays_one_stream),
        cmocka_unit_test(a_read_near_a_stray_one_is_adjacent),
        cmocka_unit_test(two_readers_of_one_place_are_two_stray_reads),
        cmocka_unit_test(a_strided_reader_becomes_a_stream),
        cmocka_unit_test(a_backward_reader_is_no_stream),
        cmocka_unit_test(random_reads_of_a_big_file_are_no_stream),
        cmocka_unit_test(random_reads_of_a_small_file_are_hardly_ever_a_stream),
        cmocka_unit_test(a_reader_that_begins_to_hop_about_is_no_stream_any_more),
        cmocka_unit_test(eight_readers_keep_their_streams),
        cmocka_unit_test(stray_reads_do_not_push_a_stream_out),
        cmocka_unit_test(a_stream_that_nobody_reads_any_more_gives_its_place_up),
        cmocka_unit_test(offsets_at_the_end_of_the_number_range_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
