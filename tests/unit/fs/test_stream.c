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

static void the_read_at_the_beginning_may_be_overtaken_by_the_next(void **state)
{
    (void)state;
    struct stream_table table = {0};
    assert_int_equal(stream_note(&table, 512 * KIB, 512 * KIB).stream, 0);
    struct xet_pattern pattern = stream_note(&table, 0, 512 * KIB);
    assert_int_not_equal(pattern.stream, 0);
    assert_int_equal(pattern.consumed, MIB);
    pattern = stream_note(&table, MIB, 512 * KIB);
    assert_int_not_equal(pattern.stream, 0);
    assert_int_equal(pattern.consumed, MIB + 512 * KIB);
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

// Reads so much in order from there; what is known after the last read.
static struct xet_pattern read_in_order(struct stream_table *table, uint64_t from,
                                        uint64_t len)
{
    struct xet_pattern pattern = {0};
    for (uint64_t at = from; at < from + len; at += 128 * KIB) {
        pattern = stream_note(table, at, 128 * KIB);
    }
    return pattern;
}

// What is expected of a read of 128 KiB far from all others, and of the next one.
static struct xet_pattern begin_elsewhere(struct stream_table *table, uint64_t from)
{
    struct xet_pattern first = stream_note(table, from, 128 * KIB);
    assert_int_equal(first.stream, 0);
    uint64_t begun = from + 128 * KIB;
    assert_int_equal(first.follows, first.ends_at > begun ? first.ends_at - begun : 0);
    struct xet_pattern second = stream_note(table, from + 128 * KIB, 128 * KIB);
    assert_int_not_equal(second.stream, 0);
    assert_int_equal(second.follows, 0);
    assert_int_equal(second.ends_at, first.ends_at);
    return first;
}

static const uint64_t far = UINT64_C(512) * MIB;

static void what_follows_a_stream_that_has_ended_is_expected_to_be_as_long(void **state)
{
    (void)state;
    struct stream_table table = {0};
    assert_int_equal(read_in_order(&table, 64 * MIB, 2 * MIB).ends_at, 0);
    assert_int_equal(begin_elsewhere(&table, far).ends_at, far + 2 * MIB);
}

static void
a_run_that_goes_on_beyond_what_the_kernel_reads_ahead_does_not_end(void **state)
{
    (void)state;
    struct stream_table table = {0};
    read_in_order(&table, 64 * MIB, 2 * MIB);
    struct xet_pattern pattern = read_in_order(&table, far, 2 * MIB + 512 * KIB);
    assert_int_equal(pattern.ends_at, far + 2 * MIB);
    pattern = stream_note(&table, far + 2 * MIB + 512 * KIB, 128 * KIB);
    assert_int_equal(pattern.ends_at, 0);
}

static void a_long_column_does_not_make_short_ones_long(void **state)
{
    (void)state;
    struct stream_table table = {0};
    uint64_t most = 4 * MIB;
    for (uint64_t i = 1; i < 20; i++) {
        read_in_order(&table, 2 * i * far, 50 * MIB);
        uint64_t from = (2 * i + 1) * far;
        struct xet_pattern pattern = begin_elsewhere(&table, from);
        assert_in_range(pattern.ends_at, from + 1, from + most);
        most = 4 * 256 * KIB; // as many times the short one before it
    }
}

static void what_is_expected_grows_with_runs_of_one_length(void **state)
{
    (void)state;
    struct stream_table table = {0};
    read_in_order(&table, far, 50 * MIB);
    assert_int_equal(read_in_order(&table, 2 * far, 4 * MIB).ends_at, 2 * far + 4 * MIB);
    read_in_order(&table, 2 * far + 4 * MIB, 46 * MIB);
    assert_int_equal(stream_note(&table, 3 * far, 128 * KIB).ends_at, 3 * far + 16 * MIB);
}

static void records_are_expected_to_be_as_long_as_the_last_one(void **state)
{
    (void)state;
    struct stream_table table = {0};
    for (uint64_t i = 0; i < 3 * STREAMS_PER_INODE; i++) {
        uint64_t from = (1 + i) * 100 * MIB;
        struct xet_pattern pattern = read_in_order(&table, from, 2 * MIB - 128 * KIB);
        assert_int_equal(pattern.ends_at, i > 0 ? from + 2 * MIB : 0);
        // They differ by some pages.
        stream_note(&table, from + 2 * MIB - 128 * KIB, (124 + 2 * (i % 2)) * KIB);
    }
}

static void so_are_records_near_each_other(void **state)
{
    (void)state;
    struct stream_table table = {0};
    read_in_order(&table, 64 * MIB, MIB);
    for (uint64_t i = 1; i < 20; i++) {
        uint64_t from = 64 * MIB + i * 4 * MIB + i * i * 4 * KIB;
        struct xet_pattern pattern = stream_note(&table, from, 256 * KIB);
        assert_int_equal(pattern.stream, 0);
        assert_int_equal(pattern.ends_at, from + MIB);
        assert_int_equal(pattern.follows, MIB - 256 * KIB);
        read_in_order(&table, from + 256 * KIB, MIB - 256 * KIB);
    }
}

static void what_the_kernel_reads_ahead_may_come_late(void **state)
{
    (void)state;
    struct stream_table table = {0};
    read_in_order(&table, 64 * MIB, MIB);
    stream_note(&table, far, 128 * KIB);
    stream_note(&table, 65 * MIB, 512 * KIB);
    read_in_order(&table, far + 128 * KIB, MIB - 128 * KIB);
    assert_int_equal(begin_elsewhere(&table, 2 * far).ends_at, 2 * far + MIB);
}

static void streams_that_are_read_by_turns_have_not_ended(void **state)
{
    (void)state;
    struct stream_table table = {0};
    for (uint64_t i = 0; i < 8; i++) {
        stream_note(&table, 64 * MIB + i * 512 * KIB, 512 * KIB);
        stream_note(&table, far + i * 512 * KIB, 512 * KIB);
        if (i > 0) {
            assert_int_equal(stream_note(&table, (i + 2) * far, 128 * KIB).ends_at, 0);
        }
    }
}

static void
records_of_several_readers_are_as_long_as_those_whose_place_was_taken(void **state)
{
    (void)state;
    struct stream_table table = {0};
    uint64_t record = 1;
    for (; record <= STREAMS_PER_INODE / 2; record++) {
        for (uint64_t i = 0; i < 8; i++) {
            uint64_t from = (2 * record + i % 2) * far;
            uint64_t at = from + i / 2 * 512 * KIB;
            assert_int_equal(stream_note(&table, at, 512 * KIB).ends_at, 0);
        }
    }
    for (uint64_t reader = 0; reader < 2; reader++) {
        struct xet_pattern pattern =
            stream_note(&table, (2 * record + reader) * far, 512 * KIB);
        assert_int_equal(pattern.follows, 2 * MIB - 512 * KIB);
    }
}

// One after the other by turns, the first reads together.
static void readers_of_records_do_not_push_each_other_out(void **state)
{
    (void)state;
    struct stream_table table = {0};
    uint64_t record = 1;
    for (; record <= 8; record++) { // until the length of records is known
        for (uint64_t i = 0; i < 4 * 8; i++) {
            uint64_t from = (4 * record + i % 4) * far;
            stream_note(&table, from + i / 4 * 512 * KIB, 512 * KIB);
        }
    }
    for (; record < 40; record++) {
        for (uint64_t i = 0; i < 4 * 8; i++) {
            uint64_t from = (4 * record + i % 4) * far;
            struct xet_pattern pattern =
                stream_note(&table, from + i / 4 * 512 * KIB, 512 * KIB);
            assert_int_equal(pattern.stream != 0, i >= 4);
            assert_int_equal(pattern.ends_at, from + 4 * MIB);
        }
    }
}

static void how_long_a_header_is_says_nothing_of_the_rest(void **state)
{
    (void)state;
    struct stream_table table = {0};
    read_in_order(&table, 0, MIB);
    assert_int_equal(begin_elsewhere(&table, far).ends_at, 0);
    assert_int_equal(stream_note(&table, 0, 128 * KIB).ends_at, 0);
}

static void what_was_learned_is_forgotten_as_stray_reads_come(void **state)
{
    (void)state;
    struct stream_table table = {0};
    for (uint64_t i = 1; i <= STREAMS_PER_INODE; i++) {
        read_in_order(&table, i * far, 2 * MIB);
    }
    read_in_order(&table, 20 * far, 2 * MIB); // the first one's place
    assert_int_equal(table.guess, 2 * MIB);
    for (uint64_t i = 30; i < 70; i++) {
        stream_note(&table, i * far, 128 * KIB);
    }
    assert_int_equal(table.guess, 0);
}

static void of_stray_reads_nothing_is_expected(void **state)
{
    (void)state;
    struct stream_table table = {0};
    read_in_order(&table, 64 * MIB, 2 * MIB);
    assert_int_equal(stream_note(&table, far, 4 * KIB).ends_at, 0);
    for (uint64_t i = 2; i < 6; i++) {
        stream_note(&table, i * far, 128 * KIB);
    }
    assert_int_equal(stream_note(&table, 7 * far, 128 * KIB).ends_at, 0);
}

static void random_reads_after_a_stream_are_stray_ones(void **state)
{
    (void)state;
    struct stream_table table = {0};
    read_in_order(&table, 64 * MIB, 2 * MIB);
    for (uint64_t i = 1; i <= 600; i++) {
        struct xet_pattern pattern = stream_note(&table, i * far, 128 * KIB);
        if (i > 1) { // the first one may be the next record
            assert_int_equal(pattern.ends_at, 0);
            assert_int_equal(pattern.follows, 0);
        }
    }
}

static void stray_reads_do_not_push_a_stream_out_where_it_is_expected_to_end(void **state)
{
    (void)state;
    struct stream_table table = {0};
    uint64_t stray = 10;
    uint32_t number = 0;
    read_in_order(&table, far, 4 * MIB);
    for (uint64_t at = 0; at < 64 * MIB; at += 128 * KIB) {
        uint32_t stream = stream_note(&table, 2 * far + at, 128 * KIB).stream;
        if (at == 128 * KIB) {
            number = stream;
        } else if (at > 0) {
            assert_int_equal(stream, number);
        }
        for (int i = 0; i < 16 && at > 0; i++) {
            stream_note(&table, stray++ * far, 128 * KIB);
        }
    }
    assert_int_not_equal(number, 0);
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
        cmocka_unit_test(the_read_at_the_beginning_may_be_overtaken_by_the_next),
        cmocka_unit_test(consumed_grows_with_the_stream_and_not_with_repeats),
        cmocka_unit_test(read_ahead_out_of_order_stays_one_stream),
        cmocka_unit_test(a_read_near_a_stray_one_is_adjacent),
        cmocka_unit_test(two_readers_of_one_place_are_two_stray_reads),
        cmocka_unit_test(a_strided_reader_becomes_a_stream),
        cmocka_unit_test(a_backward_reader_is_no_stream),
        cmocka_unit_test(random_reads_of_a_big_file_are_no_stream),
        cmocka_unit_test(random_reads_of_a_small_file_are_hardly_ever_a_stream),
        cmocka_unit_test(a_reader_that_begins_to_hop_about_is_no_stream_any_more),
        cmocka_unit_test(what_follows_a_stream_that_has_ended_is_expected_to_be_as_long),
        cmocka_unit_test(
            a_run_that_goes_on_beyond_what_the_kernel_reads_ahead_does_not_end),
        cmocka_unit_test(a_long_column_does_not_make_short_ones_long),
        cmocka_unit_test(what_is_expected_grows_with_runs_of_one_length),
        cmocka_unit_test(records_are_expected_to_be_as_long_as_the_last_one),
        cmocka_unit_test(so_are_records_near_each_other),
        cmocka_unit_test(what_the_kernel_reads_ahead_may_come_late),
        cmocka_unit_test(streams_that_are_read_by_turns_have_not_ended),
        cmocka_unit_test(
            records_of_several_readers_are_as_long_as_those_whose_place_was_taken),
        cmocka_unit_test(readers_of_records_do_not_push_each_other_out),
        cmocka_unit_test(how_long_a_header_is_says_nothing_of_the_rest),
        cmocka_unit_test(what_was_learned_is_forgotten_as_stray_reads_come),
        cmocka_unit_test(of_stray_reads_nothing_is_expected),
        cmocka_unit_test(random_reads_after_a_stream_are_stray_ones),
        cmocka_unit_test(
            stray_reads_do_not_push_a_stream_out_where_it_is_expected_to_end),
        cmocka_unit_test(eight_readers_keep_their_streams),
        cmocka_unit_test(stray_reads_do_not_push_a_stream_out),
        cmocka_unit_test(a_stream_that_nobody_reads_any_more_gives_its_place_up),
        cmocka_unit_test(offsets_at_the_end_of_the_number_range_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
