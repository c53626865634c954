// SPDX-License-Identifier: Apache-2.0
// A staging file that is done with gets its next name instead of being deleted.
#include "cache/staging_spares.h"
#include "store_fixture.h"

#include <fcntl.h>

struct folder {
    struct scratch scratch;
    int fd;
    struct staging_spares spares;
};

static struct folder *folder_make(void)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    assert_non_null(folder);
    folder->scratch = scratch_make();
    folder->fd = open(folder->scratch.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder->fd >= 0);
    staging_spares_init(&folder->spares, folder->fd);
    return folder;
}

static void folder_remove(struct folder *folder)
{
    staging_spares_release(&folder->spares);
    close(folder->fd);
    assert_int_equal(rmdir(folder->scratch.dir), 0); // nothing is left
    free(folder);
}

static int put_file(const struct folder *folder, const char *name, size_t len)
{
    int fd = openat(folder->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    uint8_t *bytes = malloc(len);
    assert_true(fd >= 0);
    assert_non_null(bytes);
    memset(bytes, 'x', len);
    assert_int_equal(file_pwrite(fd, bytes, len, 0), ERR_NONE);
    assert_int_equal(fsync(fd), 0); // or it has no blocks yet
    free(bytes);
    return fd;
}

static ino_t inode_of(int fd)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    return status.st_ino;
}

static void what_was_kept_is_taken_empty_under_its_next_name(void **state)
{
    (void)state;
    struct folder *folder = folder_make();
    int fd = put_file(folder, "one", 4000);
    ino_t inode = inode_of(fd);
    close(fd);
    assert_true(staging_spares_keep(&folder->spares, "one"));
    assert_int_equal(faccessat(folder->fd, "one", F_OK, 0), -1);
    fd = staging_spares_take(&folder->spares, "two");
    assert_true(fd >= 0);
    struct stat status;
    assert_int_equal(fstatat(folder->fd, "two", &status, 0), 0);
    assert_int_equal(status.st_ino, inode);
    assert_int_equal(status.st_size, 0);
    close(fd);
    assert_int_equal(staging_spares_take(&folder->spares, "three"), -1);
    assert_int_equal(unlinkat(folder->fd, "two", 0), 0);
    folder_remove(folder);
}

static void one_that_somebody_reads_still_is_not_used_again(void **state)
{
    (void)state;
    struct folder *folder = folder_make();
    int fd = put_file(folder, "one", 4000);
    assert_true(staging_spares_keep(&folder->spares, "one"));
    assert_int_equal(staging_spares_take(&folder->spares, "two"), -1);
    uint8_t byte = 0;
    assert_int_equal(file_pread(fd, &byte, 1, 3999), ERR_NONE);
    assert_int_equal(byte, 'x');
    close(fd);
    folder_remove(folder);
}

static void a_name_that_is_taken_stays_what_it_is(void **state)
{
    (void)state;
    struct folder *folder = folder_make();
    close(put_file(folder, "one", 10));
    close(put_file(folder, "two", 20));
    assert_true(staging_spares_keep(&folder->spares, "one"));
    assert_int_equal(staging_spares_take(&folder->spares, "two"), -1);
    struct stat status;
    assert_int_equal(fstatat(folder->fd, "two", &status, 0), 0);
    assert_int_equal(status.st_size, 20);
    assert_int_equal(unlinkat(folder->fd, "two", 0), 0);
    folder_remove(folder);
}

static void large_ones_and_too_many_are_left_alone(void **state)
{
    (void)state;
    struct folder *folder = folder_make();
    close(put_file(folder, "large", 64 * 1024));
    assert_false(staging_spares_keep(&folder->spares, "large"));
    assert_int_equal(unlinkat(folder->fd, "large", 0), 0);
    assert_false(staging_spares_keep(&folder->spares, "missing"));
    for (int i = 0; i < SPARES_MAX; i++) {
        close(put_file(folder, "one", 1));
        assert_true(staging_spares_keep(&folder->spares, "one"));
    }
    close(put_file(folder, "one", 1));
    assert_false(staging_spares_keep(&folder->spares, "one"));
    assert_int_equal(unlinkat(folder->fd, "one", 0), 0);
    folder_remove(folder);
}

static void what_a_killed_process_has_left_is_used(void **state)
{
    (void)state;
    struct folder *folder = folder_make();
    close(put_file(folder, "spare.7", 10));
    close(put_file(folder, "spare.x", 10));
    close(put_file(folder, "spare.08", 10));
    staging_spares_init(&folder->spares, folder->fd);
    close(put_file(folder, "one", 10));
    assert_true(staging_spares_keep(&folder->spares, "one"));
    for (int i = 0; i < 2; i++) {
        int fd = staging_spares_take(&folder->spares, "two");
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(unlinkat(folder->fd, "two", 0), 0);
    }
    assert_int_equal(unlinkat(folder->fd, "spare.x", 0), 0);
    assert_int_equal(unlinkat(folder->fd, "spare.08", 0), 0);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_is_taken_empty_under_its_next_name),
        cmocka_unit_test(one_that_somebody_reads_still_is_not_used_again),
        cmocka_unit_test(a_name_that_is_taken_stays_what_it_is),
        cmocka_unit_test(large_ones_and_too_many_are_left_alone),
        cmocka_unit_test(what_a_killed_process_has_left_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
