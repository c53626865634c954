// SPDX-License-Identifier: Apache-2.0
// The chunk store as its callers see it: put, read, extent, hashes, across a close.
#include "store_fixture.h"

enum { CHUNK_MAX = 4000 };

static void what_is_put_can_be_read_at_once(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    assert_int_equal(put_chunks(store, 1, 5, 100, CHUNK_MAX), ERR_NONE);
    assert_int_equal(count_right_chunks(store, 1, 0, 120, CHUNK_MAX), 100);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void what_is_put_is_there_after_a_close(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    for (uint64_t object = 0; object < 50; object++) {
        assert_int_equal(put_chunks(store, object, 0, 20, CHUNK_MAX), ERR_NONE);
    }
    chunk_store_close(store);
    store = open_store(scratch.dir, 256 * MIB_BYTES);
    for (uint64_t object = 0; object < 50; object++) {
        assert_int_equal(count_right_chunks(store, object, 0, 21, CHUNK_MAX), 20);
    }
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    assert_int_equal(stats.runs, 50);
    assert_int_equal(stats.segments, 1);
    assert_int_equal(stats.damaged_chunks, 0);
    assert_false(stats.degraded);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_half_filled_segment_is_filled_by_the_next_process(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    for (uint64_t object = 0; object < 5; object++) {
        struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
        assert_int_equal(put_chunks(store, object, 0, 100, CHUNK_MAX), ERR_NONE);
        chunk_store_close(store);
        assert_true(folder_bytes(scratch.dir) < 8 * MIB_BYTES);
    }
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    assert_int_equal(stats.segments, 1);
    for (uint64_t object = 0; object < 5; object++) {
        assert_int_equal(count_right_chunks(store, object, 0, 100, CHUNK_MAX), 100);
    }
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_read_spans_runs_and_begins_anywhere(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    enum { N = 200 };
    for (uint32_t first = 0; first < N; first += 10) {
        assert_int_equal(put_chunks(store, 3, first, 10, CHUNK_MAX), ERR_NONE);
    }
    struct object_id object = object_number(3);
    uint32_t chunks = 0;
    uint64_t bytes = 0;
    chunk_store_extent(store, &object, 0, N + 50, &chunks, &bytes);
    assert_int_equal(chunks, N);
    uint8_t *all = malloc(bytes);
    uint8_t *part = malloc(bytes);
    uint64_t at = 0;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t len = chunk_length(3, i, CHUNK_MAX);
        fill_chunk(3, i, all + at, len);
        at += len;
    }
    assert_int_equal(at, bytes);
    chunk_store_close(store);
    store = open_store(scratch.dir, 256 * MIB_BYTES);
    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t from = mix(i) % bytes;
        uint64_t len = mix(i * 7) % (bytes - from) % 100000 + 1;
        len = from + len > bytes ? bytes - from : len;
        assert_int_equal(chunk_store_read(store, &object, 0, from, part, len), ERR_NONE);
        assert_memory_equal(all + from, part, len);
    }
    assert_int_equal(chunk_store_read(store, &object, 0, bytes - 1, part, 2), ERR_ABSENT);
    assert_int_equal(chunk_store_read(store, &object, N, 0, part, 1), ERR_ABSENT);
    free(all);
    free(part);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void hashes_and_lengths_come_back(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    assert_int_equal(put_chunks(store, 7, 100, 60, CHUNK_MAX), ERR_NONE);
    assert_int_equal(put_chunks(store, 7, 160, 60, CHUNK_MAX), ERR_NONE);
    struct object_id object = object_number(7);
    uint32_t lengths[120];
    struct digest hashes[120];
    assert_int_equal(chunk_store_hashes(store, &object, 100, 120, lengths, hashes),
                     ERR_NONE);
    for (uint32_t i = 0; i < 120; i++) {
        struct digest want = chunk_hash(7, 100 + i);
        assert_int_equal(lengths[i], chunk_length(7, 100 + i, CHUNK_MAX));
        assert_true(digest_equal(&want, &hashes[i]));
    }
    assert_int_equal(chunk_store_hashes(store, &object, 100, 121, lengths, hashes),
                     ERR_ABSENT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_run_that_is_none_is_refused(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct object_id object = object_number(1);
    uint8_t data[16] = {0};
    uint32_t good[2] = {8, 16};
    uint32_t backwards[2] = {16, 8};
    uint32_t empty_chunk[2] = {0, 16};
    assert_int_equal(chunk_store_put(store, &object, 0, 0, good, NULL, data, 0),
                     ERR_MALFORMED);
    assert_int_equal(chunk_store_put(store, &object, 0, 2, good, NULL, data, 15),
                     ERR_MALFORMED);
    assert_int_equal(chunk_store_put(store, &object, 0, 2, backwards, NULL, data, 8),
                     ERR_MALFORMED);
    assert_int_equal(chunk_store_put(store, &object, 0, 2, empty_chunk, NULL, data, 16),
                     ERR_MALFORMED);
    assert_int_equal(chunk_store_put(store, &object, 0xffffffff, 2, good, NULL, data, 16),
                     ERR_MALFORMED);
    assert_int_equal(chunk_store_put(store, &object, 0, 2, good, NULL, data, 16),
                     ERR_NONE);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void what_is_there_is_not_written_twice(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(put_chunks(store, 9, 0, 100, CHUNK_MAX), ERR_NONE);
        sleep_ms(i == 10 ? 200 : 0);
    }
    chunk_store_close(store);
    assert_true(folder_bytes(scratch.dir) < 100 * CHUNK_MAX + 300000);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_can_be_read_at_once),
        cmocka_unit_test(what_is_put_is_there_after_a_close),
        cmocka_unit_test(a_half_filled_segment_is_filled_by_the_next_process),
        cmocka_unit_test(a_read_spans_runs_and_begins_anywhere),
        cmocka_unit_test(hashes_and_lengths_come_back),
        cmocka_unit_test(a_run_that_is_none_is_refused),
        cmocka_unit_test(what_is_there_is_not_written_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
