// SPDX-License-Identifier: Apache-2.0
// The read path with everything in its place: what is asked of the Hub, and that the bytes
// are right.

#include "tests/unit/xet/engine_fixture.h"
#include "xet/xet.h"

#include <string.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)

TEST(test_an_empty_file_and_a_read_past_the_end_are_answered_at_once)
{
    struct fake_file *empty = add_file(1, 0, FAKE_PLAIN);
    struct fake_file *small = add_file(2, 1000, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, empty, true, false);
    assert_ok(engine_read_all(&world, file, empty, 0, 4096, NULL));
    xet_file_put(world.xet, file);
    file = engine_world_open(&world, small, true, false);
    assert_ok(engine_read_all(&world, file, small, 1000, 4096, NULL));
    assert_ok(engine_read_all(&world, file, small, UINT64_MAX, 4096, NULL));
    assert_int_equal(fake_hub_counts(world.hub).plans, 0);
    xet_file_put(world.xet, file);
}

TEST(test_a_cold_stray_read_is_one_plan_and_one_range_of_one_chunk)
{
    struct fake_file *content = add_file(3, 20 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    uint64_t offset = fake_file_chunk_start(content, 100) + 10;
    assert_ok(engine_read_all(&world, file, content, offset, 4096, NULL));
    struct fake_counts counts = fake_hub_counts(world.hub);
    assert_int_equal(counts.plans, 1);
    assert_int_equal(counts.ranges, 1);
    assert_int_equal(counts.longest, 4096);
    assert_true(counts.bytes <= 256 * KIB);
    assert_ok(engine_read_all(&world, file, content, offset, 4096, NULL));
    assert_int_equal(fake_hub_counts(world.hub).plans, 1);
    xet_file_put(world.xet, file);
}

TEST(test_an_adjacent_read_is_rounded_out_to_256_kib)
{
    struct fake_file *content = add_file(4, 20 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    struct engine_read read;
    engine_read_init(&read, &world, file, 5 * MIB + 100, 4096);
    read.pattern.adjacent = true;
    assert_false(engine_read_begin(&read));
    engine_read_finish(&read);
    assert_ok(read.err);
    assert_memory_equal(read.to, fake_file_bytes(content) + 5 * MIB + 100, 4096);
    assert_int_equal(fake_hub_counts(world.hub).longest, 256 * KIB);
    engine_read_release(&read);
    xet_file_put(world.xet, file);
}

TEST(test_what_is_known_to_follow_a_stray_read_comes_with_it)
{
    struct fake_file *content = add_file(17, 10 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    struct engine_read read;
    engine_read_init(&read, &world, file, 3 * MIB, 524288);
    read.pattern = (struct xet_pattern){.follows = 524288};
    assert_false(engine_read_begin(&read));
    engine_read_finish(&read);
    assert_ok(read.err);
    engine_world_settle(&world);
    struct fake_counts counts = fake_hub_counts(world.hub);
    assert_int_equal(counts.plans, 1);
    assert_int_equal(counts.longest, MIB);
    read.offset += 524288;
    assert_true(engine_read_begin(&read));
    assert_ok(read.err);
    engine_read_release(&read);
    // Not past the end of the file.
    engine_read_init(&read, &world, file, 10 * MIB - 524288 - 4096, 524288);
    read.pattern = (struct xet_pattern){.follows = 524288};
    assert_false(engine_read_begin(&read));
    end_read(&read);
    xet_file_put(world.xet, file);
}

TEST(test_a_whole_file_comes_once_and_is_verified)
{
    struct fake_file *content = add_file(5, 30 * MIB, FAKE_REPETITIVE);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    assert_ok(engine_read_all(&world, file, content, 0, 30 * MIB, NULL));
    struct xet_file_info info;
    for (int i = 0; i < 5000; i++) {
        xet_file_info(file, &info);
        if (info.verified != VERIFIED_UNKNOWN) {
            break;
        }
        struct timespec pause = {0, 1000000};
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(info.verified, VERIFIED_GOOD);
    assert_int_equal(info.cached_bytes, 30 * MIB);
    struct xet_stats stats;
    xet_stats(world.xet, &stats);
    assert_int_equal(stats.parked, 0);
    xet_file_put(world.xet, file);
}

TEST(test_a_remount_asks_for_nothing)
{
    struct fake_file *content = add_file(6, 10 * MIB, FAKE_REPETITIVE);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    assert_ok(engine_read_all(&world, file, content, 0, 10 * MIB, NULL));
    xet_file_put(world.xet, file);
    engine_world_remount(&world);
    struct fake_counts before = fake_hub_counts(world.hub);
    file = engine_world_open(&world, content, true, false);
    assert_ok(engine_read_all(&world, file, content, 0, 10 * MIB, NULL));
    assert_int_equal(fake_hub_counts(world.hub).plans, before.plans);
    assert_int_equal(fake_hub_counts(world.hub).ranges, before.ranges);
    xet_file_put(world.xet, file);
}

TEST(test_a_second_file_fetches_only_the_chunks_that_it_does_not_share)
{
    // The same content under another name would be the same file; a part of it is not, but
    // its xorbs are: the fake server lists the first file's xorbs for the first chunks.
    struct fake_file *content = add_file(7, 10 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    uint64_t middle = fake_file_chunk_start(content, 40);
    assert_ok(engine_read_all(&world, file, content, 0, middle, NULL));
    xet_file_put(world.xet, file);
    // Another size is another object, so it does not know the pieces in memory ...
    struct xet_content other = {
        .has_xet = true,
        .xet_hash = *fake_file_xet_hash(content),
        .size = fake_file_size(content),
    };
    engine_world_remount(&world);
    file = xet_file_get(world.xet, &other);
    assert_ok(engine_read_all(&world, file, content, middle - 10, MIB, NULL));
    assert_int_equal(fake_file_most_fetched(content), 1);
    xet_file_put(world.xet, file);
}

TEST(test_readers_of_one_range_share_one_fetch)
{
    enum { READERS = 200 };
    static struct engine_read reads[READERS];
    struct fake_file *content = add_file(8, 10 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    fake_hub_hold(world.hub, true);
    for (int i = 0; i < READERS; i++) {
        engine_read_init(&reads[i], &world, file, 3 * MIB, 65536);
        assert_false(engine_read_begin(&reads[i]));
    }
    struct xet_stats stats;
    xet_stats(world.xet, &stats);
    assert_int_equal(stats.parked, READERS);
    assert_int_equal(stats.units_queued, 1);
    fake_hub_hold(world.hub, false);
    for (int i = 0; i < READERS; i++) {
        engine_read_finish(&reads[i]);
        assert_ok(reads[i].err);
        assert_int_equal(reads[i].called, 1);
        assert_memory_equal(reads[i].to, fake_file_bytes(content) + 3 * MIB, 65536);
        engine_read_release(&reads[i]);
    }
    assert_int_equal(fake_hub_counts(world.hub).plans, 1);
    assert_int_equal(fake_file_most_fetched(content), 1);
    xet_file_put(world.xet, file);
}

// Reads the whole file in steps as one stream.
static void read_stream(struct xet_file *file, const struct fake_file *content,
                        size_t step)
{
    size_t size = fake_file_size(content);
    for (size_t at = 0; at < size; at += step) {
        struct engine_read read;
        engine_read_init(&read, &world, file, at, step);
        read.pattern = (struct xet_pattern){.stream = at ? 1 : 0, .consumed = at};
        if (!engine_read_begin(&read)) {
            engine_read_finish(&read);
        }
        assert_ok(read.err);
        assert_memory_equal(read.to, fake_file_bytes(content) + at, read.out_len);
        engine_read_release(&read);
    }
}

TEST(test_a_stream_asks_ahead_in_units_and_leaves_little_unread)
{
    struct fake_file *content = add_file(9, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    read_stream(file, content, 131072);
    struct fake_counts counts = fake_hub_counts(world.hub);
    assert_true(counts.plans < 100);
    assert_true(counts.longest >= MIB && counts.longest <= 8 * MIB);
    engine_world_settle(&world);
    struct xet_stats stats;
    xet_stats(world.xet, &stats);
    assert_int_equal(stats.ahead_unused, 0);
    assert_true(stats.bytes_fetched < 64 * MIB + counts.plans * 131072);
    xet_file_put(world.xet, file);
}

TEST(test_reads_of_a_stream_that_overtake_each_other_drop_nothing)
{
    struct fake_file *content = add_file(16, 40 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    // Blocks of 128 KiB in the order 1 0 3 2 5 4 ...
    for (size_t i = 0; i < 40 * MIB / 131072; i++) {
        size_t at = (i ^ 1) * 131072;
        struct engine_read read;
        engine_read_init(&read, &world, file, at, 131072);
        read.pattern = (struct xet_pattern){.stream = 1, .consumed = at};
        if (!engine_read_begin(&read)) {
            engine_read_finish(&read);
        }
        assert_ok(read.err);
        assert_memory_equal(read.to, fake_file_bytes(content) + at, 131072);
        engine_read_release(&read);
    }
    assert_int_equal(fake_hub_counts(world.hub).cancels, 0);
    xet_file_put(world.xet, file);
}

TEST(test_a_reader_that_overtakes_the_window_promotes_what_is_on_its_way)
{
    struct fake_file *content = add_file(10, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    struct engine_read read;
    engine_read_init(&read, &world, file, 0, 131072);
    read.pattern = (struct xet_pattern){.stream = 1, .consumed = 0};
    assert_false(engine_read_begin(&read));
    engine_read_finish(&read);
    engine_world_settle(&world);
    fake_hub_hold(world.hub, true);
    // Half of the window has been read: the rest of it and more is asked for at AHEAD.
    read.offset = 2 * MIB;
    read.pattern.consumed = 2 * MIB;
    assert_false(engine_read_begin(&read));
    struct engine_read next;
    engine_read_init(&next, &world, file, 3 * MIB, 131072);
    next.pattern = (struct xet_pattern){.stream = 1, .consumed = 3 * MIB};
    assert_false(engine_read_begin(&next));
    assert_true(fake_hub_counts(world.hub).promotions > 0);
    fake_hub_hold(world.hub, false);
    end_read(&read);
    end_read(&next);
    xet_file_put(world.xet, file);
}

TEST(test_a_stream_that_goes_elsewhere_drops_what_has_not_begun_to_come)
{
    struct fake_file *content = add_file(11, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    fake_hub_hold(world.hub, true);
    struct engine_read first;
    struct engine_read second;
    engine_read_init(&first, &world, file, 0, 131072);
    first.pattern = (struct xet_pattern){.stream = 1, .consumed = 8 * MIB};
    assert_false(engine_read_begin(&first));
    engine_read_init(&second, &world, file, 40 * MIB, 131072);
    second.pattern = (struct xet_pattern){.stream = 1, .consumed = 262144};
    assert_false(engine_read_begin(&second));
    assert_true(fake_hub_counts(world.hub).cancels > 0);
    fake_hub_hold(world.hub, false);
    end_read(&first);
    end_read(&second);
    xet_file_put(world.xet, file);
}

TEST(test_an_lfs_file_comes_in_aligned_mebibytes_and_is_verified)
{
    struct fake_file *content = add_file(13, 5 * MIB + 12345, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, false, true);
    assert_ok(engine_read_all(&world, file, content, 3 * MIB + 5, 4096, NULL));
    engine_world_settle(&world);
    assert_int_equal(fake_hub_counts(world.hub).bytes, MIB);
    assert_ok(engine_read_all(&world, file, content, 0, 6 * MIB, NULL));
    engine_world_settle(&world);
    assert_int_equal(fake_hub_counts(world.hub).bytes, 5 * MIB + 12345);
    struct xet_file_info info = engine_world_await_verified(file);
    assert_int_equal(info.verified, VERIFIED_GOOD);
    xet_file_put(world.xet, file);
    engine_world_remount(&world);
    file = engine_world_open(&world, content, false, true);
    struct fake_counts before = fake_hub_counts(world.hub);
    assert_ok(engine_read_all(&world, file, content, 0, 6 * MIB, NULL));
    assert_int_equal(fake_hub_counts(world.hub).ranges, before.ranges);
    xet_file_put(world.xet, file);
}

TEST(test_a_git_blob_comes_whole_with_its_first_byte)
{
    struct fake_file *content = add_file(14, 2 * MIB + 77, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, false, false);
    assert_ok(engine_read_all(&world, file, content, 4096, 10, NULL));
    assert_int_equal(fake_hub_counts(world.hub).ranges, 1);
    assert_ok(engine_read_all(&world, file, content, 0, 4 * MIB, NULL));
    assert_int_equal(fake_hub_counts(world.hub).ranges, 1);
    xet_file_put(world.xet, file);
}

TEST(test_the_same_content_is_the_same_file_and_another_size_is_not)
{
    struct fake_file *content = add_file(15, MIB, FAKE_PLAIN);
    struct xet_file *a = engine_world_open(&world, content, true, false);
    struct xet_file *b = engine_world_open(&world, content, true, false);
    assert_ptr_equal(a, b);
    struct xet_content wrong = {
        .has_xet = true,
        .xet_hash = *fake_file_xet_hash(content),
        .size = MIB + 1,
    };
    struct xet_file *c = xet_file_get(world.xet, &wrong);
    assert_ptr_not_equal(a, c);
    xet_file_put(world.xet, a);
    xet_file_put(world.xet, b);
    xet_file_put(world.xet, c);
}

#define TEST_IN_WORLD(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_WORLD(test_an_empty_file_and_a_read_past_the_end_are_answered_at_once),
        TEST_IN_WORLD(test_a_cold_stray_read_is_one_plan_and_one_range_of_one_chunk),
        TEST_IN_WORLD(test_an_adjacent_read_is_rounded_out_to_256_kib),
        TEST_IN_WORLD(test_what_is_known_to_follow_a_stray_read_comes_with_it),
        TEST_IN_WORLD(test_a_whole_file_comes_once_and_is_verified),
        TEST_IN_WORLD(test_a_remount_asks_for_nothing),
        TEST_IN_WORLD(test_a_second_file_fetches_only_the_chunks_that_it_does_not_share),
        TEST_IN_WORLD(test_readers_of_one_range_share_one_fetch),
        TEST_IN_WORLD(test_a_stream_asks_ahead_in_units_and_leaves_little_unread),
        TEST_IN_WORLD(test_reads_of_a_stream_that_overtake_each_other_drop_nothing),
        TEST_IN_WORLD(
            test_a_reader_that_overtakes_the_window_promotes_what_is_on_its_way),
        TEST_IN_WORLD(test_a_stream_that_goes_elsewhere_drops_what_has_not_begun_to_come),
        TEST_IN_WORLD(test_an_lfs_file_comes_in_aligned_mebibytes_and_is_verified),
        TEST_IN_WORLD(test_a_git_blob_comes_whole_with_its_first_byte),
        TEST_IN_WORLD(test_the_same_content_is_the_same_file_and_another_size_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
