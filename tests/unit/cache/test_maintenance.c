// SPDX-License-Identifier: Apache-2.0
// `cache clear` leaves nothing and `cache trim` only what is pinned, whoever wrote it and
// however it came.
#include "store_fixture.h"

enum { CHUNK_MAX = 131072 };

static const uint64_t budget = 160 * MIB_BYTES;

static struct chunk_store_stats stats_of(struct chunk_store *store)
{
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    return stats;
}

// A store that an ended process left: object 3 in a half-full segment, blob 2 in a pinned one.
static struct chunk_store *open_after_another_process(const char *dir)
{
    struct chunk_store *store = open_store(dir, budget);
    struct digest pinned = object_number(2).hash;
    struct why why = {{0}};
    assert_int_equal(chunk_store_pin(store, &pinned, false, 5 * MIB_BYTES, &why),
                     ERR_NONE);
    assert_int_equal(put_chunks(store, 2, 0, 40, CHUNK_MAX), ERR_NONE);
    assert_int_equal(put_chunks(store, 3, 0, 40, CHUNK_MAX), ERR_NONE);
    chunk_store_close(store);
    store = open_store(dir, budget);
    assert_int_equal(stats_of(store).segments, 2);
    return store;
}

static void clearing_takes_what_an_ended_process_left_half_full(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_after_another_process(scratch.dir);
    assert_int_equal(chunk_store_clear(store), ERR_NONE);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(stats_of(store).segments, 0);
        assert_int_equal(stats_of(store).runs, 0);
        assert_int_equal(count_right_chunks(store, 2, 0, 40, CHUNK_MAX), 0);
        assert_int_equal(count_right_chunks(store, 3, 0, 40, CHUNK_MAX), 0);
        chunk_store_close(store);
        assert_true(folder_bytes(scratch.dir) < MIB_BYTES);
        store = open_store(scratch.dir, budget);
    }
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void trimming_to_nothing_takes_what_an_ended_process_left_half_full(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_after_another_process(scratch.dir);
    assert_int_equal(chunk_store_trim(store, 0), ERR_NONE);
    assert_int_equal(stats_of(store).segments, 1);
    assert_int_equal(count_right_chunks(store, 2, 0, 40, CHUNK_MAX), 40);
    assert_int_equal(count_right_chunks(store, 3, 0, 40, CHUNK_MAX), 0);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

// Until 40 chunks that another store was given are in the index.
static void await_chunks(struct chunk_store *store, uint64_t object)
{
    for (int i = 0; i < 3000; i++) {
        if (count_right_chunks(store, object, 0, 40, CHUNK_MAX) == 40) {
            return;
        }
        sleep_ms(10);
    }
    fail_msg("the chunks of the other store do not come");
}

static void clearing_leaves_the_segment_another_process_is_filling(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *filling = open_store(scratch.dir, budget);
    assert_int_equal(put_chunks(filling, 3, 0, 40, CHUNK_MAX), ERR_NONE);
    struct chunk_store *clearing = open_store(scratch.dir, budget);
    await_chunks(clearing, 3);
    assert_int_equal(chunk_store_clear(clearing), ERR_NONE);
    assert_int_equal(put_chunks(filling, 5, 0, 40, CHUNK_MAX), ERR_NONE);
    await_chunks(clearing, 5);
    assert_int_equal(count_right_chunks(filling, 3, 0, 40, CHUNK_MAX), 0);
    assert_int_equal(count_right_chunks(filling, 5, 0, 40, CHUNK_MAX), 40);
    assert_int_equal(count_right_chunks(clearing, 5, 0, 40, CHUNK_MAX), 40);
    chunk_store_close(clearing);
    chunk_store_close(filling);
    scratch_remove(&scratch);
}

// Half of the file's chunks come before anybody knows that they are the pinned file's.
static void put_pinned_file(struct chunk_store *store, const struct digest *content)
{
    struct piece piece = {0, 2000000, object_number(3), 0, 40};
    struct why why = {{0}};
    assert_int_equal(chunk_store_pin(store, content, true, 2000000, &why), ERR_NONE);
    assert_int_equal(put_chunks(store, 5, 0, 40, CHUNK_MAX), ERR_NONE);
    assert_int_equal(put_chunks(store, 3, 0, 20, CHUNK_MAX), ERR_NONE);
    assert_true(wait_until_settled(store)); // in an ordinary segment
    assert_int_equal(chunk_store_put_pieces(store, content, 2000000, &piece, 1),
                     ERR_NONE);
    assert_int_equal(put_chunks(store, 3, 20, 20, CHUNK_MAX), ERR_NONE);
}

static void
a_pinned_file_outlives_trimming_though_its_chunks_came_before_its_pieces(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, budget);
    struct digest content = object_number(500).hash;
    put_pinned_file(store, &content);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(chunk_store_trim(store, 0), ERR_NONE);
        assert_int_equal(count_right_chunks(store, 3, 0, 40, CHUNK_MAX), 40);
        assert_int_equal(count_right_chunks(store, 5, 0, 40, CHUNK_MAX), 0);
        chunk_store_close(store);
        store = open_store(scratch.dir, budget);
    }
    assert_int_equal(chunk_store_clear(store), ERR_NONE);
    assert_int_equal(count_right_chunks(store, 3, 0, 40, CHUNK_MAX), 0);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void pieces_that_wait_for_their_commit_stay_pinned_while_pins_change(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, budget);
    struct digest content = object_number(500).hash;
    struct digest another = object_number(600).hash;
    struct piece piece = {0, 2000000, object_number(3), 0, 40};
    struct why why = {{0}};
    assert_int_equal(chunk_store_pin(store, &content, true, 2000000, &why), ERR_NONE);
    assert_int_equal(chunk_store_pin(store, &another, true, 1, &why), ERR_NONE);
    assert_int_equal(chunk_store_put_pieces(store, &content, 2000000, &piece, 1),
                     ERR_NONE);
    assert_int_equal(chunk_store_unpin(store, &another), ERR_NONE);
    assert_int_equal(put_chunks(store, 3, 0, 40, CHUNK_MAX), ERR_NONE);
    assert_int_equal(chunk_store_trim(store, 0), ERR_NONE);
    assert_int_equal(count_right_chunks(store, 3, 0, 40, CHUNK_MAX), 40);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clearing_takes_what_an_ended_process_left_half_full),
        cmocka_unit_test(trimming_to_nothing_takes_what_an_ended_process_left_half_full),
        cmocka_unit_test(clearing_leaves_the_segment_another_process_is_filling),
        cmocka_unit_test(
            a_pinned_file_outlives_trimming_though_its_chunks_came_before_its_pieces),
        cmocka_unit_test(pieces_that_wait_for_their_commit_stay_pinned_while_pins_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
