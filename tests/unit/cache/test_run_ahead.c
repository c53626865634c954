// SPDX-License-Identifier: Apache-2.0
// What a stream reads soon is in memory before; what was read there is checked as anywhere. That a
// run comes from memory shows when its file has other bytes by now.
#include "read_ahead_fixture.h"

enum { CHUNK_MAX = 40000, N = 16, OBJECT = 3 };

static char segment[512];

// One run of object 3, on the disk alone.
static struct chunk_store *stored(const struct scratch *scratch)
{
    struct chunk_store *store = open_store(scratch->dir, 512 * MIB_BYTES);
    assert_int_equal(put_chunks(store, OBJECT, 0, N, CHUNK_MAX), ERR_NONE);
    chunk_store_close(store);
    snprintf(segment, sizeof(segment), "%s", newest_segment_path(scratch->dir));
    if (!leave_page_cache(scratch->dir)) {
        skip(); // nothing is read ahead
    }
    return open_store(scratch->dir, 512 * MIB_BYTES);
}

static uint64_t run_bytes(void)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < N; i++) {
        bytes += chunk_length(OBJECT, i, CHUNK_MAX);
    }
    return bytes;
}

static void read_ahead(struct chunk_store *store)
{
    struct object_id object = object_number(OBJECT);
    chunk_store_read_ahead(store, &object, 0, 0, (size_t)run_bytes());
}

// Waits until the run is in memory; false: it does not come to be there.
static bool comes(struct chunk_store *store)
{
    for (int i = 0; i < 500; i++) {
        if (is_in_memory(store, OBJECT, 0)) {
            return true;
        }
        sleep_ms(10);
    }
    return false;
}

static void change_every_byte(void)
{
    struct stat status;
    int fd = open(segment, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    uint64_t from = SEGMENT_HEADER_BYTES + record_head_bytes(N);
    size_t len = (size_t)((uint64_t)status.st_size - from);
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    assert_int_equal(file_pread(fd, bytes, len, from), ERR_NONE);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0x55;
    }
    assert_int_equal(file_pwrite(fd, bytes, len, from), ERR_NONE);
    free(bytes);
    close(fd);
}

static void what_was_read_ahead_comes_from_memory(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = stored(&scratch);
    read_ahead(store);
    assert_true(comes(store));
    change_every_byte();
    assert_int_equal(count_right_chunks(store, OBJECT, 0, N, CHUNK_MAX), N);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void what_is_damaged_is_not_in_memory_and_dropped(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = stored(&scratch);
    change_every_byte();
    assert_true(leave_page_cache(scratch.dir));
    read_ahead(store);
    struct chunk_store_stats stats = {0};
    for (int i = 0; i < 500 && stats.damaged_chunks == 0; i++) {
        sleep_ms(10);
        chunk_store_stats(store, &stats);
    }
    assert_true(stats.damaged_chunks > 0);
    assert_int_equal(count_right_chunks(store, OBJECT, 0, N, CHUNK_MAX), 0);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void what_is_in_the_page_cache_is_left_there(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(put_chunks(store, OBJECT, 0, N, CHUNK_MAX), ERR_NONE);
    read_ahead(store);
    run_ahead_stop(store->ahead); // it has been done
    assert_false(is_in_memory(store, OBJECT, 0));
    assert_int_equal(count_right_chunks(store, OBJECT, 0, N, CHUNK_MAX), N);
    read_ahead(store); // and now is not done any more
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_cleared_store_forgets_what_was_read_ahead(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = stored(&scratch);
    read_ahead(store);
    assert_true(comes(store));
    run_ahead_clear(store->ahead);
    assert_false(is_in_memory(store, OBJECT, 0));
    assert_int_equal(count_right_chunks(store, OBJECT, 0, N, CHUNK_MAX), N);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void memory_that_nobody_uses_is_given_back(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = stored(&scratch);
    read_ahead(store);
    assert_true(comes(store));
    run_ahead_tidy(store->ahead);
    run_ahead_tidy(store->ahead);
    assert_false(is_in_memory(store, OBJECT, 0));
    chunk_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_ahead_comes_from_memory),
        cmocka_unit_test(what_is_damaged_is_not_in_memory_and_dropped),
        cmocka_unit_test(what_is_in_the_page_cache_is_left_there),
        cmocka_unit_test(a_cleared_store_forgets_what_was_read_ahead),
        cmocka_unit_test(memory_that_nobody_uses_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
