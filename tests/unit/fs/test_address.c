// SPDX-License-Identifier: Apache-2.0
// Addresses as people type them: fs/address.c.
#include "fs/address.h"
#include "tests/unit/unit_test.h"

static void assert_address(const char *text, enum repo_kind kind, const char *name,
                           const char *revision, const char *subdir)
{
    struct why why = {""};
    struct address address;
    assert_ok(address_parse(text, &why, &address));
    assert_int_equal(address.repo.kind, kind);
    assert_string_equal(address.repo.name, name);
    assert_string_equal(address.revision, revision);
    assert_string_equal(address.subdir, subdir);
}

// The address is refused with `err`, and the sentence holds `part`.
static void assert_refused(const char *text, enum err err, const char *part)
{
    struct why why = {""};
    struct address address = {.revision = "untouched"};
    assert_int_equal(address_parse(text, &why, &address), err);
    assert_non_null(strstr(why.text, part));
    assert_string_equal(address.revision, "untouched");
}

TEST(test_kinds_and_parts_are_told_apart)
{
    assert_address("openai-community/gpt2", REPO_MODEL, "openai-community/gpt2", "", "");
    assert_address("hf://openai-community/gpt2", REPO_MODEL, "openai-community/gpt2", "",
                   "");
    assert_address("models/a/b", REPO_MODEL, "a/b", "", "");
    assert_address("datasets/rajpurkar/squad@v1/plain_text", REPO_DATASET,
                   "rajpurkar/squad", "v1", "plain_text");
    assert_address("HF://spaces/a/b/x/y/", REPO_SPACE, "a/b", "", "x/y");
    assert_address("a/b/", REPO_MODEL, "a/b", "", "");
}

TEST(test_ids_without_owner_are_accepted)
{
    assert_address("gpt2", REPO_MODEL, "gpt2", "", "");
    assert_address("gpt2/", REPO_MODEL, "gpt2", "", "");
    assert_address("gpt2@main", REPO_MODEL, "gpt2", "main", "");
    assert_address("gpt2@main/onnx", REPO_MODEL, "gpt2", "main", "onnx");
    assert_address("datasets/squad", REPO_DATASET, "squad", "", "");
    assert_address("datasets/squad@refs/convert/parquet", REPO_DATASET, "squad",
                   "refs/convert/parquet", "");
}

TEST(test_special_refs_may_be_written_plainly)
{
    assert_address("a/b@refs/pr/3", REPO_MODEL, "a/b", "refs/pr/3", "");
    assert_address("a/b@refs/pr/3/sub/dir", REPO_MODEL, "a/b", "refs/pr/3", "sub/dir");
    assert_address("a/b@refs%2Fpr%2F3/sub", REPO_MODEL, "a/b", "refs/pr/3", "sub");
    assert_address("a/b@refs/convert/parquet/x", REPO_MODEL, "a/b",
                   "refs/convert/parquet", "x");
    assert_refused("a/b@refs/heads/main", ERR_USAGE, "%2F");
}

TEST(test_a_slash_in_a_revision_is_percent_encoded)
{
    assert_address("a/b@feature%2Fone/x", REPO_MODEL, "a/b", "feature/one", "x");
    assert_address("a/b@feature%2fone", REPO_MODEL, "a/b", "feature/one", "");
    assert_address("a/b@50%", REPO_MODEL, "a/b", "50%", "");
    assert_address("a/b@50%25", REPO_MODEL, "a/b", "50%", "");
}

TEST(test_an_at_sign_in_a_subfolder_is_part_of_it)
{
    assert_address("a/b/x@y", REPO_MODEL, "a/b", "", "x@y");
    assert_address("a/b@v1/x@y", REPO_MODEL, "a/b", "v1", "x@y");
}

TEST(test_the_scheme_alone_is_the_whole_hub)
{
    struct address address;
    AUTO(buffer) struct buffer text = buffer_init(64);
    assert_int_equal(address_parse("hf://", NULL, &address), ERR_NONE);
    assert_true(address.is_hub);
    assert_int_equal(address_parse("HF:///", NULL, &address), ERR_NONE);
    assert_true(address.is_hub);
    assert_int_equal(address_format(&address, &text), ERR_NONE);
    assert_string_equal(buffer_text(&text), "hf://");
    assert_int_equal(address_parse("hf://a/b", NULL, &address), ERR_NONE);
    assert_false(address.is_hub);
}

TEST(test_what_hugfs_does_not_mount_is_named)
{
    assert_refused("buckets/a/b", ERR_UNSUPPORTED, "buckets are not supported");
    assert_refused("hf://kernels/a/b", ERR_UNSUPPORTED, "kernels are not supported");
}

TEST(test_nonsense_is_refused_with_a_sentence)
{
    assert_refused("", ERR_USAGE, "not a repository");
    assert_refused("/", ERR_USAGE, "not a repository");
    assert_refused("a/..", ERR_USAGE, "not a repository");
    assert_refused("a/b/../c", ERR_USAGE, "'.' or '..'");
    assert_refused("a/b@", ERR_USAGE, "empty");
    assert_refused("a/b@/x", ERR_USAGE, "empty");
    assert_refused("a/b@x..y", ERR_USAGE, "cannot be the name");
    assert_refused("a/b@x%00y", ERR_USAGE, "cannot be the name");
    assert_refused("datasets", ERR_USAGE, "datasets/OWNER/NAME");
    assert_refused("datasets/", ERR_USAGE, "datasets/OWNER/NAME");
    assert_refused("a b/c", ERR_USAGE, "not a repository");
    assert_refused("models/models/", ERR_USAGE, "not a repository");
    assert_refused("datasets/spaces/x", ERR_USAGE, "not a repository");
}

TEST(test_a_web_address_is_refused_without_being_repeated)
{
    struct why why = {""};
    struct address address;
    assert_int_equal(
        address_parse("https://me:hf_secret@huggingface.co/a/b", &why, &address),
        ERR_USAGE);
    assert_non_null(strstr(why.text, "web address"));
    assert_null(strstr(why.text, "secret"));
}

TEST(test_names_that_are_too_long_are_refused)
{
    char text[2 * PATH_BYTES_MAX];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_refused(text, ERR_USAGE, "not a repository");
    memcpy(text, "a/b@", 4);
    assert_refused(text, ERR_USAGE, "too long");
    memcpy(text, "a/b/", 4);
    assert_refused(text, ERR_USAGE, "cannot be a folder");
}

TEST(test_what_is_formatted_parses_to_the_same)
{
    static const char *const texts[] = {
        "a/b",     "gpt2",          "datasets/a/b@v1", "spaces/a/b@feature%2Fone/x/y",
        "a/b/x@y", "a/b@refs/pr/3", "a/b@refs/pr/3/x", "a/b@50%25",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct address address;
        AUTO(buffer) struct buffer out = buffer_init(8192);
        assert_ok(address_parse(texts[i], NULL, &address));
        assert_ok(address_format(&address, &out));
        assert_string_equal(buffer_text(&out), texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_and_parts_are_told_apart),
        cmocka_unit_test(test_ids_without_owner_are_accepted),
        cmocka_unit_test(test_special_refs_may_be_written_plainly),
        cmocka_unit_test(test_a_slash_in_a_revision_is_percent_encoded),
        cmocka_unit_test(test_an_at_sign_in_a_subfolder_is_part_of_it),
        cmocka_unit_test(test_the_scheme_alone_is_the_whole_hub),
        cmocka_unit_test(test_what_hugfs_does_not_mount_is_named),
        cmocka_unit_test(test_nonsense_is_refused_with_a_sentence),
        cmocka_unit_test(test_a_web_address_is_refused_without_being_repeated),
        cmocka_unit_test(test_names_that_are_too_long_are_refused),
        cmocka_unit_test(test_what_is_formatted_parses_to_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
