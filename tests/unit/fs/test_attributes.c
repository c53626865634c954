// SPDX-License-Identifier: Apache-2.0
#include "fs/attributes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct stat fill(struct tree_node node, uint32_t umask)
{
    struct attributes attributes = {
        .uid = 1000, .gid = 100, .umask = umask, .fallback_s = 77};
    struct stat out;
    attributes_fill(&attributes, &node, 42, &out);
    return out;
}

static void a_file_is_readable_by_all_and_writable_by_none(void **state)
{
    (void)state;
    struct stat stat = fill((struct tree_node){.kind = ENTRY_FILE, .size = 1000}, 0);
    assert_int_equal(stat.st_mode, S_IFREG | 0444);
    assert_int_equal(stat.st_nlink, 1);
    assert_int_equal(stat.st_uid, 1000);
    assert_int_equal(stat.st_gid, 100);
    assert_int_equal(stat.st_ino, 42);
    assert_int_equal(stat.st_size, 1000);
    assert_int_equal(stat.st_blksize, 128 << 10);
}

static void an_executable_file_has_its_bits(void **state)
{
    (void)state;
    struct stat stat =
        fill((struct tree_node){.kind = ENTRY_FILE, .executable = true}, 0);
    assert_int_equal(stat.st_mode, S_IFREG | 0555);
}

static void a_directory_has_two_links(void **state)
{
    (void)state;
    struct stat stat = fill((struct tree_node){.kind = ENTRY_DIRECTORY}, 0);
    assert_int_equal(stat.st_mode, S_IFDIR | 0555);
    assert_int_equal(stat.st_nlink, 2);
}

static void umask_takes_bits_away_but_not_from_symlinks(void **state)
{
    (void)state;
    assert_int_equal(fill((struct tree_node){.kind = ENTRY_FILE}, 0077).st_mode,
                     S_IFREG | 0400);
    assert_int_equal(fill((struct tree_node){.kind = ENTRY_DIRECTORY}, 0007).st_mode,
                     S_IFDIR | 0550);
    assert_int_equal(fill((struct tree_node){.kind = ENTRY_SYMLINK}, 0077).st_mode,
                     S_IFLNK | 0777);
}

static void blocks_are_rounded_up_without_overflow(void **state)
{
    (void)state;
    assert_int_equal(fill((struct tree_node){.size = 0}, 0).st_blocks, 0);
    assert_int_equal(fill((struct tree_node){.size = 1}, 0).st_blocks, 1);
    assert_int_equal(fill((struct tree_node){.size = 512}, 0).st_blocks, 1);
    assert_int_equal(fill((struct tree_node){.size = 513}, 0).st_blocks, 2);
    assert_int_equal(fill((struct tree_node){.size = INT64_MAX}, 0).st_blocks,
                     (INT64_MAX / 512) + 1);
}

static void a_node_without_a_time_has_that_of_the_commit(void **state)
{
    (void)state;
    assert_int_equal(fill((struct tree_node){.mtime_s = -1}, 0).st_mtim.tv_sec, 77);
    assert_int_equal(fill((struct tree_node){.mtime_s = 5}, 0).st_mtim.tv_sec, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_readable_by_all_and_writable_by_none),
        cmocka_unit_test(an_executable_file_has_its_bits),
        cmocka_unit_test(a_directory_has_two_links),
        cmocka_unit_test(umask_takes_bits_away_but_not_from_symlinks),
        cmocka_unit_test(blocks_are_rounded_up_without_overflow),
        cmocka_unit_test(a_node_without_a_time_has_that_of_the_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
