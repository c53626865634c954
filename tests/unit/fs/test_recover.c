// SPDX-License-Identifier: Apache-2.0
// Unsent work without a mount: fs/state_folder.c and fs/recover_file.c.
#include "fs/recover_file.h"
#include "fs/state_folder.h"
#include "tests/unit/unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

static char folder[32];
static char state_dir[64];
static char endpoint[] = "https://huggingface.co";
static char other_endpoint[] = "http://127.0.0.1:1";

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/hugfs-test-XXXXXX");
    bool failed = mkdtemp(folder) == NULL;
    snprintf(state_dir, sizeof(state_dir), "%s/state", folder);
    return failed;
}

static int remove_one(const char *path, const struct stat *status, int kind,
                      struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct mount_options sample(void)
{
    return (struct mount_options){
        .state_dir = state_dir, .endpoint = endpoint, .writable = true};
}

static const struct repo_id repo = {REPO_DATASET, "owner/name"};

static char *path_of(const struct mount_options *options, const char *branch)
{
    char *path = state_folder_path(options, &repo, branch);
    assert_non_null(path);
    return path;
}

TEST(test_each_target_has_a_folder_of_its_own)
{
    struct mount_options options = sample();
    AUTO_FREE char *main_path = path_of(&options, "main");
    AUTO_FREE char *again = path_of(&options, "main");
    AUTO_FREE char *branch = path_of(&options, "a/b");
    AUTO_FREE char *other_branch = path_of(&options, "a--b");
    options.as_pull = true;
    AUTO_FREE char *pull = path_of(&options, "main");
    options.as_pull = false;
    options.endpoint = other_endpoint;
    AUTO_FREE char *other = path_of(&options, "main");
    assert_non_null(strstr(main_path, "/datasets--owner--name@main-"));
    assert_string_equal(main_path, again);
    assert_string_not_equal(branch, other_branch);
    assert_string_not_equal(main_path, pull);
    assert_string_not_equal(main_path, other);
}

TEST(test_a_long_name_is_cut)
{
    struct mount_options options = sample();
    char branch[REVISION_SIZE];
    memset(branch, 'b', sizeof(branch) - 1);
    branch[sizeof(branch) - 1] = '\0';
    AUTO_FREE char *path = path_of(&options, branch);
    assert_true(strlen(strrchr(path, '/') + 1) <= NAME_BYTES_MAX);
}

TEST(test_a_folder_tells_how_it_is_mounted_again)
{
    struct why why = {""};
    struct mount_options options = sample();
    struct state_command found;
    AUTO_FREE char *path = path_of(&options, "main");
    assert_ok(state_folder_make(path, &options, &repo, "main", &why));
    assert_ok(state_folder_read(path, &found));
    assert_string_equal(found.command,
                        "hugfs mount -o rw 'datasets/owner/name@main' DIR");
    assert_string_equal(found.options, "rw");
    assert_string_equal(found.source, "datasets/owner/name@main");
    options.branch = strdup("new");
    options.endpoint = other_endpoint;
    AUTO_FREE char *branch = path_of(&options, "new");
    assert_ok(state_folder_make(branch, &options, &repo, "new", &why));
    assert_ok(state_folder_read(branch, &found));
    assert_string_equal(found.options, "rw,branch=new,endpoint=http://127.0.0.1:1");
    assert_string_equal(found.source, "datasets/owner/name");
    free(options.branch);
    assert_true(state_folder_read(folder, &found) != ERR_NONE);
}

TEST(test_a_folder_that_others_may_write_to_is_refused)
{
    struct why why = {""};
    struct mount_options options = sample();
    AUTO_FREE char *path = path_of(&options, "main");
    assert_ok(state_folder_make(path, &options, &repo, "main", &why));
    assert_int_equal(chmod(path, 0770), 0);
    assert_err(state_folder_make(path, &options, &repo, "main", &why), ERR_ACCESS);
    assert_non_null(strstr(why.text, "chmod 700"));
}

TEST(test_folders_with_a_journal_are_listed)
{
    struct why why = {""};
    AUTO(state_folders) struct state_folders none;
    assert_ok(state_folders_list(state_dir, &why, &none));
    assert_int_equal(none.n, 0);
    static const char *const names[] = {"b", "a", "without"};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", state_dir, names[i]);
        assert_ok(file_make_dirs(path, 0700, NULL));
        snprintf(path, sizeof(path), "%s/%s/journal.db", state_dir, names[i]);
        assert_ok(i == 2 ? ERR_NONE : file_replace(path, "", 0, 0600, NULL));
    }
    AUTO(state_folders) struct state_folders two;
    assert_ok(state_folders_list(state_dir, &why, &two));
    assert_int_equal(two.n, 2);
    assert_string_equal(strrchr(two.paths[0], '/'), "/a");
    assert_string_equal(strrchr(two.paths[1], '/'), "/b");
}

// --------------------------------------------------------------------------------- files

// A file of 20 bytes: 'T' in [0, 4) of the top, 'F' in [2, 8) of the flight, the base from 8 to
// `base_end`, and nothing behind.
static struct recover_file layered(uint64_t base_end)
{
    struct recover_file file = {.id = 5, .has_base = base_end > 0};
    file.top = (struct journal_layer){
        .number = 2, .state = JOURNAL_SEALED, .size = 20, .below_valid = 12};
    file.flight = (struct journal_layer){
        .number = 1, .state = JOURNAL_UPLOADING, .size = 12, .below_valid = base_end};
    file.path = strdup("a/b.txt");
    file.error = strdup("");
    assert_ok(range_set_add(&file.top.ranges, 0, 4));
    assert_ok(range_set_add(&file.flight.ranges, 2, 8));
    return file;
}

TEST(test_what_only_the_repository_has_is_counted)
{
    struct recover_file whole = layered(0);
    struct recover_file partly = layered(11);
    assert_true(recover_file_missing(&whole) == 0);
    assert_true(recover_file_missing(&partly) == 3);
    recover_file_release(&whole);
    recover_file_release(&partly);
}

static void stage(struct journal *journal, uint32_t number, char byte, uint64_t start,
                  uint64_t end)
{
    AUTO_CLOSE int fd = -1;
    assert_ok(staging_create(journal_staging(journal), 5, number, NULL, &fd));
    for (uint64_t at = start; at < end; at++) {
        assert_ok(file_pwrite(fd, &byte, 1, at));
    }
}

TEST(test_a_whole_file_is_copied_from_its_layers)
{
    struct why why = {""};
    struct journal *journal = NULL;
    const struct journal_config config = {.dir = state_dir, .first_id = 1};
    struct recover_file file = layered(0);
    struct recover_file partly = layered(11);
    char path[128];
    assert_ok(journal_open(&config, &why, &journal));
    stage(journal, 2, 'T', 0, 4);
    stage(journal, 1, 'F', 2, 8);
    snprintf(path, sizeof(path), "%s/out/a/b.txt", folder);
    assert_err(recover_file_copy(&partly, journal, path, &why), ERR_ABSENT);
    assert_ok(recover_file_copy(&file, journal, path, &why));
    AUTO(buffer) struct buffer bytes = buffer_init(64);
    assert_ok(file_read_all(path, NULL, &bytes));
    assert_int_equal(bytes.len, 20);
    assert_memory_equal(bytes.bytes, "TTTTFFFF\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    assert_true(recover_file_copy(&file, journal, path, &why) != ERR_NONE); // is there
    assert_ok(journal_close(journal));
    recover_file_release(&file);
    recover_file_release(&partly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_target_has_a_folder_of_its_own, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_long_name_is_cut, begin, end),
        cmocka_unit_test_setup_teardown(test_a_folder_tells_how_it_is_mounted_again,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_a_folder_that_others_may_write_to_is_refused,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_folders_with_a_journal_are_listed, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_what_only_the_repository_has_is_counted,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_a_whole_file_is_copied_from_its_layers,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
