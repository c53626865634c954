// SPDX-License-Identifier: Apache-2.0
// Many readers with random patterns, several kinds of files, a small block pool and faults
// that heal, against the contents: every byte right, nothing left behind.

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/engine_world.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/xet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

enum { FILES = 4, READERS = 4, READS = 400 };

struct reader {
    struct engine_world *world;
    struct fake_file **contents;
    struct xet_file **files;
    uint64_t random;
    // The first failure, empty when there is none. An assertion on a reader's own thread
    // would end the process without a word.
    char failure[600];
};

// Whether the read ended as it has to.
static bool check_read(struct reader *reader, const struct engine_read *read,
                       const struct fake_file *content)
{
    if (read->err == ERR_INTERRUPTED) {
        return true; // abandoned
    }
    size_t size = fake_file_size(content);
    size_t left = read->offset < size ? size - read->offset : 0;
    size_t expected = read->len < left ? read->len : left;
    const char *what = "other bytes than the file has";
    if (read->err) {
        what = why_text(&read->why, read->err);
    } else if (read->out_len != expected) {
        what = "another length";
    } else if (expected == 0 ||
               memcmp(read->to, fake_file_bytes(content) + read->offset, expected) == 0) {
        return true;
    }
    (void)snprintf(reader->failure, sizeof(reader->failure),
                   "%zu bytes at %" PRIu64 " of %zu, parked %u times: %s (%s)", read->len,
                   read->offset, size, read->parked, what, err_name(read->err));
    return false;
}

// A read like those of real programs: stray, next to the last one, or of a stream.
static bool one_read(struct reader *reader, uint64_t *at, uint64_t *consumed)
{
    uint64_t dice = fake_random(&reader->random);
    size_t which = dice % FILES;
    const struct fake_file *content = reader->contents[which];
    struct engine_read read;
    size_t len = 1 + (dice >> 8) % 300000;
    bool goes_on = (dice >> 40) % 3 != 0;
    *at = goes_on ? *at : fake_random(&reader->random) % (fake_file_size(content) + 1000);
    *consumed = goes_on ? *consumed : 0;
    engine_read_init(&read, reader->world, reader->files[which], *at, len);
    read.pattern = (struct xet_pattern){
        .stream = *consumed > 500000 ? (uint32_t)(1 + dice % 8) : 0,
        .adjacent = goes_on,
        .consumed = *consumed,
        .ends_at = (dice >> 52) % 2 ? *at + (dice >> 53) % 16 * 70000 : 0,
    };
    if (!engine_read_begin(&read)) {
        if ((dice >> 50) % 16 == 0) {
            xet_file_abandon(read.file, read.wait);
        }
        engine_read_finish(&read);
    }
    bool is_right = check_read(reader, &read, content);
    *at += len;
    *consumed += len;
    engine_read_release(&read);
    return is_right;
}

static void *run_reader(void *ctx)
{
    struct reader *reader = ctx;
    uint64_t at = 0;
    uint64_t consumed = 0;
    bool is_right = true;
    for (int i = 0; i < READS && is_right; i++) {
        is_right = one_read(reader, &at, &consumed);
    }
    return NULL;
}

static void run_seed(uint64_t seed, uint64_t store_budget)
{
    struct engine_world world;
    struct fake_file *contents[FILES];
    struct xet_file *files[FILES];
    struct reader readers[READERS];
    pthread_t threads[READERS];
    unsigned failed = 0;
    engine_world_begin_with(&world, seed, seed % 2 ? 8 * 262208 : 0, store_budget);
    fake_hub_set_step(world.hub, 1 + 200000 / (seed % 3 + 1));
    for (size_t i = 0; i < FILES; i++) {
        contents[i] = fake_file_new(seed * 10 + i, (i + 1) * 5 * MIB / 2,
                                    (int)(i + seed) % 4, 20 + (uint32_t)(seed % 5) * 30,
                                    i % 2 ? FAKE_REPETITIVE : FAKE_PLAIN);
        fake_hub_add(world.hub, contents[i]);
        // File 3 is read as LFS; its path "0" is the newest of the hub's list.
        files[i] = engine_world_open(&world, contents[i], i != FILES - 1, true);
    }
    // An address that is refused twice at one place is an error of the read, rightly.
    fake_hub_heal(world.hub);
    unsigned n_faults = 0;
    for (unsigned n = 3; n < 60; n += 7, n_faults++) {
        fake_hub_fault(world.hub, n % 2 ? FAULT_TRUNCATE : FAULT_EXPIRED, n, 200000);
    }
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){&world, contents, files, seed * 100 + i, ""};
        assert_int_equal(pthread_create(&threads[i], NULL, run_reader, &readers[i]), 0);
    }
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (readers[i].failure[0]) {
            print_error("seed %" PRIu64 ", reader %zu: %s\n", seed, i,
                        readers[i].failure);
            failed++;
        }
    }
    engine_world_settle(&world);
    struct xet_stats stats;
    xet_stats(world.xet, &stats);
    unsigned happened = fake_hub_counts(world.hub).faults;
    for (size_t i = 0; i < FILES; i++) {
        xet_file_put(world.xet, files[i]);
    }
    engine_world_end(&world);
    assert_int_equal(failed, 0);
    assert_int_equal(stats.parked, 0);
    assert_int_equal(happened, n_faults);
}

TEST(test_random_readers_always_get_the_right_bytes)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run_seed(seed, 0);
    }
}

TEST(test_a_store_that_keeps_giving_up_what_it_has_is_only_slower)
{
    for (uint64_t seed = 5; seed <= 6; seed++) {
        run_seed(seed, 24 * MIB);
    }
}

TEST(test_a_thousand_parked_reads_are_woken_once_each)
{
    enum { MANY = 1000 };
    static struct engine_read reads[MANY];
    struct engine_world world;
    engine_world_begin(&world, 5, 0);
    struct fake_file *content = fake_file_new(51, 40 * MIB, 2, 100, FAKE_REPETITIVE);
    fake_hub_add(world.hub, content);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    uint64_t random = 3;
    fake_hub_hold(world.hub, true);
    for (size_t i = 0; i < MANY; i++) {
        engine_read_init(&reads[i], &world, file,
                         fake_random(&random) % (40 * MIB - 9000), 9000);
        assert_false(engine_read_begin(&reads[i]));
    }
    struct xet_stats stats;
    xet_stats(world.xet, &stats);
    assert_int_equal(stats.parked, MANY);
    assert_true(fake_hub_counts(world.hub).under_way <= 64);
    fake_hub_hold(world.hub, false);
    for (size_t i = 0; i < MANY; i++) {
        engine_read_finish(&reads[i]);
        assert_ok(reads[i].err);
        assert_int_equal(reads[i].called, 1);
        assert_memory_equal(reads[i].to, fake_file_bytes(content) + reads[i].offset,
                            9000);
        engine_read_release(&reads[i]);
    }
    xet_file_put(world.xet, file);
    engine_world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_readers_always_get_the_right_bytes),
        cmocka_unit_test(test_a_store_that_keeps_giving_up_what_it_has_is_only_slower),
        cmocka_unit_test(test_a_thousand_parked_reads_are_woken_once_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
