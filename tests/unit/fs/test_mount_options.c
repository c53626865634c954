// SPDX-License-Identifier: Apache-2.0
// One mount option at a time: fs/mount_options.c and its table.
#include "fs/mount_options.h"
#include "fs/option_table.h"
#include "tests/unit/unit_test.h"

static struct mount_options options;

static int begin(void **state)
{
    (void)state;
    mount_options_init(&options);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mount_options_release(&options);
    return 0;
}

static void set(const char *text)
{
    struct why why = {""};
    assert_ok(mount_options_set(&options, text, &why));
}

static void assert_refused(const char *text, enum err err, const char *part)
{
    struct why why = {""};
    assert_int_equal(mount_options_set(&options, text, &why), err);
    assert_non_null(strstr(why.text, part));
}

TEST(test_every_option_sets_its_field)
{
    set("rev=refs%2Fpr%2F1");
    set("subdir=/a/b/");
    set("cache_dir=/c");
    set("cache_size=1M");
    set("endpoint=http://127.0.0.1:1/");
    set("token_file=/t");
    set("ca_file=/ca");
    set("poll=5s");
    set("timeout=2s");
    set("max_rate=3K");
    set("max_conns=4");
    set("offline");
    set("insecure_http=yes");
    set("allow_other");
    set("nonempty");
    set("uid=5");
    set("gid=6");
    set("umask=027");
    set("log=/l");
    set("debug=hub+xet");
    assert_string_equal(options.address.revision, "refs/pr/1");
    assert_string_equal(options.address.subdir, "a/b");
    assert_string_equal(options.cache_dir, "/c");
    assert_true(options.cache_size == 1 << 20);
    assert_string_equal(options.endpoint, "http://127.0.0.1:1");
    assert_string_equal(options.token_file, "/t");
    assert_string_equal(options.ca_file, "/ca");
    assert_true(options.poll_ms == 5000 && options.timeout_ms == 2000);
    assert_true(options.max_rate == 3072 && options.max_conns == 4);
    assert_true(options.offline && options.insecure_http && options.allow_other);
    assert_true(options.nonempty);
    assert_true(options.has_uid && options.uid == 5 && options.has_gid &&
                options.gid == 6);
    assert_true(options.has_umask && options.umask == 027);
    assert_string_equal(options.log_file, "/l");
    assert_string_equal(options.debug, "hub,xet");
}

TEST(test_every_option_about_writing_sets_its_field)
{
    set("rw");
    set("state_dir=/s");
    set("commit=close");
    set("quiet=3s");
    set("max_delay=4s");
    set("pr");
    set("branch=a%2Fb");
    assert_true(options.writable && options.as_pull);
    assert_string_equal(options.state_dir, "/s");
    assert_true(options.commit_mode == COMMIT_CLOSE);
    assert_true(options.quiet_ms == 3000 && options.max_delay_ms == 4000);
    assert_string_equal(options.branch, "a/b");
}

TEST(test_the_last_of_two_values_wins)
{
    set("cache_dir=/first");
    set("cache_dir=/second");
    set("offline");
    set("offline=no");
    assert_string_equal(options.cache_dir, "/second");
    assert_false(options.offline);
}

TEST(test_polling_is_turned_off_by_a_word_and_not_by_zero)
{
    set("poll=never");
    assert_true(options.poll_ms == 0);
    assert_refused("poll=0", ERR_USAGE, "'never'");
    assert_refused("timeout=never", ERR_USAGE, "not a time");
}

TEST(test_a_path_is_made_absolute_and_a_tilde_is_home)
{
    assert_int_equal(setenv("HOME", "/home/me", 1), 0);
    set("cache_dir=~/c");
    assert_string_equal(options.cache_dir, "/home/me/c");
    assert_int_equal(chdir("/"), 0);
    set("log=some.log");
    assert_string_equal(options.log_file, "/some.log");
}

TEST(test_words_for_other_programs_are_overlooked)
{
    static const char *const words[] = {
        "auto",
        "noauto",
        "user",
        "users",
        "nofail",
        "_netdev",
        "x-systemd.automount",
        "X-mount.mkdir",
        "comment=mine",
        "defaults",
        "suid",
        "dev",
        "relatime",
        "ro",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        set(words[i]);
    }
    assert_null(options.fuse_extra);
}

TEST(test_what_the_kernel_understands_is_handed_on)
{
    set("noexec");
    set("max_read=131072");
    set("auto_unmount");
    assert_string_equal(options.fuse_extra, "noexec,max_read=131072,auto_unmount");
}

TEST(test_read_only_takes_back_what_was_said_about_writing)
{
    assert_false(options.writable);
    set("rw");
    set("pr");
    set("branch=b");
    set("ro");
    assert_false(options.writable || options.as_pull);
    assert_null(options.branch);
}

TEST(test_how_to_write_is_checked)
{
    assert_refused("rw=yes", ERR_USAGE, "option rw: it takes no value");
    assert_refused("commit=often", ERR_USAGE, "none of auto, manual or close");
    assert_refused("quiet=0", ERR_USAGE, "longer than nothing");
    assert_refused("branch=refs/pr/1", ERR_USAGE, "is no branch");
    assert_refused("branch=a..b", ERR_USAGE, "option branch");
    assert_refused("branch", ERR_USAGE, "a value is missing: branch=NAME");
}

TEST(test_a_token_is_refused_and_not_repeated)
{
    struct why why = {""};
    assert_int_equal(mount_options_set(&options, "token=hf_abcdef", &why), ERR_USAGE);
    assert_non_null(strstr(why.text, "token_file="));
    assert_null(strstr(why.text, "abcdef"));
}

TEST(test_mistakes_name_the_option)
{
    assert_refused("cache_sise=1G", ERR_USAGE, "unknown option 'cache_sise'");
    assert_refused("cache_size", ERR_USAGE, "option cache_size: a value is missing");
    assert_refused("cache_size=", ERR_USAGE, "option cache_size: its value is empty");
    assert_refused("cache_size=lots", ERR_USAGE, "option cache_size: 'lots'");
    assert_refused("offline=perhaps", ERR_USAGE, "option offline");
    assert_refused("ro=yes", ERR_USAGE, "option ro: it takes no value");
    assert_refused("umask=999", ERR_USAGE, "option umask");
    assert_refused("max_conns=0", ERR_USAGE, "option max_conns");
    assert_refused("uid=root", ERR_USAGE, "option uid");
    assert_refused("debug=hub+xte", ERR_USAGE, "option debug: 'xte'");
    assert_refused("", ERR_USAGE, "unknown option");
}

TEST(test_a_refused_value_leaves_the_old_one)
{
    assert_refused("cache_size=lots", ERR_USAGE, "");
    assert_refused("endpoint=nonsense", ERR_USAGE, "");
    assert_true(options.cache_size == UINT64_C(10) << 30);
    assert_null(options.endpoint);
}

TEST(test_every_row_of_the_table_has_help)
{
    size_t n;
    const struct option_row *rows = option_table(&n);
    for (size_t i = 0; i < n; i++) {
        assert_true(strlen(rows[i].help) > 0);
        if (rows[i].name != NULL) {
            assert_ptr_equal(option_table_find(rows[i].name, strlen(rows[i].name)),
                             &rows[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_option_sets_its_field, begin, end),
        cmocka_unit_test_setup_teardown(test_every_option_about_writing_sets_its_field,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_the_last_of_two_values_wins, begin, end),
        cmocka_unit_test_setup_teardown(
            test_polling_is_turned_off_by_a_word_and_not_by_zero, begin, end),
        cmocka_unit_test_setup_teardown(test_a_path_is_made_absolute_and_a_tilde_is_home,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_words_for_other_programs_are_overlooked,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_what_the_kernel_understands_is_handed_on,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            test_read_only_takes_back_what_was_said_about_writing, begin, end),
        cmocka_unit_test_setup_teardown(test_how_to_write_is_checked, begin, end),
        cmocka_unit_test_setup_teardown(test_a_token_is_refused_and_not_repeated, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_mistakes_name_the_option, begin, end),
        cmocka_unit_test_setup_teardown(test_a_refused_value_leaves_the_old_one, begin,
                                        end),
        cmocka_unit_test(test_every_row_of_the_table_has_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
