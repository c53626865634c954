// SPDX-License-Identifier: Apache-2.0

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file_io.h"
#include "base/log.h"
#include "tests/unit/unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Runs `speak` with stderr going to a file and asserts what was written there.
static void assert_on_stderr(void (*speak)(void), const char *expected)
{
    AUTO(buffer) struct buffer content = buffer_init(100000);
    char path[] = "/tmp/hugfs-test-XXXXXX";
    AUTO_CLOSE int fd = mkstemp(path);
    AUTO_CLOSE int real_stderr = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    speak();
    dup2(real_stderr, STDERR_FILENO);
    enum err err = file_read_all(path, NULL, &content);
    unlink(path);
    assert_ok(err);
    assert_string_equal(buffer_text(&content), expected);
}

static void speak_at_every_level(void)
{
    log_error("hub", "e %d", 1);
    log_warn("xet", "w");
    log_info("fs", "i");
    log_debug("fs", "d");
}

TEST(test_debug_lines_are_off_until_asked_for)
{
    log_set_level(LOG_LEVEL_INFO);
    assert_on_stderr(speak_at_every_level, "error hub: e 1\nwarn xet: w\ninfo fs: i\n");
    log_set_level(LOG_LEVEL_ERROR);
    assert_on_stderr(speak_at_every_level, "error hub: e 1\n");
    log_set_level(LOG_LEVEL_DEBUG);
    assert_on_stderr(speak_at_every_level,
                     "error hub: e 1\nwarn xet: w\ninfo fs: i\ndebug fs: d\n");
    log_set_level(LOG_LEVEL_INFO);
}

TEST(test_debug_lines_can_be_asked_for_by_module)
{
    assert_false(log_debug_enabled("xet"));
    log_set_debug("http,xet");
    assert_true(log_debug_enabled("xet"));
    assert_true(log_debug_enabled("http"));
    assert_false(log_debug_enabled("xe"));
    assert_false(log_debug_enabled("fs"));
    log_set_debug("all");
    assert_true(log_debug_enabled("fs"));
    log_set_debug("");
    assert_false(log_debug_enabled("fs"));
}

static void speak_of_secrets_in_two_lines(void)
{
    log_warn("hub", "got %s", "a\nhf_abcdefghijklmnopqrstuvwxyz\x1b[2J");
}

TEST(test_a_message_is_one_line_without_secrets)
{
    assert_on_stderr(speak_of_secrets_in_two_lines, "warn hub: got a hf_*** [2J\n");
}

static void speak_at_length(void)
{
    static char text[9000];
    memset(text, 'x', sizeof(text) - 1);
    log_warn("hub", "%s", text);
}

TEST(test_a_long_line_is_cut_and_still_ends)
{
    AUTO(buffer) struct buffer expected = buffer_init(10000);
    assert_ok(buffer_append_text(&expected, "warn hub: "));
    while (expected.len < 4096 - 64 - 1) {
        assert_ok(buffer_append_text(&expected, "x"));
    }
    assert_ok(buffer_append_text(&expected, "\n"));
    assert_on_stderr(speak_at_length, buffer_text(&expected));
}

static void speak_with_errno(void)
{
    errno = ENOENT;
    log_warn("fs", "failed: %m");
    assert_int_equal(errno, ENOENT);
}

TEST(test_errno_can_be_printed_and_survives)
{
    assert_on_stderr(speak_with_errno, "warn fs: failed: No such file or directory\n");
}

static void speak_to_the_journal(void)
{
    struct stat info;
    char stream[64];
    fstat(STDERR_FILENO, &info);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)info.st_dev,
             (uintmax_t)info.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_ok(log_open(LOG_TO_STDERR, NULL));
    speak_at_every_level();
    setenv("JOURNAL_STREAM", "1:1", 1);
    assert_ok(log_open(LOG_TO_STDERR, NULL));
    log_warn("fs", "not the journal");
    unsetenv("JOURNAL_STREAM");
}

TEST(test_the_journal_gets_priorities_when_stderr_is_really_it)
{
    assert_on_stderr(
        speak_to_the_journal,
        "<3>error hub: e 1\n<4>warn xet: w\n<6>info fs: i\nwarn fs: not the journal\n");
}

TEST(test_a_log_file_is_appended_to_with_dates_and_private)
{
    AUTO(buffer) struct buffer content = buffer_init(10000);
    char path[] = "/tmp/hugfs-test-XXXXXX";
    struct stat info;
    int year = 0;
    char rest[32] = "";
    close(mkstemp(path));
    unlink(path);
    assert_ok(log_open(LOG_TO_FILE, path));
    log_warn("fs", "one");
    assert_ok(log_open(LOG_TO_FILE, path));
    log_warn("fs", "two");
    assert_ok(log_open(LOG_TO_STDERR, NULL));
    assert_ok(file_read_all(path, NULL, &content));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(sscanf(buffer_text(&content),
                            "%4d-%*2d-%*2dT%*2d:%*2d:%*2dZ %31[^\n]", &year, rest),
                     2);
    assert_true(year >= 2025);
    assert_string_equal(rest, "warn fs: one");
    assert_non_null(strstr(buffer_text(&content), "Z warn fs: two\n"));
    unlink(path);
}

TEST(test_a_log_file_that_cannot_be_opened_is_an_error_and_changes_nothing)
{
    assert_err(log_open(LOG_TO_FILE, "/no/such/folder/log"), ERR_NOT_FOUND);
    assert_on_stderr(speak_with_errno, "warn fs: failed: No such file or directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_debug_lines_are_off_until_asked_for),
        cmocka_unit_test(test_debug_lines_can_be_asked_for_by_module),
        cmocka_unit_test(test_a_message_is_one_line_without_secrets),
        cmocka_unit_test(test_a_long_line_is_cut_and_still_ends),
        cmocka_unit_test(test_errno_can_be_printed_and_survives),
        cmocka_unit_test(test_the_journal_gets_priorities_when_stderr_is_really_it),
        cmocka_unit_test(test_a_log_file_is_appended_to_with_dates_and_private),
        cmocka_unit_test(
            test_a_log_file_that_cannot_be_opened_is_an_error_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
