// SPDX-License-Identifier: Apache-2.0

#include "base/cleanup.h"
#include "base/file_io.h"
#include "tests/unit/unit_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// Every test runs inside a fresh folder and uses relative paths.
static int enter_fresh_folder(void **state)
{
    char folder[] = "/tmp/hugfs-test-XXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        return -1;
    }
    *state = strdup(folder);
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static int remove_folder(void **state)
{
    int result = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return result;
}

static void write_text(const char *path, const char *text)
{
    assert_ok(file_replace(path, text, strlen(text), 0600, NULL));
}

static void assert_text(const char *path, const char *expected)
{
    AUTO(buffer) struct buffer content = buffer_init(10000);
    assert_ok(file_read_all(path, NULL, &content));
    assert_string_equal(buffer_text(&content), expected);
}

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *dir = opendir(".");
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count - 2;
}

TEST(test_an_open_that_fails_names_the_path_and_the_reason)
{
    struct why why = {""};
    int fd = 77;
    assert_err(file_open("missing", O_RDONLY, 0, &why, &fd), ERR_NOT_FOUND);
    assert_string_equal(why.text, "cannot open missing: No such file or directory");
    assert_int_equal(fd, 77);
}

TEST(test_an_open_file_does_not_pass_to_children)
{
    AUTO_CLOSE int fd = -1;
    assert_ok(file_open("a", O_RDWR | O_CREAT, 0600, NULL, &fd));
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

TEST(test_reading_past_the_end_is_truncated)
{
    AUTO_CLOSE int fd = -1;
    char got[8] = "";
    assert_ok(file_open("a", O_RDWR | O_CREAT, 0600, NULL, &fd));
    assert_ok(file_pwrite(fd, "abcdef", 6, 2));
    assert_ok(file_pread(fd, got, 4, 4));
    assert_string_equal(got, "cdef");
    assert_err(file_pread(fd, got, 5, 4), ERR_TRUNCATED);
    assert_ok(file_pread(fd, got, 0, 4000));
}

TEST(test_reading_what_is_no_file_is_the_systems_error)
{
    AUTO_CLOSE int fd = -1;
    char byte = 0;
    assert_ok(file_open(".", O_RDONLY | O_DIRECTORY, 0, NULL, &fd));
    assert_err(file_pread(fd, &byte, 1, 0), ERR_IS_DIRECTORY);
    assert_err(file_pwrite(fd, &byte, 1, 0), ERR_SYSTEM);
}

TEST(test_a_file_that_just_fits_is_read_and_a_larger_one_refused)
{
    struct why why = {""};
    AUTO(buffer) struct buffer fits = buffer_init(5);
    AUTO(buffer) struct buffer too_small = buffer_init(4);
    write_text("a", "12345");
    assert_ok(file_read_all("a", &why, &fits));
    assert_string_equal(buffer_text(&fits), "12345");
    assert_err(file_read_all("a", &why, &too_small), ERR_TOO_LARGE);
    assert_string_equal(why.text, "a is larger than 4 bytes");
}

TEST(test_a_file_of_many_steps_is_read_whole)
{
    AUTO_FREE char *text = malloc(100001);
    AUTO(buffer) struct buffer content = buffer_init(1 << 20);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    write_text("a", text);
    assert_ok(file_read_all("a", NULL, &content));
    assert_int_equal(content.len, 100000);
}

TEST(test_replacing_leaves_the_new_content_and_nothing_else)
{
    write_text("a", "old");
    write_text("a", "new");
    assert_text("a", "new");
    assert_int_equal(count_files(), 1);
}

TEST(test_a_replacement_that_fails_leaves_the_old_content_and_nothing_else)
{
    struct why why = {""};
    assert_ok(file_make_dirs("dir/sub", 0700, NULL));
    assert_int_not_equal(file_replace("dir", "x", 1, 0600, &why), ERR_NONE);
    assert_string_equal(why.text, "cannot replace dir: Is a directory");
    assert_int_equal(count_files(), 1);
    assert_err(file_replace("no/such/dir", "x", 1, 0600, &why), ERR_NOT_FOUND);
}

TEST(test_folders_are_made_with_all_their_parents)
{
    struct stat info;
    assert_ok(file_make_dirs("a//b/c/", 0700, NULL));
    assert_ok(file_make_dirs("a/b/c", 0700, NULL));
    assert_ok(file_make_dirs("/", 0700, NULL));
    assert_int_equal(stat("a/b/c", &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
}

TEST(test_a_file_in_the_way_is_named)
{
    struct why why = {""};
    write_text("a", "x");
    assert_err(file_make_dirs("a/b", 0700, &why), ERR_NOT_DIRECTORY);
    assert_string_equal(why.text, "cannot create the folder a: Not a directory");
    assert_err(file_make_dirs("", 0700, &why), ERR_NOT_FOUND);
}

static void assert_absolute(const char *path, const char *below_folder,
                            const char *folder)
{
    AUTO_FREE char *got = file_absolute(path);
    AUTO(buffer) struct buffer expected = buffer_init(1000);
    assert_ok(buffer_printf(&expected, "%s%s", folder, below_folder));
    assert_non_null(got);
    assert_string_equal(got, buffer_text(&expected));
}

static enum err on_name(void *ctx, const char *name)
{
    unsigned *n = ctx;
    bool is_wanted = strcmp(name, "one") == 0 || strcmp(name, "two") == 0;
    *n += is_wanted;
    return is_wanted && *n == 100 ? ERR_NO_MEMORY : ERR_NONE;
}

static int open_folder_of_two(void)
{
    int dir = -1;
    write_text("one", "");
    write_text("two", "");
    assert_ok(file_open(".", O_RDONLY | O_DIRECTORY, 0, NULL, &dir));
    return dir;
}

TEST(test_names_are_visited_each_time_from_the_first_on)
{
    unsigned n = 0;
    AUTO_CLOSE int dir = open_folder_of_two();
    assert_ok(file_each_name(dir, on_name, &n));
    assert_int_equal(n, 2);
    assert_ok(file_each_name(dir, on_name, &n));
    assert_int_equal(n, 4);
}

TEST(test_a_visit_of_names_ends_with_its_error)
{
    unsigned n = 99;
    AUTO_CLOSE int dir = open_folder_of_two();
    assert_int_equal(file_each_name(dir, on_name, &n), ERR_NO_MEMORY);
    assert_int_equal(n, 100);
}

static void test_absolute_paths_resolve_what_exists_and_keep_the_rest(void **state)
{
    const char *folder = *state;
    assert_ok(file_make_dirs("a/b", 0700, NULL));
    assert_int_equal(symlink("a/b", "link"), 0);
    assert_absolute(".", "", folder);
    assert_absolute("", "", folder);
    assert_absolute("link/..", "/a", folder);
    assert_absolute("link/no/./such/../file/", "/a/b/no/file", folder);
    assert_absolute("no//../a/./b", "/a/b", folder);
    assert_absolute("/", "/", "");
    assert_absolute("/../..", "/", "");
    assert_absolute("//no-such-thing", "/no-such-thing", "");
}

#define IN_FOLDER(test)                                                                  \
    cmocka_unit_test_setup_teardown(test, enter_fresh_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_an_open_that_fails_names_the_path_and_the_reason),
        IN_FOLDER(test_an_open_file_does_not_pass_to_children),
        IN_FOLDER(test_reading_past_the_end_is_truncated),
        IN_FOLDER(test_reading_what_is_no_file_is_the_systems_error),
        IN_FOLDER(test_a_file_that_just_fits_is_read_and_a_larger_one_refused),
        IN_FOLDER(test_a_file_of_many_steps_is_read_whole),
        IN_FOLDER(test_replacing_leaves_the_new_content_and_nothing_else),
        IN_FOLDER(test_a_replacement_that_fails_leaves_the_old_content_and_nothing_else),
        IN_FOLDER(test_folders_are_made_with_all_their_parents),
        IN_FOLDER(test_a_file_in_the_way_is_named),
        IN_FOLDER(test_names_are_visited_each_time_from_the_first_on),
        IN_FOLDER(test_a_visit_of_names_ends_with_its_error),
        IN_FOLDER(test_absolute_paths_resolve_what_exists_and_keep_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
