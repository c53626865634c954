// SPDX-License-Identifier: Apache-2.0
// kill -9 at any moment leaves a store that has everything that was written, indexed or not.
// Only what was in memory for want of a segment (milliseconds after the first put) may go.
#include "store_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { CHUNK_MAX = 9000, ROUNDS = 15, PUTS = 100, PUT_CHUNKS = 24 };

// What the child reports: how many puts returned and are on disk.
struct progress {
    _Atomic uint64_t puts;
};

static void put_for_ever(const char *dir, uint64_t from, struct progress *progress)
{
    struct chunk_store *store = open_store(dir, 2048 * MIB_BYTES);
    for (uint64_t i = from;; i++) {
        if (put_chunks(store, i / 4, (uint32_t)(i % 4) * PUT_CHUNKS, PUT_CHUNKS,
                       CHUNK_MAX)) {
            _exit(1);
        }
        struct chunk_store_stats stats;
        chunk_store_stats(store, &stats);
        if (stats.volatile_bytes == 0) {
            progress->puts = i + 1;
        }
    }
}

static void a_killed_writer_loses_nothing_that_was_put(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct progress *progress =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(progress, MAP_FAILED);
    for (uint64_t round = 0; round < ROUNDS || progress->puts <= PUTS; round++) {
        uint64_t from = progress->puts;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            put_for_ever(scratch.dir, from, progress);
        }
        sleep_ms(20 + (int64_t)(mix(round) % 150));
        kill(child, SIGKILL);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct chunk_store *store = open_store(scratch.dir, 2048 * MIB_BYTES);
        uint64_t puts = progress->puts;
        uint64_t check =
            puts > 400 ? puts - 400 : 0; // the young ones are what can get lost
        for (uint64_t i = check; i < puts; i++) {
            assert_int_equal(count_right_chunks(store, i / 4,
                                                (uint32_t)(i % 4) * PUT_CHUNKS,
                                                PUT_CHUNKS, CHUNK_MAX),
                             PUT_CHUNKS);
        }
        struct chunk_store_stats stats;
        chunk_store_stats(store, &stats);
        assert_int_equal(stats.damaged_chunks, 0);
        chunk_store_close(store);
    }
    munmap(progress, 4096);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_writer_loses_nothing_that_was_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
