// SPDX-License-Identifier: Apache-2.0
// A process is killed at every crash point, at every passage up to the fourth. What it was told
// to be stored is there afterwards, and no change is there in part.
#include "journal_fixture.h"

#include <signal.h>

enum { FILES = 12, PASSAGES = 4, LARGE_BYTES = 40000, METAS = 32 };

// What a child tells its parent: a file whose seal, or whose removal, is stored.
struct word {
    uint8_t file;
    uint8_t generation; // 0 = removed
};

static size_t size_of(uint64_t file, uint64_t generation)
{
    return (file % 2 ? LARGE_BYTES : 100) + 10 * (size_t)generation;
}

static char letter_of(uint64_t file, uint64_t generation)
{
    return (char)('a' + (file * 3 + generation) % 26);
}

static void tell(int pipe_fd, uint64_t file, uint64_t generation)
{
    struct word word = {(uint8_t)file, (uint8_t)generation};
    assert_int_equal(write(pipe_fd, &word, sizeof(word)), sizeof(word));
}

// A file, its name and a meta in one change; each generation is a layer of its own.
static void save(struct journal *journal, int pipe_fd, uint64_t file, uint64_t generation)
{
    uint32_t number = (uint32_t)generation;
    size_t size = size_of(file, generation);
    int fd = write_staging(journal, file, number, letter_of(file, generation), size);
    struct journal_change *change = journal_change_new();
    change_put_file(change, file, number, generation, JOURNAL_SEALED, size);
    char name[16];
    int len = snprintf(name, sizeof(name), "file%d", (int)file);
    journal_change_put_name(change, 1, name, (size_t)len, file, NULL, 0);
    journal_change_put_meta(change, name, &(uint8_t){(uint8_t)generation}, 1);
    journal_change_sync(change, file, number, fd);
    if (generation > 1) {
        journal_change_remove_staging(change, file, number - 1);
    }
    assert_ok(submit(journal, change));
    close(fd);
    tell(pipe_fd, file, generation);
}

static void remove_file(struct journal *journal, int pipe_fd, uint64_t file,
                        uint32_t number)
{
    struct journal_change *change = journal_change_new();
    char name[16];
    int len = snprintf(name, sizeof(name), "file%d", (int)file);
    journal_change_drop_inode(change, file);
    journal_change_drop_name(change, 1, name, (size_t)len);
    journal_change_drop_meta(change, name);
    journal_change_remove_staging(change, file, number);
    assert_ok(submit(journal, change));
    tell(pipe_fd, file, 0);
}

static void work(const char *dir, int pipe_fd, const char *at)
{
    struct journal *journal = open_journal(dir);
    crash_point_pass("none"); // so that the environment is read before
    crash_point_arm(at);
    for (uint64_t file = 1; file <= FILES; file++) {
        save(journal, pipe_fd, file, 1);
        if (file % 3 == 0) {
            save(journal, pipe_fd, file, 2);
        }
        if (file > 2 && file % 3 == 2) {
            remove_file(journal, pipe_fd, file - 1, 1);
        }
    }
    static char large[JOURNAL_VALUE_MAX];
    bool wants_checkpoint = strncmp(at, "journal.checkpoint", 18) == 0;
    for (unsigned i = 0; wants_checkpoint && i < METAS; i++) {
        struct journal_change *change = journal_change_new();
        journal_change_put_meta(change, "large", large, sizeof(large));
        assert_ok(submit(journal, change));
    }
    assert_ok(journal_close(journal));
}

struct seen {
    uint64_t rows[FILES + 1]; // generations
    uint64_t names[FILES + 1];
    uint64_t metas[FILES + 1];
    uint32_t numbers[FILES + 1];
};

static enum err see_inode(void *ctx, const struct journal_inode *inode)
{
    struct seen *seen = ctx;
    assert_in_range(inode->id, 1, FILES);
    seen->rows[inode->id] = inode->top.generation;
    seen->numbers[inode->id] = inode->top.number;
    assert_int_equal(range_set_sum(&inode->top.ranges),
                     size_of(inode->id, inode->top.generation));
    return ERR_NONE;
}

static enum err see_name(void *ctx, uint64_t dir, const char *name, size_t len,
                         uint64_t inode, const void *extra, size_t extra_len)
{
    struct seen *seen = ctx;
    (void)extra;
    (void)extra_len;
    (void)dir;
    (void)name;
    (void)len;
    seen->names[inode] = inode;
    return ERR_NONE;
}

static enum err see_meta(void *ctx, const char *key, const void *value, size_t len)
{
    struct seen *seen = ctx;
    int file = 0;
    if (sscanf(key, "file%d", &file) == 1 && file >= 1 && file <= FILES) {
        assert_int_equal(len, 1);
        seen->metas[file] = *(const uint8_t *)value;
    }
    return ERR_NONE;
}

// `told` has for each file what was confirmed last: a generation, or 0; -1 = nothing.
static void check(const char *dir, const int *told)
{
    struct journal *journal = open_journal(dir);
    struct seen seen = {.rows = {0}};
    const struct journal_visitor visitor = {
        .inode = see_inode, .name = see_name, .meta = see_meta, .ctx = &seen};
    assert_ok(journal_load(journal, &visitor, NULL));
    uint64_t files = 0;
    for (uint64_t file = 1; file <= FILES; file++) {
        uint64_t generation = seen.rows[file];
        assert_int_equal(seen.names[file], generation ? file : 0);
        assert_int_equal(seen.metas[file], generation);
        if (generation > 0) {
            files++;
            assert_true(staging_holds(journal, file, seen.numbers[file],
                                      letter_of(file, generation),
                                      size_of(file, generation)));
        }
        if (told[file] > 0) {
            // Or what was under way when it was killed: the next generation, the removal.
            assert_true(generation >= (uint64_t)told[file] || generation == 0);
            assert_true(generation > 0 || file % 3 == 1);
        } else if (told[file] == 0) {
            assert_int_equal(generation, 0);
        }
    }
    struct journal_stats stats = {0};
    journal_stats(journal, &stats);
    assert_int_equal(stats.staging_files, files);
    assert_ok(journal_close(journal));
}

// Returns whether the point was passed that often.
static bool crash_at(const char *at)
{
    struct state_dir dir = state_dir_make();
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work(dir.path, pipes[1], at);
        _exit(0);
    }
    close(pipes[1]);
    int told[FILES + 1];
    memset(told, -1, sizeof(told));
    struct word word;
    while (read(pipes[0], &word, sizeof(word)) == (ssize_t)sizeof(word)) {
        told[word.file] = word.generation;
    }
    close(pipes[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    check(dir.path, told);
    state_dir_remove(&dir);
    return killed;
}

TEST(test_what_was_confirmed_survives_a_kill_at_every_point)
{
#ifndef HUGFS_CRASH_POINTS
    skip();
#endif
    static const char *const points[] = {
        "staging.create",        "staging.created",    "staging.sync_folder",
        "staging.synced_folder", "journal.sync",       "journal.synced",
        "journal.commit",        "journal.committed",  "staging.remove",
        "staging.removed",       "journal.checkpoint", "journal.checkpointed",
    };
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        for (int n = 1; n <= PASSAGES; n++) {
            char at[64];
            snprintf(at, sizeof(at), "%s:%d", points[i], n);
            if (!crash_at(at)) {
                if (n == 1) {
                    fail_msg("%s is never passed", points[i]);
                }
                break;
            }
        }
    }
}

TEST(test_a_crash_point_that_is_not_armed_is_passed)
{
    crash_point_pass("a");
    crash_point_arm("b:2");
    crash_point_pass("a");
    crash_point_pass("b");
    crash_point_arm("a-name-that-is-much-longer-than-any-name-of-a-point-could-ever-be");
    crash_point_pass("a");
    crash_point_arm(NULL);
    crash_point_pass("b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_confirmed_survives_a_kill_at_every_point),
        cmocka_unit_test(test_a_crash_point_that_is_not_armed_is_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
