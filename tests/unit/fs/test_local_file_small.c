// SPDX-License-Identifier: Apache-2.0
// A small file is in memory and in its row; its staging file comes when it grows.
#include "local_file_bench.h"

#include <sys/resource.h>

static bool is_on_the_disk(uint32_t number)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/staging/%016x.%u.data", bench.dir, ID, number);
    return access(path, R_OK) == 0;
}

static struct bytes seen;

TEST(test_a_small_file_is_in_its_row_alone)
{
    seen = filled('s', JOURNAL_SMALL_BYTES);
    make_file(NULL);
    write_at(0, seen.bytes, seen.size);
    assert_false(is_on_the_disk(1));
    seal();
    assert_false(is_on_the_disk(1));
    assert_seen(&seen);
}

TEST(test_the_end_of_the_process_leaves_a_plain_file)
{
    seen = filled('s', 1000);
    make_file(NULL);
    write_at(0, seen.bytes, seen.size);
    seal();
    assert_true(restart());
    assert_true(is_on_the_disk(1));
    assert_seen(&seen);
}

TEST(test_a_file_that_grows_gets_its_staging_file)
{
    seen = filled('s', JOURNAL_SMALL_BYTES + 1);
    make_file(NULL);
    write_at(0, seen.bytes, JOURNAL_SMALL_BYTES);
    seal();
    write_at(JOURNAL_SMALL_BYTES, seen.bytes, 1);
    assert_true(is_on_the_disk(1));
    assert_seen(&seen);
    seal();
    assert_true(restart());
    assert_seen(&seen);
}

TEST(test_so_does_one_of_too_many_pieces)
{
    seen = filled(0, 4000);
    make_file(NULL);
    for (size_t i = 0; i < seen.size; i += 4) {
        assert_int_equal(is_on_the_disk(1), i > 4 * JOURNAL_SMALL_RANGES);
        write_at(i, "x", 1);
        seen.bytes[i] = 'x';
    }
    seen.size = seen.size - 3;
    assert_seen(&seen);
    seal();
    assert_true(restart());
    assert_seen(&seen);
}

TEST(test_so_does_what_is_on_its_way_when_it_returns_below_a_large_change)
{
    static struct bytes large;
    large = filled('l', 30000);
    make_file(NULL);
    write_at(0, "small", 5);
    seal();
    assert_true(local_file_freeze(bench.file, info_of().generation));
    write_at(10, large.bytes, 20000);
    assert_true(is_on_the_disk(2));
    assert_false(is_on_the_disk(1));
    seal();
    thaw();
    assert_true(is_on_the_disk(1));
    seen = filled(0, 20010);
    memcpy(seen.bytes, "small", 5);
    memset(seen.bytes + 10, 'l', 20000);
    assert_seen(&seen);
    assert_true(restart());
    assert_seen(&seen);
}

TEST(test_zeros_far_out_are_on_the_disk)
{
    struct why why = {""};
    make_file(NULL);
    assert_ok(local_file_allocate(bench.file, 0, 100000, true, false, &why));
    assert_true(is_on_the_disk(1));
    assert_int_equal(info_of().size, 100000);
}

static enum err write_without_descriptors(uint64_t offset)
{
    struct why why = {""};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit limit = {3, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    enum err err = local_file_write(bench.file, "x", 1, offset, &why);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    return err;
}

TEST(test_a_file_that_cannot_grow_is_as_it_was)
{
    seen = filled('s', 1000);
    make_file(NULL);
    write_at(0, seen.bytes, seen.size);
    seal();
    assert_int_not_equal(write_without_descriptors(50000), ERR_NONE);
    assert_false(info_of().is_dirty);
    assert_false(is_on_the_disk(1));
    assert_seen(&seen);
    write_at(1000, "x", 1);
    seen.bytes[seen.size++] = 'x';
    assert_seen(&seen);
}

TEST(test_only_so_many_files_are_in_memory)
{
    enum { MANY = 5000 };
    struct staging *staging = journal_staging(bench.journal);
    static int fds[MANY];
    static bool in_memory[MANY];
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    unsigned n = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        assert_ok(staging_create_small(staging, ID, i + 1, NULL, &fds[i], &in_memory[i]));
        n += in_memory[i];
        assert_int_equal(is_on_the_disk(i + 1), !in_memory[i]);
    }
    assert_true(n > 1000 && n < MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        if (in_memory[i]) {
            staging_close_small(staging, fds[i]);
        } else {
            close(fds[i]);
        }
    }
    assert_ok(staging_create_small(staging, ID, MANY + 1, NULL, &fds[0], &in_memory[0]));
    assert_true(in_memory[0]);
    staging_close_small(staging, fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_a_small_file_is_in_its_row_alone),
        WITH_FILE(test_the_end_of_the_process_leaves_a_plain_file),
        WITH_FILE(test_a_file_that_grows_gets_its_staging_file),
        WITH_FILE(test_so_does_one_of_too_many_pieces),
        WITH_FILE(test_so_does_what_is_on_its_way_when_it_returns_below_a_large_change),
        WITH_FILE(test_zeros_far_out_are_on_the_disk),
        WITH_FILE(test_a_file_that_cannot_grow_is_as_it_was),
        WITH_FILE(test_only_so_many_files_are_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
