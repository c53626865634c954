// SPDX-License-Identifier: Apache-2.0
// Damage on disk is a miss, never wrong data, never the end of the store.
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <sqlite3.h>

enum { CHUNK_MAX = 3000, OBJECTS = 40, PER_OBJECT = 15 };

static void fill(const char *dir)
{
    struct chunk_store *store = open_store(dir, 512 * MIB_BYTES);
    for (uint64_t object = 0; object < OBJECTS; object++) {
        assert_int_equal(put_chunks(store, object, 0, PER_OBJECT, CHUNK_MAX), ERR_NONE);
    }
    chunk_store_close(store);
}

static uint32_t count_all(struct chunk_store *store)
{
    uint32_t there = 0;
    for (uint64_t object = 0; object < OBJECTS; object++) {
        there += count_right_chunks(store, object, 0, PER_OBJECT, CHUNK_MAX);
    }
    return there;
}

static void put_missing(struct chunk_store *store)
{
    for (uint64_t object = 0; object < OBJECTS; object++) {
        assert_int_equal(put_chunks(store, object, 0, PER_OBJECT, CHUNK_MAX), ERR_NONE);
    }
}

static const char *path_in(const char *dir, const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void flip(const char *path, uint64_t seed, int flips)
{
    struct stat status;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    for (int i = 0; i < flips; i++) {
        uint64_t at = mix(seed * 1000 + (uint64_t)i) % (uint64_t)status.st_size;
        uint8_t byte = 0;
        assert_int_equal(file_pread(fd, &byte, 1, at), ERR_NONE);
        byte ^= (uint8_t)(1u << (mix(seed + (uint64_t)i) % 8));
        assert_int_equal(file_pwrite(fd, &byte, 1, at), ERR_NONE);
    }
    close(fd);
}

static void flipped_bytes_in_a_segment_cost_their_chunks_only(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 20; round++) {
        struct scratch scratch = scratch_make();
        fill(scratch.dir);
        flip(newest_segment_path(scratch.dir), round, 5);
        struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
        uint32_t there = count_all(store);
        assert_true(there >= OBJECTS * PER_OBJECT - 5 * PER_OBJECT);
        assert_int_equal(count_all(store), there);
        put_missing(store);
        assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
        sleep_ms(round == 0 ? 200 : 0);
        chunk_store_close(store);
        store = open_store(scratch.dir, 512 * MIB_BYTES);
        assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
        struct chunk_store_stats stats;
        chunk_store_stats(store, &stats);
        assert_int_equal(stats.damaged_chunks, 0);
        chunk_store_close(store);
        scratch_remove(&scratch);
    }
}

static void a_damaged_chunk_is_fetched_again_at_once(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill(scratch.dir);
    // The first record's data begins after header, fixed part and table.
    int fd = open(newest_segment_path(scratch.dir), O_RDWR | O_CLOEXEC);
    uint64_t data = 4096 + 64 + PER_OBJECT * 40;
    assert_int_equal(file_pwrite(fd, "damage!", 7, data), ERR_NONE);
    close(fd);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_true(count_all(store) < OBJECTS * PER_OBJECT);
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    assert_true(stats.damaged_chunks > 0);
    put_missing(store);
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
    chunk_store_close(store);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

// Objects 0 and on, each by a store of its own, so that their records lie in this order.
static void fill_in_order(const char *dir, uint64_t objects)
{
    for (uint64_t object = 0; object < objects; object++) {
        struct chunk_store *store = open_store(dir, 512 * MIB_BYTES);
        assert_int_equal(put_chunks(store, object, 0, PER_OBJECT, CHUNK_MAX), ERR_NONE);
        chunk_store_close(store);
    }
}

// Where the data of a chunk of object 0 begins, after header, fixed part and table.
static uint64_t place_of_chunk(uint32_t chunk)
{
    uint64_t place = 4096 + 64 + PER_OBJECT * 40;
    for (uint32_t i = 0; i < chunk; i++) {
        place += chunk_length(0, i, CHUNK_MAX);
    }
    return place;
}

static void damage(const char *dir, uint64_t place)
{
    AUTO_CLOSE int fd = open(newest_segment_path(dir), O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;
    assert_int_equal(file_pread(fd, &byte, 1, place), ERR_NONE);
    byte ^= 1;
    assert_int_equal(file_pwrite(fd, &byte, 1, place), ERR_NONE);
}

// Nothing is committed until the descriptor is closed.
static int hold_index(const char *dir)
{
    int lock = open(path_in(dir, "index.lock"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    return lock;
}

// A put may come before the index knows of the damage that caused it. What it brings of
// chunks that are here is left alone, so damage in those is found by who reads them now.
static void damage_beside_a_chunk_that_was_put_again_is_found_too(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill_in_order(scratch.dir, 1);
    damage(scratch.dir, place_of_chunk(3));
    damage(scratch.dir, place_of_chunk(7));
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    int lock = hold_index(scratch.dir);
    struct object_id object = object_number(0);
    assert_int_equal(count_right_chunks(store, 0, 3, 1, CHUNK_MAX), 0);
    assert_int_equal(chunk_store_gap_end(store, &object, 3, PER_OBJECT), 4);
    assert_int_equal(put_chunks(store, 0, 0, PER_OBJECT, CHUNK_MAX), ERR_NONE);
    assert_int_equal(count_right_chunks(store, 0, 0, PER_OBJECT, CHUNK_MAX),
                     PER_OBJECT - 1);
    assert_int_equal(put_chunks(store, 0, 0, PER_OBJECT, CHUNK_MAX), ERR_NONE);
    close(lock);
    chunk_store_close(store);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_right_chunks(store, 0, 0, PER_OBJECT, CHUNK_MAX), PER_OBJECT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

// A segment whose last record nobody recognises any more is filled from there on.
static void what_takes_the_place_of_a_damaged_record_is_kept(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill_in_order(scratch.dir, 2);
    uint64_t end_of_first = (place_of_chunk(PER_OBJECT) + 63) / 64 * 64;
    damage(scratch.dir, end_of_first + 20);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(put_chunks(store, 1000, 0, 10, CHUNK_MAX), ERR_NONE);
    struct chunk_store_stats stats = {.volatile_bytes = 1};
    while (stats.volatile_bytes > 0) {
        sleep_ms(1);
        chunk_store_stats(store, &stats);
    }
    int lock = hold_index(scratch.dir);
    assert_int_equal(count_right_chunks(store, 1, 0, PER_OBJECT, CHUNK_MAX), 0);
    assert_int_equal(count_right_chunks(store, 1000, 0, 10, CHUNK_MAX), 10);
    close(lock);
    chunk_store_close(store);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_right_chunks(store, 1000, 0, 10, CHUNK_MAX), 10);
    assert_int_equal(count_right_chunks(store, 0, 0, PER_OBJECT, CHUNK_MAX), PER_OBJECT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_truncated_segment_costs_what_was_cut(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill(scratch.dir);
    assert_int_equal(truncate(newest_segment_path(scratch.dir), 300000), 0);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    uint32_t there = count_all(store);
    assert_true(there > 0 && there < OBJECTS * PER_OBJECT);
    put_missing(store);
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

// The segment is gone; `target`: a symbolic link is in its place, NULL = nothing.
static void lose_the_segment(const char *target)
{
    struct scratch scratch = scratch_make();
    fill(scratch.dir);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    const char *path = newest_segment_path(scratch.dir);
    assert_int_equal(unlink(path), 0);
    assert_true(!target || symlink(target, path) == 0);
    assert_int_equal(count_all(store), 0);
    put_missing(store);
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
    chunk_store_close(store);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_deleted_segment_is_a_miss(void **state)
{
    (void)state;
    lose_the_segment(NULL);
}

static void a_segment_that_cannot_be_opened_is_a_miss(void **state)
{
    (void)state;
    lose_the_segment("elsewhere");
}

// It is here: fetching it would not help.
static void with_too_many_open_files_a_chunk_is_not_missing(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill(scratch.dir);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    struct object_id object = object_number(1);
    uint8_t byte;
    uint32_t n = 0;
    uint64_t bytes = 0;
    struct object_id absent = object_number(OBJECTS);
    chunk_store_extent(store, &absent, 0, 1, &n, &bytes); // opens what the index needs
    struct rlimit usual;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    struct rlimit none = {0, usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum err err = chunk_store_read(store, &object, 0, 0, &byte, 1);
    uint32_t there = chunk_store_count(store, &object, 0, PER_OBJECT);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    assert_int_equal(err, ERR_SYSTEM);
    assert_int_equal(there, PER_OBJECT);
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_damaged_record_is_counted_until_it_is_read(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill_in_order(scratch.dir, 2);
    damage(scratch.dir, 4096 + 8); // the first record's head
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    struct object_id object = object_number(0);
    assert_int_equal(chunk_store_count(store, &object, 0, PER_OBJECT + 1), PER_OBJECT);
    assert_int_equal(count_right_chunks(store, 0, 0, PER_OBJECT, CHUNK_MAX), 0);
    assert_int_equal(chunk_store_count(store, &object, 0, PER_OBJECT), 0);
    assert_int_equal(count_right_chunks(store, 1, 0, PER_OBJECT, CHUNK_MAX), PER_OBJECT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void the_chunks_of_a_deleted_segment_are_not_counted(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill_in_order(scratch.dir, 1);
    assert_int_equal(unlink(newest_segment_path(scratch.dir)), 0);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    struct object_id object = object_number(0);
    assert_int_equal(chunk_store_count(store, &object, 0, PER_OBJECT), 0);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

enum { PUTTERS = 16, PER_PUTTER = 100 };

struct putter {
    struct chunk_store *store;
    uint64_t first;
};

static void *put_objects(void *ctx)
{
    const struct putter *putter = ctx;
    for (uint64_t i = 0; i < PER_PUTTER; i++) {
        assert_int_equal(put_chunks(putter->store, putter->first + i, 0, 1, 100),
                         ERR_NONE);
    }
    return NULL;
}

static void put_with_many_threads(struct chunk_store *store)
{
    pthread_t threads[PUTTERS];
    struct putter putters[PUTTERS];
    for (uint64_t i = 0; i < PUTTERS; i++) {
        putters[i] = (struct putter){store, i * PER_PUTTER};
        assert_int_equal(pthread_create(&threads[i], NULL, put_objects, &putters[i]), 0);
    }
    for (size_t i = 0; i < PUTTERS; i++) {
        pthread_join(threads[i], NULL);
    }
}

// Until the batch that cuts the rows of a lost segment, the index tells of what is gone. What
// is put around that moment is not taken for being there.
static void what_is_put_while_the_index_learns_of_damage_is_kept(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    for (unsigned round = 1; round <= 10; round++) {
        struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
        put_with_many_threads(store);
        chunk_store_close(store);
        store = open_store(scratch.dir, 512 * MIB_BYTES);
        assert_int_equal(unlink(newest_segment_path(scratch.dir)), 0);
        assert_int_equal(count_right_chunks(store, 0, 0, 1, 100), 0);
        put_with_many_threads(store);
        uint32_t there = 0;
        for (uint64_t object = 0; object < PUTTERS * PER_PUTTER; object++) {
            there += count_right_chunks(store, object, 0, 1, 100);
        }
        assert_int_equal(there, PUTTERS * PER_PUTTER);
        chunk_store_close(store);
    }
    scratch_remove(&scratch);
}

static void remove_index(const char *dir)
{
    unlink(path_in(dir, "index.db"));
    unlink(path_in(dir, "index.db-wal"));
    unlink(path_in(dir, "index.db-shm"));
}

static void a_deleted_index_is_rebuilt_from_the_segments(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill(scratch.dir);
    remove_index(scratch.dir);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void an_index_deleted_while_running_is_rebuilt(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill(scratch.dir);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    remove_index(scratch.dir);
    assert_int_equal(put_chunks(store, 1000, 0, 10, CHUNK_MAX), ERR_NONE);
    for (int i = 0; i < 300 && count_all(store) < OBJECTS * PER_OBJECT; i++) {
        sleep_ms(100);
    }
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
    chunk_store_close(store);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void flipped_bytes_in_the_index_never_give_wrong_data(void **state)
{
    (void)state;
    struct digest content = object_number(777).hash;
    struct piece pieces[20];
    for (uint64_t i = 0; i < 20; i++) {
        pieces[i] =
            (struct piece){i * 1000, 1000, object_number(i * 2 + 1), (uint32_t)i, 1};
    }
    for (uint64_t round = 0; round < 60; round++) {
        struct scratch scratch = scratch_make();
        fill(scratch.dir);
        struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
        assert_int_equal(chunk_store_put_pieces(store, &content, 20000, pieces, 20),
                         ERR_NONE);
        chunk_store_close(store);
        flip(path_in(scratch.dir, "index.db"), round, 1 + (int)(round % 40));
        store = open_store(scratch.dir, 512 * MIB_BYTES);
        count_all(store);
        struct piece got[40];
        size_t n = chunk_store_pieces(store, &content, 0, 20000, got, 40);
        for (size_t i = 0; i < n; i++) {
            uint64_t k = got[i].offset / 1000;
            assert_true(k < 20);
            assert_memory_equal(&got[i].object, &pieces[k].object,
                                sizeof(struct object_id));
            assert_int_equal(got[i].first, pieces[k].first);
            assert_int_equal(got[i].length, pieces[k].length);
        }
        // While the index is being rebuilt, what is on disk may be absent for a moment.
        uint32_t there = 0;
        for (int i = 0; i < 3000 && there < OBJECTS * PER_OBJECT; i++) {
            sleep_ms(i > 0 ? 20 : 0);
            put_missing(store);
            there = count_all(store);
        }
        assert_int_equal(there, OBJECTS * PER_OBJECT);
        chunk_store_close(store);
        scratch_remove(&scratch);
    }
}

static void an_index_of_noise_is_rebuilt(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill(scratch.dir);
    char noise[8192];
    memset(noise, 'x', sizeof(noise));
    int fd = open(path_in(scratch.dir, "index.db"), O_RDWR | O_TRUNC | O_CLOEXEC);
    assert_int_equal(file_pwrite(fd, noise, sizeof(noise), 0), ERR_NONE);
    close(fd);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_newer_schema_is_refused_with_a_sentence_and_not_touched(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill(scratch.dir);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path_in(scratch.dir, "index.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=2", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    struct chunk_store_config config = {scratch.dir, 512 * MIB_BYTES, 0};
    struct chunk_store *store = NULL;
    struct why why = {{0}};
    assert_int_equal(chunk_store_open(&config, &why, &store), ERR_NEWER_SCHEMA);
    assert_non_null(strstr(why.text, scratch.dir));
    assert_non_null(strstr(why.text, "newer hugfs"));
    struct stat status;
    assert_int_equal(stat(newest_segment_path(scratch.dir), &status), 0);
    scratch_remove(&scratch);
}

static void verify_finds_damage_that_nobody_read(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    fill(scratch.dir);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    struct chunk_store_check check;
    assert_int_equal(chunk_store_verify(store, &check), ERR_NONE);
    assert_int_equal(check.chunks, OBJECTS * PER_OBJECT);
    assert_int_equal(check.damaged, 0);
    int fd = open(newest_segment_path(scratch.dir), O_RDWR | O_CLOEXEC);
    assert_int_equal(file_pwrite(fd, "damage!", 7, 4096 + 64 + PER_OBJECT * 40),
                     ERR_NONE);
    close(fd);
    assert_int_equal(chunk_store_verify(store, &check), ERR_NONE);
    assert_true(check.damaged >= 1 && check.damaged <= 2);
    assert_int_equal(count_all(store), OBJECTS * PER_OBJECT - check.damaged);
    struct chunk_store_check again;
    assert_int_equal(chunk_store_verify(store, &again), ERR_NONE);
    assert_int_equal(again.damaged, 0);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flipped_bytes_in_a_segment_cost_their_chunks_only),
        cmocka_unit_test(a_damaged_chunk_is_fetched_again_at_once),
        cmocka_unit_test(damage_beside_a_chunk_that_was_put_again_is_found_too),
        cmocka_unit_test(what_takes_the_place_of_a_damaged_record_is_kept),
        cmocka_unit_test(a_truncated_segment_costs_what_was_cut),
        cmocka_unit_test(a_deleted_segment_is_a_miss),
        cmocka_unit_test(a_segment_that_cannot_be_opened_is_a_miss),
        cmocka_unit_test(with_too_many_open_files_a_chunk_is_not_missing),
        cmocka_unit_test(a_damaged_record_is_counted_until_it_is_read),
        cmocka_unit_test(the_chunks_of_a_deleted_segment_are_not_counted),
        cmocka_unit_test(what_is_put_while_the_index_learns_of_damage_is_kept),
        cmocka_unit_test(a_deleted_index_is_rebuilt_from_the_segments),
        cmocka_unit_test(an_index_deleted_while_running_is_rebuilt),
        cmocka_unit_test(flipped_bytes_in_the_index_never_give_wrong_data),
        cmocka_unit_test(an_index_of_noise_is_rebuilt),
        cmocka_unit_test(a_newer_schema_is_refused_with_a_sentence_and_not_touched),
        cmocka_unit_test(verify_finds_damage_that_nobody_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
