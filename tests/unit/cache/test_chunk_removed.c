// SPDX-License-Identifier: Apache-2.0
// What is filled is removed meanwhile. The folder: a put that still writes ends in no segment of the
// store that is made in its place. A segment: the next one is begun.
#include "store_fixture.h"

#include "cache/store_state.h"

enum { CHUNK_MAX = 3000, N = 8, BEFORE = 1, AFTER = 2, LATE = 3 };

static void await_new_index(const char *dir)
{
    char path[512];
    struct stat status;
    snprintf(path, sizeof(path), "%s/index.db", dir);
    for (int i = 0; i < 1000 && stat(path, &status) != 0; i++) {
        sleep_ms(10); // until the next tick
    }
    assert_int_equal(stat(path, &status), 0);
}

// All that was put is on the disk and, where it has a segment, in the index.
static void settle(struct chunk_store *store)
{
    assert_true(wait_until_settled(store));
    assert_int_equal(chunk_store_flush(store), ERR_NONE);
    assert_int_equal(resident_runs_pending(store->resident), 0);
}

static void assert_no_row(const char *dir, uint64_t segment)
{
    char path[512];
    char query[200];
    sqlite3 *db = NULL;
    int64_t rows = -1;
    snprintf(path, sizeof(path), "%s/index.db", dir);
    snprintf(query, sizeof(query),
             "SELECT (SELECT count(*) FROM segment WHERE id=%llu)"
             " + (SELECT count(*) FROM run WHERE segment=%llu)",
             (unsigned long long)segment, (unsigned long long)segment);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sql_query_i64(db, query, &rows), ERR_NONE);
    assert_int_equal(rows, 0);
    sqlite3_close(db);
}

static void a_put_that_ends_after_its_folder_was_removed_is_lost_alone(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(put_chunks(store, BEFORE, 0, N, CHUNK_MAX), ERR_NONE);
    settle(store);
    char removed[300];
    snprintf(removed, sizeof(removed), "%s.removed", scratch.dir);
    uint64_t old = newest_segment(scratch.dir);
    struct open_segment *segment = NULL;
    uint64_t offset = 0;
    assert_int_equal(appender_reserve(store->normal, 5000, &segment, &offset), ERR_NONE);
    assert_int_equal(segment->id, old);
    // At once: a tick finds all or nothing.
    assert_int_equal(rename(scratch.dir, removed), 0);
    remove_tree(removed);
    await_new_index(scratch.dir);
    assert_int_equal(put_chunks(store, AFTER, 0, N, CHUNK_MAX), ERR_NONE);
    settle(store);
    assert_true(newest_segment(scratch.dir) > old);
    struct run_place place = {
        .object = object_number(LATE), .n = 1, .segment = old, .offset = offset};
    assert_int_equal(resident_runs_add(store->resident, &place), ERR_NONE);
    appender_done(store->normal, segment);
    settle(store);
    assert_false(appender_has_full(store->normal));
    assert_int_equal(count_right_chunks(store, LATE, 0, 1, CHUNK_MAX), 0);
    assert_int_equal(count_right_chunks(store, AFTER, 0, N, CHUNK_MAX), N);
    assert_int_equal(put_chunks(store, LATE, 0, 1, CHUNK_MAX), ERR_NONE);
    chunk_store_close(store);
    assert_no_row(scratch.dir, old);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_right_chunks(store, LATE, 0, 1, CHUNK_MAX), 1);
    assert_int_equal(count_right_chunks(store, AFTER, 0, N, CHUNK_MAX), N);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

// Its file alone: the index is told when somebody reads, and nothing more is put into it.
static void a_segment_whose_file_is_removed_is_filled_no_further(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(put_chunks(store, BEFORE, 0, N, CHUNK_MAX), ERR_NONE);
    settle(store);
    assert_int_equal(unlink(newest_segment_path(scratch.dir)), 0);
    assert_int_equal(count_right_chunks(store, BEFORE, 0, N, CHUNK_MAX), 0);
    for (int round = 0; round < 2; round++) { // the first may be lost with it
        assert_int_equal(put_chunks(store, AFTER, 0, N, CHUNK_MAX), ERR_NONE);
        settle(store);
    }
    assert_int_equal(count_right_chunks(store, AFTER, 0, N, CHUNK_MAX), N);
    chunk_store_close(store);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_right_chunks(store, AFTER, 0, N, CHUNK_MAX), N);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_that_ends_after_its_folder_was_removed_is_lost_alone),
        cmocka_unit_test(a_segment_whose_file_is_removed_is_filled_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
