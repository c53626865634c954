// SPDX-License-Identifier: Apache-2.0
// What a reader sees when the server, the network or the data misbehave: the right error
// with a sentence that names the file, or the right bytes; never a hang, never a second
// fetch of what has come.

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/engine_world.h"
#include "xet/xet.h"

#include <string.h>

#define MIB (UINT64_C(1) << 20)

static struct engine_world world;
static struct fake_file *content;
static struct xet_file *file;

static int begin(void **state)
{
    (void)state;
    engine_world_begin(&world, 7, 0);
    content = fake_file_new(21, 12 * MIB, 2, 40, FAKE_PLAIN);
    fake_hub_add(world.hub, content);
    file = engine_world_open(&world, content, true, false);
    return 0;
}

static int end(void **state)
{
    (void)state;
    xet_file_put(world.xet, file);
    engine_world_end(&world);
    return 0;
}

static void assert_says(const struct why *why, const char *what)
{
    if (!strstr(why->text, what)) {
        fail_msg("\"%s\" does not say \"%s\"", why->text, what);
    }
    assert_null(strstr(why->text, "secret"));
}

static void assert_fault_happened(unsigned n)
{
    assert_int_equal(fake_hub_counts(world.hub).faults, n);
}

TEST(test_an_expired_address_is_planned_again_once)
{
    fake_hub_fault(world.hub, FAULT_EXPIRED, 1, 0);
    assert_ok(engine_read_all(&world, file, content, MIB, 100000, NULL));
    assert_fault_happened(1);
    assert_int_equal(fake_hub_counts(world.hub).plans, 2);
}

TEST(test_a_second_expired_address_is_an_error)
{
    struct why why;
    fake_hub_fault(world.hub, FAULT_EXPIRED, 1, 0);
    fake_hub_fault(world.hub, FAULT_EXPIRED, 2, 0);
    assert_err(engine_read_all(&world, file, content, MIB, 1000, &why), ERR_EXPIRED);
    assert_says(&why, "owner/name/0");
    assert_fault_happened(2);
}

TEST(test_an_address_that_expires_further_on_is_planned_again)
{
    fake_hub_fault(world.hub, FAULT_EXPIRED, 1, 0);
    fake_hub_fault(world.hub, FAULT_TRUNCATE, 2, 300000);
    fake_hub_fault(world.hub, FAULT_EXPIRED, 3, 0);
    assert_ok(engine_read_all(&world, file, content, 0, MIB, NULL));
    assert_fault_happened(3);
    assert_int_equal(fake_hub_counts(world.hub).plans, 4);
    assert_int_equal(fake_file_most_fetched(content), 1);
}

TEST(test_a_second_expired_address_at_the_same_place_is_an_error_after_progress_too)
{
    struct why why;
    fake_hub_fault(world.hub, FAULT_TRUNCATE, 1, 300000);
    fake_hub_fault(world.hub, FAULT_EXPIRED, 2, 0);
    fake_hub_fault(world.hub, FAULT_EXPIRED, 3, 0);
    assert_err(engine_read_all(&world, file, content, 0, MIB, &why), ERR_EXPIRED);
    assert_fault_happened(3);
    assert_int_equal(fake_hub_counts(world.hub).plans, 3);
}

TEST(test_a_range_that_ends_early_goes_on_from_the_next_missing_chunk)
{
    fake_hub_fault(world.hub, FAULT_TRUNCATE, 1, 700000);
    assert_ok(engine_read_all(&world, file, content, 0, 2 * MIB, NULL));
    assert_fault_happened(1);
    assert_int_equal(fake_file_most_fetched(content), 1);
}

TEST(test_a_range_that_never_brings_a_chunk_is_given_up)
{
    struct why why;
    for (unsigned i = 1; i < 8; i++) {
        fake_hub_fault(world.hub, FAULT_TRUNCATE, i, 100);
    }
    assert_err(engine_read_all(&world, file, content, 0, 1000, &why), ERR_TRUNCATED);
    assert_int_equal(fake_hub_counts(world.hub).plans, 3);
    assert_says(&why, "owner/name/0");
}

TEST(test_progress_makes_up_for_ranges_that_brought_no_chunk)
{
    for (unsigned i = 1; i <= 5; i++) {
        fake_hub_fault(world.hub, FAULT_TRUNCATE, i, i == 3 ? 300000 : 100);
    }
    assert_ok(engine_read_all(&world, file, content, 0, MIB, NULL));
    assert_fault_happened(5);
    assert_int_equal(fake_hub_counts(world.hub).plans, 6);
}

TEST(test_an_unknown_compression_is_one_clear_sentence)
{
    struct why why;
    fake_hub_fault(world.hub, FAULT_FLIP, 1, 4);
    assert_err(engine_read_all(&world, file, content, 0, 1000, &why), ERR_UNSUPPORTED);
    assert_says(&why, "owner/name/0: xorb ");
    assert_says(&why, "chunk 0: it is compressed with scheme 25");
    assert_fault_happened(1);
}

TEST(test_damaged_packed_bytes_are_an_error_and_are_not_stored)
{
    struct why why;
    // Chunk 2 is a BG4-LZ4 record; behind its header comes the frame's magic.
    uint64_t offset = fake_file_chunk_start(content, 2);
    fake_hub_fault(world.hub, FAULT_FLIP, 1, 8);
    assert_err(engine_read_all(&world, file, content, offset, 1000, &why), ERR_MALFORMED);
    assert_says(&why, "not one LZ4 frame");
    struct xet_file_info info;
    xet_file_info(file, &info);
    assert_int_equal(info.cached_bytes, 0);
    assert_int_equal(info.last_error, ERR_MALFORMED);
}

TEST(test_a_failed_range_answers_the_same_for_five_seconds_without_a_request)
{
    struct why first;
    struct why second;
    fake_hub_fault(world.hub, FAULT_PLAN_FAILS, 1, ERR_ACCESS);
    assert_err(engine_read_all(&world, file, content, 0, 131072, &first), ERR_ACCESS);
    assert_err(engine_read_all(&world, file, content, 4096, 4096, &second), ERR_ACCESS);
    assert_string_equal(first.text, second.text);
    assert_int_equal(fake_hub_counts(world.hub).plans, 1);
    assert_ok(engine_read_all(&world, file, content, 5 * MIB, 4096, NULL));
}

TEST(test_a_plan_that_does_not_cover_the_range_is_refused)
{
    struct why why;
    fake_hub_fault(world.hub, FAULT_PLAN_SHORT, 1, 0);
    // More than one xorb, so that there is a term to lack.
    assert_err(engine_read_all(&world, file, content, 0, 6 * MIB, &why), ERR_BAD_ANSWER);
    assert_says(&why, "does not cover");
    assert_int_equal(fake_hub_counts(world.hub).ranges, 0);
}

TEST(test_a_plan_that_begins_some_chunks_early_is_used_as_it_is)
{
    fake_hub_fault(world.hub, FAULT_PLAN_EARLY, 1, 5);
    uint64_t offset = fake_file_chunk_start(content, 20) + 77;
    assert_ok(engine_read_all(&world, file, content, offset, 1000, NULL));
    assert_fault_happened(1);
    // What came before is known too, once it is unpacked: nobody was said to bring it.
    engine_world_settle(&world);
    assert_ok(engine_read_all(&world, file, content, fake_file_chunk_start(content, 15),
                              1000, NULL));
    assert_int_equal(fake_hub_counts(world.hub).plans, 1);
}

TEST(test_a_plan_whose_lengths_are_not_those_of_the_chunks_is_refused)
{
    struct why why;
    fake_hub_fault(world.hub, FAULT_PLAN_LIES, 1, 1);
    assert_err(engine_read_all(&world, file, content, 0, 1000, &why), ERR_DAMAGED);
    assert_says(&why, "and the plan says");
}

TEST(test_a_plan_with_a_term_in_no_range_is_refused)
{
    struct why why;
    fake_hub_fault(world.hub, FAULT_PLAN_ALIEN, 1, 0);
    assert_err(engine_read_all(&world, file, content, 0, 1000, &why), ERR_BAD_ANSWER);
    assert_says(&why, "no range that holds");
}

TEST(test_a_read_ends_at_its_deadline_although_the_server_is_silent)
{
    struct engine_read read;
    fake_hub_fault(world.hub, FAULT_HANG, 1, 0);
    engine_read_init(&read, &world, file, 0, 4096);
    int64_t began_ms = clock_now_ms();
    read.deadline_ms = began_ms + 1000;
    assert_false(engine_read_begin(&read));
    engine_read_finish(&read);
    assert_err(read.err, ERR_TIMEOUT);
    assert_true(clock_now_ms() - began_ms >= 1000);
    assert_true(clock_now_ms() - began_ms < 20000);
    assert_int_equal(read.called, 1);
    assert_fault_happened(1);
    engine_read_release(&read);
}

TEST(test_an_abandoned_read_ends_once_and_its_bytes_still_arrive)
{
    struct engine_read read;
    fake_hub_hold(world.hub, true);
    engine_read_init(&read, &world, file, 0, 4096);
    assert_false(engine_read_begin(&read));
    xet_file_abandon(file, read.wait);
    engine_read_finish(&read);
    assert_err(read.err, ERR_INTERRUPTED);
    xet_file_abandon(file, read.wait);
    fake_hub_hold(world.hub, false);
    engine_world_settle(&world);
    assert_int_equal(read.called, 1);
    assert_ok(engine_read_all(&world, file, content, 0, 4096, NULL));
    assert_int_equal(fake_hub_counts(world.hub).plans, 1);
    engine_read_release(&read);
}

TEST(test_parked_reads_end_when_the_engine_stops)
{
    struct engine_read reads[10];
    fake_hub_hold(world.hub, true);
    for (size_t i = 0; i < 10; i++) {
        engine_read_init(&reads[i], &world, file, i * MIB, 4096);
        assert_false(engine_read_begin(&reads[i]));
    }
    xet_file_put(world.xet, file);
    engine_world_end(&world);
    for (size_t i = 0; i < 10; i++) {
        engine_read_finish(&reads[i]);
        assert_err(reads[i].err, ERR_CANCELLED);
        assert_int_equal(reads[i].called, 1);
        engine_read_release(&reads[i]);
    }
    begin(NULL);
}

static enum verified_state await_verdict(struct xet_file *of)
{
    struct xet_file_info info = {0};
    for (int i = 0; i < 10000 && info.verified == VERIFIED_UNKNOWN; i++) {
        struct timespec pause = {0, 1000000};
        (void)nanosleep(&pause, NULL);
        xet_file_info(of, &info);
    }
    return info.verified;
}

TEST(test_a_whole_file_with_the_wrong_hash_is_an_error_from_then_on)
{
    struct why why = {{0}};
    fake_hub_fault(world.hub, FAULT_FLIP, 1,
                   5000); // in a plain chunk: decodes to other bytes
    struct fake_file *small = fake_file_new(33, 100000, 0, 40, FAKE_PLAIN);
    fake_hub_add(world.hub, small);
    struct xet_file *opened = engine_world_open(&world, small, true, false);
    struct engine_read read;
    engine_read_init(&read, &world, opened, 0, 100000);
    assert_false(engine_read_begin(&read));
    engine_read_finish(&read);
    assert_true(read.err == ERR_NONE ||
                read.err == ERR_DAMAGED); // which comes first is open
    assert_int_equal(await_verdict(opened), VERIFIED_BAD);
    assert_err(engine_read_all(&world, opened, small, 0, 10, &why), ERR_DAMAGED);
    assert_says(&why, "hash that the Hub lists");
    engine_read_release(&read);
    xet_file_put(world.xet, opened);
    engine_world_remount_file(&world, &file, content);
    opened = engine_world_open(&world, small, true, false);
    assert_err(engine_read_all(&world, opened, small, 0, 10, &why), ERR_DAMAGED);
    xet_file_put(world.xet, opened);
}

TEST(test_a_git_blob_that_is_another_object_is_never_shown)
{
    struct why why = {{0}};
    struct fake_file *small = fake_file_new(34, 50000, 1, 40, FAKE_PLAIN);
    fake_hub_add(world.hub, small);
    struct xet_file *blob = engine_world_open(&world, small, false, false);
    fake_hub_fault(world.hub, FAULT_FLIP, 1, 777);
    assert_err(engine_read_all(&world, blob, small, 0, 10, &why), ERR_DAMAGED);
    assert_says(&why, "another git object id");
    struct xet_file_info info;
    xet_file_info(blob, &info);
    assert_int_equal(info.cached_bytes, 0);
    xet_file_put(world.xet, blob);
}

TEST(test_an_lfs_file_that_ends_early_goes_on_where_it_ended)
{
    struct xet_file *lfs = engine_world_open(&world, content, false, true);
    fake_hub_fault(world.hub, FAULT_TRUNCATE, 1, 300000);
    assert_ok(engine_read_all(&world, lfs, content, 0, MIB, NULL));
    assert_fault_happened(1);
    assert_true(fake_hub_counts(world.hub).bytes < MIB + 65536);
    xet_file_put(world.xet, lfs);
}

TEST(test_a_small_block_pool_only_makes_it_slower)
{
    xet_file_put(world.xet, file);
    engine_world_end(&world);
    engine_world_begin(&world, 11, 1);
    content = fake_file_new(22, 30 * MIB, 0, 40, FAKE_REPETITIVE);
    fake_hub_add(world.hub, content);
    file = engine_world_open(&world, content, true, false);
    assert_ok(engine_read_all(&world, file, content, 0, 30 * MIB, NULL));
}

#define TEST_IN_WORLD(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_WORLD(test_an_expired_address_is_planned_again_once),
        TEST_IN_WORLD(test_a_second_expired_address_is_an_error),
        TEST_IN_WORLD(test_an_address_that_expires_further_on_is_planned_again),
        TEST_IN_WORLD(
            test_a_second_expired_address_at_the_same_place_is_an_error_after_progress_too),
        TEST_IN_WORLD(test_a_range_that_ends_early_goes_on_from_the_next_missing_chunk),
        TEST_IN_WORLD(test_a_range_that_never_brings_a_chunk_is_given_up),
        TEST_IN_WORLD(test_progress_makes_up_for_ranges_that_brought_no_chunk),
        TEST_IN_WORLD(test_an_unknown_compression_is_one_clear_sentence),
        TEST_IN_WORLD(test_damaged_packed_bytes_are_an_error_and_are_not_stored),
        TEST_IN_WORLD(
            test_a_failed_range_answers_the_same_for_five_seconds_without_a_request),
        TEST_IN_WORLD(test_a_plan_that_does_not_cover_the_range_is_refused),
        TEST_IN_WORLD(test_a_plan_that_begins_some_chunks_early_is_used_as_it_is),
        TEST_IN_WORLD(test_a_plan_whose_lengths_are_not_those_of_the_chunks_is_refused),
        TEST_IN_WORLD(test_a_plan_with_a_term_in_no_range_is_refused),
        TEST_IN_WORLD(test_a_read_ends_at_its_deadline_although_the_server_is_silent),
        TEST_IN_WORLD(test_an_abandoned_read_ends_once_and_its_bytes_still_arrive),
        TEST_IN_WORLD(test_parked_reads_end_when_the_engine_stops),
        TEST_IN_WORLD(test_a_whole_file_with_the_wrong_hash_is_an_error_from_then_on),
        TEST_IN_WORLD(test_a_git_blob_that_is_another_object_is_never_shown),
        TEST_IN_WORLD(test_an_lfs_file_that_ends_early_goes_on_where_it_ended),
        TEST_IN_WORLD(test_a_small_block_pool_only_makes_it_slower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
