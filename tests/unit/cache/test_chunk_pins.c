// SPDX-License-Identifier: Apache-2.0
// Pinned contents survive every eviction, and there is a limit to them. Touched runs survive
// one.
#include "store_fixture.h"

enum { CHUNK_MAX = 131072, PER_PUT = 16 };

static void flood(struct chunk_store *store, uint64_t from, uint64_t to)
{
    for (uint64_t object = from; object < to; object++) {
        assert_int_equal(put_chunks(store, object, 0, PER_PUT, CHUNK_MAX), ERR_NONE);
    }
}

static void a_pinned_blob_survives_eviction_wherever_it_was(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 160 * MIB_BYTES);
    struct object_id before = object_number(2); // even numbers are blobs
    struct object_id later = object_number(4);
    struct why why = {{0}};
    assert_int_equal(put_chunks(store, 2, 0, 40, CHUNK_MAX), ERR_NONE);
    assert_int_equal(chunk_store_pin(store, &before.hash, false, 5 * MIB_BYTES, &why),
                     ERR_NONE);
    assert_int_equal(chunk_store_pin(store, &later.hash, false, 5 * MIB_BYTES, &why),
                     ERR_NONE);
    assert_int_equal(put_chunks(store, 4, 0, 40, CHUNK_MAX), ERR_NONE);
    assert_true(chunk_store_is_pinned(store, &before.hash));
    for (int round = 0; round < 2; round++) {
        flood(store, 1000, 1300);
        assert_int_equal(count_right_chunks(store, 2, 0, 40, CHUNK_MAX), 40);
        assert_int_equal(count_right_chunks(store, 4, 0, 40, CHUNK_MAX), 40);
        struct chunk_store_stats stats;
        chunk_store_stats(store, &stats);
        assert_true(stats.evicted_bytes > 50 * MIB_BYTES);
        assert_true(stats.pinned > 0 && stats.pinned < 40 * MIB_BYTES);
        assert_true(stats.used <= 160 * MIB_BYTES);
        chunk_store_close(store);
        store = open_store(scratch.dir, 160 * MIB_BYTES);
        assert_true(chunk_store_is_pinned(store, &later.hash));
    }
    assert_int_equal(chunk_store_unpin(store, &before.hash), ERR_NONE);
    assert_false(chunk_store_is_pinned(store, &before.hash));
    flood(store, 2000, 2300);
    assert_int_equal(count_right_chunks(store, 2, 0, 40, CHUNK_MAX), 0);
    assert_int_equal(count_right_chunks(store, 4, 0, 40, CHUNK_MAX), 40);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_pinned_file_is_pinned_by_its_pieces(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 160 * MIB_BYTES);
    struct digest content = object_number(500).hash;
    struct piece pieces[2] = {{0, 1000000, object_number(3), 10, 20},
                              {1000000, 1000000, object_number(5), 0, 10}};
    struct why why = {{0}};
    assert_int_equal(put_chunks(store, 3, 0, 60, CHUNK_MAX), ERR_NONE);
    assert_int_equal(chunk_store_put_pieces(store, &content, 2000000, pieces, 1),
                     ERR_NONE);
    assert_int_equal(chunk_store_pin(store, &content, true, 2000000, &why), ERR_NONE);
    assert_int_equal(chunk_store_put_pieces(store, &content, 2000000, pieces + 1, 1),
                     ERR_NONE);
    assert_int_equal(put_chunks(store, 5, 0, 10, CHUNK_MAX), ERR_NONE);
    flood(store, 1000, 1300);
    assert_int_equal(count_right_chunks(store, 3, 10, 20, CHUNK_MAX), 20);
    assert_int_equal(count_right_chunks(store, 5, 0, 10, CHUNK_MAX), 10);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void more_than_eighty_percent_is_refused_with_a_sentence(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 160 * MIB_BYTES);
    struct digest a = object_number(2).hash;
    struct digest b = object_number(4).hash;
    struct why why = {{0}};
    assert_int_equal(chunk_store_pin(store, &a, false, 100 * MIB_BYTES, &why), ERR_NONE);
    assert_int_equal(chunk_store_pin(store, &b, false, 50 * MIB_BYTES, &why),
                     ERR_NO_SPACE);
    assert_non_null(strstr(why.text, "80 %"));
    assert_non_null(strstr(why.text, "cache_size"));
    assert_false(chunk_store_is_pinned(store, &b));
    assert_int_equal(chunk_store_pin(store, &a, false, 100 * MIB_BYTES, &why), ERR_NONE);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void runs_that_are_read_again_are_copied_forward(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 160 * MIB_BYTES);
    flood(store, 0, 10);
    assert_int_equal(chunk_store_trim(store, 160 * MIB_BYTES), ERR_NONE); // seals
    chunk_store_close(store);
    store = open_store(scratch.dir, 160 * MIB_BYTES); // a later process: its hits count
    flood(store, 100, 120);
    for (uint64_t object = 200; object < 420; object++) {
        flood(store, object, object + 1);
        count_right_chunks(store, 3, 0, 8, CHUNK_MAX);
    }
    assert_int_equal(count_right_chunks(store, 3, 0, 8, CHUNK_MAX), 8);
    assert_int_equal(count_right_chunks(store, 5, 0, 8, CHUNK_MAX), 0);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pinned_blob_survives_eviction_wherever_it_was),
        cmocka_unit_test(a_pinned_file_is_pinned_by_its_pieces),
        cmocka_unit_test(more_than_eighty_percent_is_refused_with_a_sentence),
        cmocka_unit_test(runs_that_are_read_again_are_copied_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
