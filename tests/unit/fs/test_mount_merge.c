// SPDX-License-Identifier: Apache-2.0
// Command lines, and the precedence of what they, the environment and files say:
// fs/mount_arguments.c, fs/mount_merge.c.
#include "fs/mount_merge.h"
#include "tests/unit/unit_test.h"

enum { WORDS_MAX = 16 };

static char folder[] = "/tmp/hugfs-test-XXXXXX";

// Splits a command line at blanks and parses it. The words live as long as `line`.
static enum err parse(char *line, enum arguments_dialect dialect, struct why *why,
                      struct mount_arguments *out)
{
    char *words[WORDS_MAX] = {NULL};
    int n = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        words[n++] = word;
    }
    return mount_arguments_parse(n, words, dialect, why, out);
}

static enum err merge(const char *line, struct why *why, struct mount_options *out)
{
    AUTO_FREE char *copy = strdup(line);
    AUTO(mount_arguments) struct mount_arguments arguments;
    mount_options_init(out);
    enum err err = parse(copy, ARGUMENTS_FUSE, why, &arguments);
    return err ? err : mount_merge(&arguments, why, out);
}

static int clean_environment(void **state)
{
    (void)state;
    static const char *const names[] = {
        "HUGFS_CACHE_DIR", "HF_ENDPOINT",    "HF_HUB_OFFLINE",
        "SSL_CERT_FILE",   "XDG_CACHE_HOME", "HUGFS_STATE_DIR",
        "XDG_STATE_HOME",  "HF_TOKEN",       "HUGGING_FACE_HUB_TOKEN"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
    setenv("HOME", "/home/me", 1);
    setenv("XDG_CONFIG_HOME", folder, 1);
    return 0;
}

static void write_user_config(const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s/hugfs", folder);
    assert_ok(file_make_dirs(path, 0700, NULL));
    snprintf(path, sizeof path, "%s/hugfs/config", folder);
    assert_ok(file_replace(path, text, strlen(text), 0600, NULL));
}

TEST(test_fuse_letters_mean_what_fuse_says)
{
    char line[] = "hugfs -f -s -n -v a/b /mnt -o ro,offline -oumask=022 -d";
    AUTO(mount_arguments) struct mount_arguments arguments;
    struct why why = {""};
    assert_ok(parse(line, ARGUMENTS_FUSE, &why, &arguments));
    assert_true(arguments.foreground && arguments.debug && !arguments.fake);
    assert_string_equal(arguments.source, "a/b");
    assert_string_equal(arguments.dir, "/mnt");
    assert_int_equal(arguments.n_options, 3);
    assert_string_equal(arguments.options[2], "umask=022");
}

TEST(test_mount_letters_mean_what_mount_says)
{
    char line[] = "mount.hugfs a/b /mnt -s -f -n -v -o rw,_netdev,offline -t fuse.hugfs";
    AUTO(mount_arguments) struct mount_arguments arguments;
    struct why why = {""};
    assert_ok(parse(line, ARGUMENTS_MOUNT_HELPER, &why, &arguments));
    assert_true(arguments.fake && !arguments.foreground);
    assert_int_equal(arguments.n_options, 2); // mount(8)'s own "rw" is no wish
    assert_string_equal(arguments.options[1], "offline");
}

// fstab and mount(8) cannot be told apart from who wants to write, but by what stands beside.
TEST(test_a_mount_of_mount_writes_when_it_says_how)
{
    char line[] = "mount.hugfs a/b /mnt -o rw,commit=auto";
    char fixed[] = "mount.hugfs a/b /mnt -r -o commit=auto";
    AUTO(mount_arguments) struct mount_arguments arguments;
    AUTO(mount_arguments) struct mount_arguments read_only;
    struct why why = {""};
    assert_ok(parse(line, ARGUMENTS_MOUNT_HELPER, &why, &arguments));
    assert_int_equal(arguments.n_options, 2);
    assert_string_equal(arguments.options[1], "rw");
    assert_ok(parse(fixed, ARGUMENTS_MOUNT_HELPER, &why, &read_only));
    assert_int_equal(read_only.n_options, 2);
    assert_string_equal(read_only.options[0], "ro");
}

static void assert_usage(const char *text, enum arguments_dialect dialect,
                         const char *part)
{
    AUTO_FREE char *line = strdup(text);
    AUTO(mount_arguments) struct mount_arguments arguments;
    struct why why = {""};
    assert_int_equal(parse(line, dialect, &why, &arguments), ERR_USAGE);
    assert_non_null(strstr(why.text, part));
}

TEST(test_wrong_command_lines_are_told_apart)
{
    assert_usage("hugfs", ARGUMENTS_FUSE, "SOURCE is missing");
    assert_usage("hugfs a/b", ARGUMENTS_FUSE, "DIR is missing");
    assert_usage("hugfs a/b /x /y", ARGUMENTS_FUSE, "'/y' is one argument too many");
    assert_usage("hugfs --frob a/b /x", ARGUMENTS_FUSE, "unknown option '--frob'");
    assert_usage("mount.hugfs a/b /x -N 1", ARGUMENTS_MOUNT_HELPER,
                 "-N is not supported");
}

TEST(test_stronger_sources_replace_weaker_ones)
{
    struct why why = {""};
    write_user_config("cache_size = 1G\ntimeout = 7s\nendpoint = https://file.example\n"
                      "[a/b]\npoll = 8s\nrev = v1\n[other/*]\npoll = 9s\n");
    setenv("HF_ENDPOINT", "https://environment.example/", 1);
    setenv("HUGFS_CACHE_DIR", "/environment", 1);
    AUTO(mount_options) struct mount_options options;
    assert_ok(merge("hugfs a/b /mnt -o cache_dir=/line", &why, &options));
    assert_true(options.cache_size == UINT64_C(1) << 30); // file
    assert_true(options.timeout_ms == 7000 && options.poll_ms == 8000);
    assert_string_equal(options.endpoint, "https://environment.example");
    assert_string_equal(options.cache_dir, "/line");
    assert_string_equal(options.address.revision, "v1");
    assert_string_equal(options.mount_point, "/mnt");
}

TEST(test_a_token_of_the_environment_is_stronger_than_a_file_of_the_configuration)
{
    struct why why = {""};
    write_user_config("token_file = /file.token\n");
    {
        AUTO(mount_options) struct mount_options options;
        assert_ok(merge("hugfs a/b /mnt", &why, &options));
        assert_string_equal(options.token_file, "/file.token");
    }
    setenv("HF_TOKEN", "hf_of_the_environment", 1);
    {
        AUTO(mount_options) struct mount_options options;
        assert_ok(merge("hugfs a/b /mnt", &why, &options));
        assert_null(options.token_file);
    }
    AUTO(mount_options) struct mount_options options;
    assert_ok(merge("hugfs a/b /mnt -o token_file=/line.token", &why, &options));
    assert_string_equal(options.token_file, "/line.token");
}

TEST(test_the_address_is_stronger_than_files)
{
    struct why why = {""};
    write_user_config("rev = v1\n");
    AUTO(mount_options) struct mount_options options;
    assert_ok(merge("hugfs a/b@v2/x /mnt", &why, &options));
    assert_string_equal(options.address.revision, "v2");
    assert_string_equal(options.address.subdir, "x");
}

TEST(test_a_revision_given_twice_must_agree)
{
    struct why why = {""};
    write_user_config("");
    AUTO(mount_options) struct mount_options same;
    assert_ok(merge("hugfs a/b@v2 /mnt -o rev=v2", &why, &same));
    AUTO(mount_options) struct mount_options different;
    assert_int_equal(merge("hugfs a/b@v2 /mnt -o rev=v3", &why, &different), ERR_USAGE);
    assert_non_null(strstr(why.text, "given twice"));
}

TEST(test_the_default_places_follow_the_environment)
{
    struct why why = {""};
    write_user_config("");
    AUTO(mount_options) struct mount_options home;
    assert_ok(merge("hugfs a/b /mnt", &why, &home));
    assert_string_equal(home.cache_dir, "/home/me/.cache/hugfs");
    assert_string_equal(home.endpoint, "https://huggingface.co");
    assert_true(home.free_floor > 0 && home.free_floor <= UINT64_C(1) << 30);
    setenv("XDG_CACHE_HOME", "/xdg", 1);
    AUTO(mount_options) struct mount_options xdg;
    assert_ok(merge("hugfs a/b /mnt", &why, &xdg));
    assert_string_equal(xdg.cache_dir, "/xdg/hugfs");
}

TEST(test_mistakes_name_the_place_they_come_from)
{
    struct why why = {""};
    write_user_config("\nfrob = 1\n");
    AUTO(mount_options) struct mount_options file;
    assert_int_equal(merge("hugfs a/b /mnt", &why, &file), ERR_USAGE);
    assert_non_null(strstr(why.text, "hugfs/config:2: unknown option 'frob'"));
    write_user_config("");
    setenv("HF_ENDPOINT", "nonsense", 1);
    AUTO(mount_options) struct mount_options environment;
    assert_int_equal(merge("hugfs a/b /mnt", &why, &environment), ERR_USAGE);
    assert_non_null(strstr(why.text, "HF_ENDPOINT in the environment"));
}

TEST(test_a_cache_inside_the_mount_point_is_refused)
{
    struct why why = {""};
    write_user_config("");
    AUTO(mount_options) struct mount_options inside;
    assert_int_equal(merge("hugfs a/b /mnt -o cache_dir=/mnt/cache", &why, &inside),
                     ERR_USAGE);
    assert_non_null(strstr(why.text, "inside the mount point"));
    AUTO(mount_options) struct mount_options beside;
    assert_ok(merge("hugfs a/b /mnt -o cache_dir=/mnt-cache", &why, &beside));
}

static void assert_merge_refused(const char *line, const char *part)
{
    struct why why = {""};
    AUTO(mount_options) struct mount_options options;
    assert_int_equal(merge(line, &why, &options), ERR_USAGE);
    assert_non_null(strstr(why.text, part));
}

TEST(test_unsent_work_has_a_place_where_nothing_deletes_it)
{
    struct why why = {""};
    write_user_config("");
    AUTO(mount_options) struct mount_options home;
    assert_ok(merge("hugfs a/b /mnt -o rw", &why, &home));
    assert_string_equal(home.state_dir, "/home/me/.local/state/hugfs");
    setenv("XDG_STATE_HOME", "/xdg", 1);
    AUTO(mount_options) struct mount_options xdg;
    assert_ok(merge("hugfs a/b /mnt", &why, &xdg));
    assert_string_equal(xdg.state_dir, "/xdg/hugfs");
    setenv("HUGFS_STATE_DIR", "/environment", 1);
    AUTO(mount_options) struct mount_options environment;
    assert_ok(merge("hugfs a/b /mnt", &why, &environment));
    assert_string_equal(environment.state_dir, "/environment");
    assert_merge_refused("hugfs a/b /mnt -o rw,state_dir=/mnt/s",
                         "inside the mount point");
    assert_merge_refused("hugfs a/b /mnt -o rw,cache_dir=/c,state_dir=/c/s",
                         "inside the cache folder");
}

TEST(test_what_cannot_be_written_together_is_refused)
{
    write_user_config("[with/pr]\nrw\npr\n");
    assert_merge_refused("hugfs hf:// /mnt -o rw", "needs one repository");
    assert_merge_refused("hugfs a/b /mnt -o pr", "pr is for a mount that writes");
    assert_merge_refused("hugfs a/b /mnt -o branch=c", "branch= is for a mount that");
    assert_merge_refused("hugfs a/b /mnt -o rw,pr,branch=c", "exclude each other");
    assert_merge_refused("hugfs a/b /mnt -o rw,quiet=5,max_delay=4", "never pass");
    struct why why = {""};
    AUTO(mount_options) struct mount_options fixed;
    assert_ok(merge("hugfs with/pr /mnt -o ro", &why, &fixed));
    assert_false(fixed.writable);
}

TEST(test_one_of_two_times_moves_the_other)
{
    struct why why = {""};
    write_user_config("");
    AUTO(mount_options) struct mount_options none;
    assert_ok(merge("hugfs a/b /mnt -o rw", &why, &none));
    assert_true(none.quiet_ms == 2000 && none.max_delay_ms == 30000);
    AUTO(mount_options) struct mount_options quiet;
    assert_ok(merge("hugfs a/b /mnt -o rw,quiet=1m", &why, &quiet));
    assert_true(quiet.quiet_ms == 60000 && quiet.max_delay_ms == 60000);
    AUTO(mount_options) struct mount_options delay;
    assert_ok(merge("hugfs a/b /mnt -o rw,max_delay=100ms", &why, &delay));
    assert_true(delay.quiet_ms == 100 && delay.max_delay_ms == 100);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "%s/hugfs/config", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/hugfs", folder);
    rmdir(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fuse_letters_mean_what_fuse_says),
        cmocka_unit_test(test_mount_letters_mean_what_mount_says),
        cmocka_unit_test(test_a_mount_of_mount_writes_when_it_says_how),
        cmocka_unit_test(test_wrong_command_lines_are_told_apart),
        cmocka_unit_test_setup(test_stronger_sources_replace_weaker_ones,
                               clean_environment),
        cmocka_unit_test_setup(
            test_a_token_of_the_environment_is_stronger_than_a_file_of_the_configuration,
            clean_environment),
        cmocka_unit_test_setup(test_the_address_is_stronger_than_files,
                               clean_environment),
        cmocka_unit_test_setup(test_a_revision_given_twice_must_agree, clean_environment),
        cmocka_unit_test_setup(test_the_default_places_follow_the_environment,
                               clean_environment),
        cmocka_unit_test_setup(test_mistakes_name_the_place_they_come_from,
                               clean_environment),
        cmocka_unit_test_setup(test_a_cache_inside_the_mount_point_is_refused,
                               clean_environment),
        cmocka_unit_test_setup(test_unsent_work_has_a_place_where_nothing_deletes_it,
                               clean_environment),
        cmocka_unit_test_setup(test_what_cannot_be_written_together_is_refused,
                               clean_environment),
        cmocka_unit_test_setup(test_one_of_two_times_moves_the_other, clean_environment),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
