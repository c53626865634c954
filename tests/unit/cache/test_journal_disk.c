// SPDX-License-Identifier: Apache-2.0
// What the disk, another process or another version does to a state directory.
#include "journal_fixture.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/mount.h>

static void file_in(const struct state_dir *dir, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", dir->path, name);
}

static void run_sql(const struct state_dir *dir, const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;
    file_in(dir, "journal.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void assert_refused(const struct state_dir *dir, enum err expected,
                           const char *words)
{
    struct why why = {{0}};
    struct journal *journal = NULL;
    assert_err(try_open(dir->path, &why, &journal), expected);
    assert_null(journal);
    if (!strstr(why.text, words)) {
        print_error("%s\n", why.text);
    }
    assert_non_null(strstr(why.text, words));
}

TEST(test_a_second_opener_is_told_who_has_it)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    char words[160];
    snprintf(words, sizeof(words), "process %d is using %s for /mnt/m", (int)getpid(),
             dir.path);
    assert_refused(&dir, ERR_BUSY, words);
    char *folder = NULL;
    assert_err(journal_set_aside(dir.path, NULL, &folder), ERR_BUSY);
    assert_ok(put_meta(journal, "a", "1"));
    assert_ok(journal_close(journal));
    assert_ok(journal_close(open_journal(dir.path)));
    state_dir_remove(&dir);
}

TEST(test_a_newer_journal_is_not_touched)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 1, 1, 1, 'x', 10));
    assert_ok(journal_close(journal));
    run_sql(&dir, "PRAGMA user_version=2");
    assert_refused(&dir, ERR_NEWER_SCHEMA, "newer hugfs");
    run_sql(&dir, "PRAGMA user_version=1");
    journal = open_journal(dir.path);
    assert_true(find_inode(journal, 1).found);
    assert_true(staging_holds(journal, 1, 1, 'x', 10));
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_damage_is_told_and_kept)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 1, 1, 1, 'x', 10));
    assert_ok(journal_close(journal));
    char path[128];
    file_in(&dir, "journal.db", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_ok(file_pwrite(fd, "garbage, garbage", 16, 0));
    close(fd);
    for (int i = 0; i < 2; i++) {
        assert_refused(&dir, ERR_DAMAGED, "hugfs recover");
    }
    struct why why = {{0}};
    char *folder = NULL;
    assert_ok(journal_set_aside(dir.path, &why, &folder));
    char kept[256];
    snprintf(kept, sizeof(kept), "%s/staging/0000000000000001.1.data", folder);
    assert_int_equal(access(kept, R_OK), 0);
    snprintf(kept, sizeof(kept), "%s/journal.db", folder);
    assert_int_equal(access(kept, R_OK), 0);
    free(folder);
    journal = open_journal(dir.path);
    assert_false(find_inode(journal, 1).found);
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_a_flipped_bit_in_a_row_is_damage)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 1, 1, 1, 'x', 100000));
    assert_ok(journal_close(journal));
    run_sql(&dir, "UPDATE inode SET size=size+1");
    assert_refused(&dir, ERR_DAMAGED, "hugfs recover");
    state_dir_remove(&dir);
    dir = state_dir_make();
    journal = open_journal(dir.path);
    assert_ok(put_meta(journal, "a", "1"));
    assert_ok(journal_close(journal));
    run_sql(&dir, "UPDATE meta SET value='2'");
    journal = open_journal(dir.path);
    struct why why = {{0}};
    const struct journal_visitor visitor = {
        .meta = (enum err(*)(void *, const char *, const void *, size_t))abort};
    assert_err(journal_load(journal, &visitor, &why), ERR_DAMAGED);
    assert_non_null(strstr(why.text, "hugfs recover"));
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_a_journal_that_vanished_does_not_take_the_files_with_it)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 1, 1, 1, 'x', 10));
    assert_ok(journal_close(journal));
    char path[128];
    file_in(&dir, "journal.db", path);
    assert_int_equal(unlink(path), 0);
    for (int i = 0; i < 2; i++) { // the second time with an empty journal.db
        assert_refused(&dir, ERR_DAMAGED, "staging folder");
    }
    file_in(&dir, "staging/0000000000000001.1.data", path);
    assert_int_equal(access(path, R_OK), 0);
    state_dir_remove(&dir);
}

TEST(test_small_bytes_that_a_power_cut_took_come_back)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 1, 1, 1, 'x', 10));
    assert_ok(seal_file(journal, 2, 1, 1, 'y', JOURNAL_SMALL_BYTES));
    assert_ok(seal_file(journal, 3, 1, 1, 'z', 0));
    assert_ok(seal_file(journal, 4, 1, 1, 'o', 10));
    assert_ok(seal_file(journal, 4, 1, 2, 'p', JOURNAL_SMALL_BYTES + 1)); // grown
    // Truncated, then sealed without new bytes.
    struct journal_change *change = journal_change_new();
    change_put_file(change, 1, 1, 1, JOURNAL_DIRTY, 4);
    assert_ok(submit(journal, change));
    assert_ok(journal_close(journal));
    char path[128];
    for (int i = 1; i <= 3; i++) {
        snprintf(path, sizeof(path), "%s/staging/%016x.1.data", dir.path, (unsigned)i);
        assert_int_equal(i == 2 ? truncate(path, 0) : unlink(path), 0);
    }
    journal = open_journal(dir.path);
    assert_true(staging_holds(journal, 1, 1, 'x', 4));
    assert_true(staging_holds(journal, 2, 1, 'y', JOURNAL_SMALL_BYTES));
    assert_true(staging_holds(journal, 3, 1, 'z', 0));
    assert_true(staging_holds(journal, 4, 1, 'p', JOURNAL_SMALL_BYTES + 1));
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_files_that_no_row_names_go)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 1, 1, 1, 'x', 10));
    close(write_staging(journal, 1, 2, 'y', 10)); // never sealed
    assert_ok(journal_close(journal));
    journal = open_journal(dir.path);
    assert_true(staging_holds(journal, 1, 1, 'x', 10));
    assert_false(staging_holds(journal, 1, 2, 'y', 10));
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_a_file_that_the_disk_refused_is_never_believed_again)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0); // fdatasync of a pipe: EINVAL
    struct told told[2] = {told_init(), told_init()};
    struct journal_change *change = journal_change_new();
    change_put_file(change, 1, 1, 1, JOURNAL_SEALED, 100000);
    journal_change_sync(change, 1, 1, pipes[0]);
    journal_submit(journal, change, true, told_done, &told[0]);
    change = journal_change_new();
    journal_change_put_meta(change, "a", "1", 1);
    journal_submit(journal, change, true, told_done, &told[1]);
    assert_err(told_wait(&told[0]), ERR_SYSTEM);
    assert_non_null(strstr(told[0].sentence, "staging/0000000000000001.1.data"));
    assert_ok(told_wait(&told[1]));
    close(pipes[0]);
    close(pipes[1]);
    assert_err(seal_file(journal, 1, 1, 1, 'x', 100000), ERR_SYSTEM);
    assert_ok(seal_file(journal, 1, 2, 2, 'x', 100000)); // a new file is believed
    assert_ok(journal_close(journal));
    journal = open_journal(dir.path);
    assert_int_equal(find_inode(journal, 1).row.top.generation, 2);
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

// Fills the disk until nothing fits any more.
static void fill(const struct state_dir *dir)
{
    char path[128];
    file_in(dir, "filler", path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    static const char bytes[4096] = {1};
    for (off_t at = 0; pwrite(fd, bytes, sizeof(bytes), at) == (ssize_t)sizeof(bytes);) {
        at += (off_t)sizeof(bytes);
    }
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void wait_until_queue_is(struct journal *journal, uint64_t queued)
{
    struct journal_stats stats = {.queued = UINT64_MAX};
    for (int i = 0; i < 3000 && stats.queued != queued; i++) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        journal_stats(journal, &stats);
    }
    assert_int_equal(stats.queued, queued);
}

TEST(test_a_full_disk_is_told_and_waited_for)
{
    struct state_dir dir = state_dir_make();
    if (mount("none", dir.path, "tmpfs", 0, "size=16m") != 0) {
        state_dir_remove(&dir);
        skip();
    }
    struct journal *journal = open_journal(dir.path);
    assert_ok(put_meta(journal, "before", "1"));
    fill(&dir);
    static char large[JOURNAL_VALUE_MAX];
    unsigned stored = 0; // by the ballast
    enum err err = ERR_NONE;
    struct told told = told_init();
    while (!err && stored < 1000) {
        char key[16];
        snprintf(key, sizeof(key), "key%u", stored);
        told = told_init();
        struct journal_change *change = journal_change_new();
        journal_change_put_meta(change, key, large, sizeof(large));
        journal_submit(journal, change, true, told_done, &told);
        err = told_wait(&told);
        stored += !err;
    }
    assert_in_range(stored, 8, 200);
    assert_err(err, ERR_NO_SPACE);
    assert_true(told.queued);
    assert_non_null(strstr(told.sentence, "journal.db"));
    struct journal_stats stats = {0};
    journal_stats(journal, &stats);
    assert_true(stats.full && !stats.broken);
    assert_int_equal(stats.queued, 1);
    char path[128];
    file_in(&dir, "filler", path);
    assert_int_equal(unlink(path), 0);
    wait_until_queue_is(journal, 0); // by itself
    assert_int_equal(told.calls, 1);
    assert_ok(put_meta(journal, "after", "1"));
    journal_stats(journal, &stats);
    assert_false(stats.full);
    assert_ok(journal_close(journal));
    char sql[128];
    snprintf(sql, sizeof(sql),
             "CREATE TEMP TABLE t(x CHECK(x=%u)); INSERT INTO t SELECT count(*) FROM meta"
             " WHERE substr(key, 1, 3)='key'",
             stored + 1);
    run_sql(&dir, sql);
    assert_int_equal(umount(dir.path), 0);
    state_dir_remove(&dir);
}

TEST(test_closing_on_a_full_disk_ends)
{
    struct state_dir dir = state_dir_make();
    if (mount("none", dir.path, "tmpfs", 0, "size=16m") != 0) {
        state_dir_remove(&dir);
        skip();
    }
    struct journal *journal = open_journal(dir.path);
    fill(&dir);
    static char large[JOURNAL_VALUE_MAX];
    struct told told = told_init();
    for (unsigned i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key%u", i);
        struct journal_change *change = journal_change_new();
        journal_change_put_meta(change, key, large, sizeof(large));
        journal_submit(journal, change, false, i == 199 ? told_done : NULL, &told);
    }
    assert_err(journal_close(journal), ERR_NO_SPACE);
    assert_int_equal(told.calls, 1);
    assert_err(told.err, ERR_NO_SPACE);
    assert_int_equal(umount2(dir.path, MNT_DETACH), 0);
    state_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_opener_is_told_who_has_it),
        cmocka_unit_test(test_a_newer_journal_is_not_touched),
        cmocka_unit_test(test_damage_is_told_and_kept),
        cmocka_unit_test(test_a_flipped_bit_in_a_row_is_damage),
        cmocka_unit_test(test_a_journal_that_vanished_does_not_take_the_files_with_it),
        cmocka_unit_test(test_small_bytes_that_a_power_cut_took_come_back),
        cmocka_unit_test(test_files_that_no_row_names_go),
        cmocka_unit_test(test_a_file_that_the_disk_refused_is_never_believed_again),
        cmocka_unit_test(test_a_full_disk_is_told_and_waited_for),
        cmocka_unit_test(test_closing_on_a_full_disk_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
