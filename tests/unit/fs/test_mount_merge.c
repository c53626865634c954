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
    static const char *const names[] = {"HUGFS_CACHE_DIR", "HF_ENDPOINT",
                                        "HF_HUB_OFFLINE", "SSL_CERT_FILE",
                                        "XDG_CACHE_HOME"};
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
        cmocka_unit_test(test_wrong_command_lines_are_told_apart),
        cmocka_unit_test_setup(test_stronger_sources_replace_weaker_ones,
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
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
