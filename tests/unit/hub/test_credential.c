// SPDX-License-Identifier: Apache-2.0
#include "hub/credential.h"
#include "tests/unit/unit_test.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const variables[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN",
                                        "HF_TOKEN_PATH", "HF_HOME", "XDG_CACHE_HOME"};

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_credential.XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        unsetenv(variables[i]);
    }
    setenv("HOME", folder, 1);
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind,
                      struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static char *path_of(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof(path[0]), "%s/%s", folder, name);
    return to;
}

static void write_file(const char *name, const char *text)
{
    assert_ok(file_replace(path_of(name), text, strlen(text), 0600, NULL));
}

static void expect_token(const char *token_file, const char *token, const char *source)
{
    struct credential credential;
    char told[TOKEN_SOURCE_SIZE];
    assert_ok(credential_init(&credential, token_file, NULL));
    AUTO_FREE char *found = credential_token(&credential);
    if (token == NULL) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_string_equal(found, token);
    }
    credential_source(&credential, told, sizeof(told));
    assert_string_equal(told, source);
    credential_release(&credential);
}

TEST(test_sources_are_asked_in_their_order)
{
    expect_token(NULL, NULL, "none");
    assert_ok(file_make_dirs(path_of(".cache/huggingface"), 0700, NULL));
    write_file(".cache/huggingface/token", "hf_default");
    expect_token(NULL, "hf_default", path_of(".cache/huggingface/token"));
    assert_ok(file_make_dirs(path_of("home"), 0700, NULL));
    write_file("home/token", "hf_home");
    setenv("HF_HOME", path_of("home"), 1);
    expect_token(NULL, "hf_home", path_of("home/token"));
    write_file("elsewhere", "hf_path");
    setenv("HF_TOKEN_PATH", path_of("elsewhere"), 1);
    expect_token(NULL, "hf_path", path_of("elsewhere"));
    setenv("HUGGING_FACE_HUB_TOKEN", "hf_old", 1);
    expect_token(NULL, "hf_old", "HUGGING_FACE_HUB_TOKEN");
    setenv("HF_TOKEN", "hf_new", 1);
    expect_token(NULL, "hf_new", "HF_TOKEN");
    write_file("option", "hf_option");
    expect_token(path_of("option"), "hf_option", path_of("option"));
}

TEST(test_white_space_is_trimmed_and_an_empty_variable_is_unset)
{
    setenv("HF_TOKEN", "  \n", 1);
    setenv("HUGGING_FACE_HUB_TOKEN", "\t hf_x\r\n", 1);
    expect_token(NULL, "hf_x", "HUGGING_FACE_HUB_TOKEN");
}

TEST(test_a_token_with_control_characters_is_refused_by_the_name_of_its_source)
{
    struct credential credential;
    struct why why = {0};
    setenv("HF_TOKEN", "hf_a\nX-Evil: 1", 1);
    assert_err(credential_init(&credential, NULL, &why), ERR_ACCESS);
    assert_non_null(strstr(why.text, "HF_TOKEN"));
    assert_null(strstr(why.text, "hf_a"));
    write_file("bad", "hf_a b");
    assert_err(credential_init(&credential, path_of("bad"), &why), ERR_ACCESS);
    assert_non_null(strstr(why.text, path_of("bad")));
}

TEST(test_a_token_file_that_was_asked_for_must_be_there)
{
    struct credential credential;
    struct why why = {0};
    assert_err(credential_init(&credential, path_of("missing"), &why), ERR_ACCESS);
    assert_non_null(strstr(why.text, path_of("missing")));
    write_file("empty", "\n");
    assert_err(credential_init(&credential, path_of("empty"), &why), ERR_ACCESS);
    setenv("HF_TOKEN_PATH", path_of("missing"), 1);
    expect_token(NULL, NULL, "none"); // a login may still create it
}

TEST(test_a_changed_file_is_noticed_but_not_looked_at_all_the_time)
{
    struct credential credential;
    char before[TOKEN_FINGERPRINT_SIZE];
    char after[TOKEN_FINGERPRINT_SIZE];
    write_file("token", "hf_one");
    assert_ok(credential_init(&credential, path_of("token"), NULL));
    credential_fingerprint(&credential, before, sizeof(before));
    assert_int_equal(strlen(before), 16);
    assert_false(credential_check(&credential, 10000));
    write_file("token", "hf_two_longer");
    assert_false(credential_check(&credential, 11999));
    assert_true(credential_check(&credential, 12000));
    AUTO_FREE char *token = credential_token(&credential);
    assert_string_equal(token, "hf_two_longer");
    credential_fingerprint(&credential, after, sizeof(after));
    assert_string_not_equal(before, after);
    assert_false(credential_reload(&credential)); // the same again
    credential_release(&credential);
}

TEST(test_a_file_that_turns_bad_keeps_the_old_token)
{
    struct credential credential;
    write_file("token", "hf_one");
    assert_ok(credential_init(&credential, path_of("token"), NULL));
    write_file("token", "hf \x01");
    assert_false(credential_reload(&credential));
    unlink(path_of("token"));
    assert_false(credential_reload(&credential));
    AUTO_FREE char *token = credential_token(&credential);
    assert_string_equal(token, "hf_one");
    credential_release(&credential);
}

TEST(test_the_anonymous_fingerprint_is_empty)
{
    struct credential credential;
    char fingerprint[TOKEN_FINGERPRINT_SIZE];
    assert_ok(credential_init(&credential, NULL, NULL));
    credential_fingerprint(&credential, fingerprint, sizeof(fingerprint));
    assert_string_equal(fingerprint, "");
    credential_release(&credential);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sources_are_asked_in_their_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_white_space_is_trimmed_and_an_empty_variable_is_unset, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_token_with_control_characters_is_refused_by_the_name_of_its_source,
            set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_token_file_that_was_asked_for_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_changed_file_is_noticed_but_not_looked_at_all_the_time, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_that_turns_bad_keeps_the_old_token,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_anonymous_fingerprint_is_empty, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
