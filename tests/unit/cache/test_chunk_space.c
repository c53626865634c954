// SPDX-License-Identifier: Apache-2.0
// The budget and the device: never exceeded, and a disk that refuses is not the reader's
// problem.
#include "store_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { CHUNK_MAX = 131072, PER_PUT = 16 };

struct watch {
    const char *dir;
    _Atomic bool stop;
    _Atomic uint64_t most;
};

static void *watch_size(void *ctx)
{
    struct watch *watch = ctx;
    while (!watch->stop) {
        uint64_t bytes = folder_bytes(watch->dir);
        watch->most = bytes > watch->most ? bytes : watch->most;
        sleep_ms(1);
    }
    return NULL;
}

static void put_object(struct chunk_store *store, uint64_t object)
{
    assert_int_equal(put_chunks(store, object, 0, PER_PUT, CHUNK_MAX), ERR_NONE);
}

static void the_budget_holds_at_every_moment_and_the_newest_stays(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    uint64_t budget = 100 * MIB_BYTES;
    struct chunk_store *store = open_store(scratch.dir, budget);
    struct watch watch = {.dir = scratch.dir};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch_size, &watch), 0);
    enum { OBJECTS = 250 };
    for (uint64_t object = 0; object < OBJECTS; object++) {
        put_object(store, object);
        assert_int_equal(count_right_chunks(store, object, 0, PER_PUT, CHUNK_MAX),
                         PER_PUT);
    }
    assert_true(wait_until_settled(store));
    watch.stop = true;
    pthread_join(thread, NULL);
    assert_true(watch.most > budget / 2);
    assert_true(watch.most <= budget);
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    assert_true(stats.used <= budget);
    assert_true(stats.evicted_bytes > 100 * MIB_BYTES);
    for (uint64_t object = OBJECTS - 20; object < OBJECTS; object++) {
        assert_int_equal(count_right_chunks(store, object, 0, PER_PUT, CHUNK_MAX),
                         PER_PUT);
    }
    assert_int_equal(count_right_chunks(store, 0, 0, PER_PUT, CHUNK_MAX), 0);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void trim_and_clear_give_space_back(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    for (uint64_t object = 0; object < 100; object++) {
        put_object(store, object);
    }
    assert_int_equal(chunk_store_trim(store, 40 * MIB_BYTES), ERR_NONE);
    assert_true(folder_bytes(scratch.dir) <= 40 * MIB_BYTES);
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    assert_true(stats.used <= 40 * MIB_BYTES);
    assert_int_equal(count_right_chunks(store, 99, 0, PER_PUT, CHUNK_MAX), PER_PUT);
    assert_int_equal(chunk_store_clear(store), ERR_NONE);
    chunk_store_stats(store, &stats);
    assert_int_equal(stats.segments, 0);
    assert_int_equal(stats.runs, 0);
    assert_true(folder_bytes(scratch.dir) < MIB_BYTES);
    assert_int_equal(count_right_chunks(store, 99, 0, PER_PUT, CHUNK_MAX), 0);
    put_object(store, 99);
    assert_int_equal(count_right_chunks(store, 99, 0, PER_PUT, CHUNK_MAX), PER_PUT);
    chunk_store_close(store);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_right_chunks(store, 99, 0, PER_PUT, CHUNK_MAX), PER_PUT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static bool mount_small(struct scratch *scratch, const char *options, unsigned long flags)
{
    return mount("none", scratch->dir, "tmpfs", flags, options) == 0;
}

static void a_full_disk_is_not_the_readers_problem(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    if (!mount_small(&scratch, "size=24m", 0)) {
        scratch_remove(&scratch);
        skip(); // needs root
    }
    struct chunk_store *store = open_store(scratch.dir, 1024 * MIB_BYTES);
    char filler[512];
    snprintf(filler, sizeof(filler), "%s/filler", scratch.dir);
    FILE *file = fopen(filler, "w");
    static char block[65536];
    while (fwrite(block, sizeof(block), 1, file) == 1 && fflush(file) == 0) {
    }
    fclose(file);
    for (uint64_t object = 0; object < 60; object++) { // more than the ring holds
        put_object(store, object);
        assert_int_equal(count_right_chunks(store, object, 0, PER_PUT, CHUNK_MAX),
                         PER_PUT);
    }
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    assert_true(stats.degraded);
    assert_true(stats.volatile_bytes > 0 && stats.volatile_bytes <= 32 * MIB_BYTES);
    assert_int_equal(unlink(filler), 0);
    put_object(store, 1000);
    for (int i = 0; i < 500 && (stats.degraded || stats.segments == 0); i++) {
        sleep_ms(10);
        chunk_store_stats(store, &stats);
    }
    assert_false(stats.degraded);
    assert_true(stats.segments > 0);
    chunk_store_close(store);
    assert_int_equal(umount(scratch.dir), 0);
    scratch_remove(&scratch);
}

static void the_free_floor_is_left_free(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    if (!mount_small(&scratch, "size=96m", 0)) {
        scratch_remove(&scratch);
        skip(); // needs root
    }
    struct chunk_store_config config = {scratch.dir, 1024 * MIB_BYTES, 40 * MIB_BYTES};
    struct chunk_store *store = NULL;
    struct why why;
    assert_int_equal(chunk_store_open(&config, &why, &store), ERR_NONE);
    struct watch watch = {.dir = scratch.dir};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch_size, &watch), 0);
    for (uint64_t object = 0; object < 120; object++) {
        put_object(store, object);
        assert_int_equal(count_right_chunks(store, object, 0, PER_PUT, CHUNK_MAX),
                         PER_PUT);
    }
    watch.stop = true;
    pthread_join(thread, NULL);
    assert_true(watch.most > 16 * MIB_BYTES);
    assert_true(watch.most <= 57 * MIB_BYTES);
    chunk_store_close(store);
    assert_int_equal(umount(scratch.dir), 0);
    scratch_remove(&scratch);
}

static void a_read_only_folder_is_refused_with_a_sentence(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    if (!mount_small(&scratch, "size=200m", 0)) {
        scratch_remove(&scratch);
        skip(); // needs root
    }
    struct chunk_store *store = open_store(scratch.dir, 150 * MIB_BYTES);
    put_object(store, 1);
    assert_true(wait_until_settled(store));
    chunk_store_close(store);
    assert_int_equal(
        mount("none", scratch.dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=200m"), 0);
    struct chunk_store_config config = {scratch.dir, 150 * MIB_BYTES, 0};
    struct why why = {{0}};
    assert_int_equal(chunk_store_open(&config, &why, &store), ERR_READ_ONLY);
    assert_non_null(strstr(why.text, scratch.dir));
    assert_int_equal(umount(scratch.dir), 0);
    scratch_remove(&scratch);
}

static void put_past_the_file_limit(const char *dir)
{
    struct chunk_store *store = open_store(dir, 512 * MIB_BYTES);
    put_object(store, 1);
    assert_true(wait_until_settled(store));
    struct rlimit limit = {4 * MIB_BYTES, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (uint64_t object = 2; object < 60; object++) {
        put_object(store, object);
        assert_int_equal(count_right_chunks(store, object, 0, PER_PUT, CHUNK_MAX),
                         PER_PUT);
    }
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    assert_true(stats.degraded);
    assert_int_equal(count_right_chunks(store, 1, 0, PER_PUT, CHUNK_MAX), PER_PUT);
    limit.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(wait_until_settled(store));
    chunk_store_close(store);
    _exit(0);
}

static void writes_that_fail_keep_runs_in_memory_until_they_succeed_again(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    pid_t child = fork(); // the limit is the whole process's
    assert_true(child >= 0);
    if (child == 0) {
        put_past_the_file_limit(scratch.dir);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    assert_int_equal(count_right_chunks(store, 1, 0, PER_PUT, CHUNK_MAX), PER_PUT);
    assert_int_equal(count_right_chunks(store, 59, 0, PER_PUT, CHUNK_MAX), PER_PUT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void plans_are_pruned_when_they_outgrow_their_share(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    uint64_t budget = 80 * MIB_BYTES;
    struct chunk_store *store = open_store(scratch.dir, budget);
    for (uint64_t i = 0; i < 12000; i++) {
        struct digest content = object_number(i).hash;
        struct piece pieces[15];
        for (uint64_t k = 0; k < 15; k++) {
            pieces[k] = (struct piece){k * 100, 100, object_number(i * 2 + 1),
                                       (uint32_t)k * 2, 1};
        }
        assert_int_equal(chunk_store_put_pieces(store, &content, 1500, pieces, 15),
                         ERR_NONE);
        if (i % 1500 == 1499) { // commits: what waits for it is bounded
            assert_int_equal(chunk_store_trim(store, budget), ERR_NONE);
        }
    }
    uint64_t before = folder_bytes(scratch.dir);
    assert_true(before > 5 * MIB_BYTES);
    for (uint64_t object = 0; object < 200; object++) {
        put_object(store, object);
    }
    assert_true(wait_until_settled(store));
    struct piece got[15];
    struct digest newest = object_number(11999).hash;
    struct digest oldest = object_number(0).hash;
    assert_int_equal(chunk_store_pieces(store, &newest, 0, 1500, got, 15), 15);
    assert_int_equal(chunk_store_pieces(store, &oldest, 0, 1500, got, 15), 0);
    assert_true(folder_bytes(scratch.dir) <= budget);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_folder_deleted_while_running_is_made_again(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    for (uint64_t object = 0; object < 10; object++) {
        put_object(store, object);
    }
    assert_true(wait_until_settled(store));
    remove_tree(scratch.dir);
    for (uint64_t object = 0; object < 40; object++) {
        put_object(store, object);
        count_right_chunks(store, object, 0, PER_PUT, CHUNK_MAX);
        sleep_ms(50);
    }
    for (uint64_t object = 50; object < 60; object++) {
        put_object(store, object);
        assert_int_equal(count_right_chunks(store, object, 0, PER_PUT, CHUNK_MAX),
                         PER_PUT);
    }
    chunk_store_close(store);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    for (uint64_t object = 50; object < 60; object++) {
        assert_int_equal(count_right_chunks(store, object, 0, PER_PUT, CHUNK_MAX),
                         PER_PUT);
    }
    chunk_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_budget_holds_at_every_moment_and_the_newest_stays),
        cmocka_unit_test(trim_and_clear_give_space_back),
        cmocka_unit_test(a_full_disk_is_not_the_readers_problem),
        cmocka_unit_test(the_free_floor_is_left_free),
        cmocka_unit_test(a_read_only_folder_is_refused_with_a_sentence),
        cmocka_unit_test(writes_that_fail_keep_runs_in_memory_until_they_succeed_again),
        cmocka_unit_test(plans_are_pruned_when_they_outgrow_their_share),
        cmocka_unit_test(a_folder_deleted_while_running_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
