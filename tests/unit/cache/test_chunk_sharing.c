// SPDX-License-Identifier: Apache-2.0
// Several processes on one store with a small budget: what one writes the other reads, nobody
// reads wrong bytes, the budget holds for both together.
#include "store_fixture.h"

#include <signal.h>
#include <sys/wait.h>

enum { CHUNK_MAX = 65536, PER_PUT = 16, OBJECTS = 300 };
#define BUDGET (120 * MIB_BYTES)

static void run_child(const char *dir, uint64_t seed)
{
    struct chunk_store *store = open_store(dir, BUDGET);
    for (uint64_t i = 0; i < OBJECTS; i++) {
        uint64_t object = mix(seed * 7 + i) % 200;
        uint32_t there = 0;
        // What was there already may be in the segment that the other one evicts right now.
        for (int tries = 0; tries < 5 && there < PER_PUT; tries++) {
            assert_int_equal(put_chunks(store, object, 0, PER_PUT, CHUNK_MAX), ERR_NONE);
            there = count_right_chunks(store, object, 0, PER_PUT, CHUNK_MAX);
        }
        assert_int_equal(there, PER_PUT);
        count_right_chunks(store, mix(seed + i * 3) % 200, 0, PER_PUT, CHUNK_MAX);
    }
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    assert_int_equal(stats.damaged_chunks, 0);
    chunk_store_close(store);
    _exit(0);
}

static void processes_share_a_store_with_a_small_budget(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    pid_t children[2];
    for (uint64_t i = 0; i < 2; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            run_child(scratch.dir, i + 1);
        }
    }
    size_t alive = 2;
    uint64_t most = 0;
    while (alive > 0) {
        int status = 0;
        pid_t done = waitpid(-1, &status, WNOHANG);
        if (done > 0) {
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
            alive--;
        }
        uint64_t bytes = folder_bytes(scratch.dir);
        most = bytes > most ? bytes : most;
        sleep_ms(1);
    }
    assert_true(most > BUDGET / 3);
    assert_true(most <= BUDGET);
    scratch_remove(&scratch);
}

static void what_one_process_puts_another_reads(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    pid_t child = fork(); // before any thread exists
    assert_true(child >= 0);
    if (child == 0) {
        sleep_ms(300);
        struct chunk_store *theirs = open_store(scratch.dir, BUDGET);
        bool good = put_chunks(theirs, 77, 0, PER_PUT, CHUNK_MAX) == ERR_NONE;
        sleep_ms(60000);
        _exit(good ? 0 : 1);
    }
    struct chunk_store *store = open_store(scratch.dir, BUDGET);
    uint32_t there = 0;
    for (int i = 0; i < 3000 && there < PER_PUT; i++) {
        there = count_right_chunks(store, 77, 0, PER_PUT, CHUNK_MAX);
        sleep_ms(10);
    }
    assert_int_equal(there, PER_PUT); // while the other one lives
    int status = 0;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void the_first_run_of_a_store_is_there_for_others_within_a_batch(void **state)
{
    (void)state;
    uint32_t there = 0;
    for (int round = 0; round < 10 && there < PER_PUT; round++) { // a disk may be busy
        struct scratch scratch = scratch_make();
        struct chunk_store *other = open_store(scratch.dir, BUDGET);
        struct chunk_store *store = open_store(scratch.dir, BUDGET);
        assert_int_equal(put_chunks(store, 77, 0, PER_PUT, CHUNK_MAX), ERR_NONE);
        for (int i = 0; i < 70 && there < PER_PUT; i++) { // a tick is 1,000 ms
            sleep_ms(10);
            there = count_right_chunks(other, 77, 0, PER_PUT, CHUNK_MAX);
        }
        chunk_store_close(store);
        chunk_store_close(other);
        scratch_remove(&scratch);
    }
    assert_int_equal(there, PER_PUT);
}

static void a_segment_of_a_killed_process_is_taken_over(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    pid_t child = fork(); // before any thread exists
    assert_true(child >= 0);
    if (child == 0) {
        sleep_ms(300);
        struct chunk_store *theirs = open_store(scratch.dir, BUDGET);
        (void)!put_chunks(theirs, 77, 0, PER_PUT, CHUNK_MAX);
        sleep_ms(60000);
        _exit(1);
    }
    struct chunk_store *store = open_store(scratch.dir, BUDGET);
    for (int i = 0; i < 3000; i++) {
        if (count_right_chunks(store, 77, 0, PER_PUT, CHUNK_MAX) == PER_PUT) {
            break;
        }
        sleep_ms(10);
    }
    kill(child, SIGKILL);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    for (uint64_t object = 0; object < 10; object++) {
        assert_int_equal(put_chunks(store, object, 0, PER_PUT, CHUNK_MAX), ERR_NONE);
    }
    sleep_ms(300);
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    assert_int_equal(stats.segments, 1); // theirs, which is ours now
    assert_int_equal(count_right_chunks(store, 77, 0, PER_PUT, CHUNK_MAX), PER_PUT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_share_a_store_with_a_small_budget),
        cmocka_unit_test(what_one_process_puts_another_reads),
        cmocka_unit_test(the_first_run_of_a_store_is_there_for_others_within_a_batch),
        cmocka_unit_test(a_segment_of_a_killed_process_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
