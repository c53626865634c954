// SPDX-License-Identifier: Apache-2.0

#include "base/repo_id.h"
#include "tests/unit/unit_test.h"

#include <string.h>

TEST(test_names_of_real_repositories_are_legal)
{
    assert_true(repo_name_is_legal("gpt2"));
    assert_true(repo_name_is_legal("openai-community/gpt2"));
    assert_true(repo_name_is_legal("meta-llama/Llama-3.2-1B"));
    assert_true(repo_name_is_legal("_a/b_"));
}

TEST(test_names_no_repository_can_have_are_not)
{
    static const char *const BAD[] = {
        "",       "/",     "a/",           "/a",     "a/b/c", "-a",    "a-",
        ".a",     "a.",    "a--b",         "a..b",   "a b",   "a%2Fb", "a\xc3\xa9",
        ".git",   "a.git", "a/b.git",      ".Trash", "a/..",  "a?b",   "a#b",
        "a@main", "a/b@c", "autorun.inf/", "a\nb",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_false(repo_name_is_legal(BAD[i]));
    }
}

TEST(test_a_part_has_at_most_96_characters)
{
    char part[98];
    memset(part, 'a', sizeof(part));
    assert_true(repo_name_part_is_legal(part, 96));
    assert_false(repo_name_part_is_legal(part, 97));
}

TEST(test_ids_are_written_as_the_hub_writes_them)
{
    char text[REPO_NAME_SIZE + 16];
    struct repo_id repo = {REPO_DATASET, "rajpurkar/squad"};
    repo_id_format(&repo, text, sizeof(text));
    assert_string_equal(text, "datasets/rajpurkar/squad");
    repo.kind = REPO_MODEL;
    repo_id_format(&repo, text, sizeof(text));
    assert_string_equal(text, "rajpurkar/squad");
    assert_string_equal(repo_kind_plural(REPO_SPACE), "spaces");
    assert_string_equal(repo_kind_prefix(REPO_SPACE), "spaces/");
}

TEST(test_kind_and_name_make_the_identity)
{
    struct repo_id a = {REPO_MODEL, "a/b"};
    struct repo_id b = {REPO_DATASET, "a/b"};
    struct repo_id c = {REPO_MODEL, "a/B"};
    assert_true(repo_id_equal(&a, &a));
    assert_false(repo_id_equal(&a, &b));
    assert_false(repo_id_equal(&a, &c));
}

TEST(test_branches_tags_refs_and_commits_are_legal_revisions)
{
    assert_true(revision_is_legal("main"));
    assert_true(revision_is_legal("refs/pr/3"));
    assert_true(revision_is_legal("refs/convert/parquet"));
    assert_true(revision_is_legal("v1.0"));
    assert_true(revision_is_legal("607a30d783dfa663caf39e06633721c8d4cfcd7e"));
    assert_true(revision_is_legal("feature-\xc3\xa9"));
}

TEST(test_revisions_that_would_change_the_address_are_not)
{
    static const char *const BAD[] = {
        "",    ".",   "..",   "a..b", "a/../b", "./a",     "a/.", "a/./b",
        "/a",  "a/",  "a//b", "a b",  "a\tb",   "a\x7f",   "a~1", "a^",
        "a:b", "a?b", "a*b",  "a[b",  "a\\b",   ".hidden",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_false(revision_is_legal(BAD[i]));
    }
    char longest[REVISION_SIZE + 1];
    memset(longest, 'a', sizeof(longest));
    longest[REVISION_SIZE] = '\0';
    assert_false(revision_is_legal(longest));
    longest[REVISION_SIZE - 1] = '\0';
    assert_true(revision_is_legal(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_real_repositories_are_legal),
        cmocka_unit_test(test_names_no_repository_can_have_are_not),
        cmocka_unit_test(test_a_part_has_at_most_96_characters),
        cmocka_unit_test(test_ids_are_written_as_the_hub_writes_them),
        cmocka_unit_test(test_kind_and_name_make_the_identity),
        cmocka_unit_test(test_branches_tags_refs_and_commits_are_legal_revisions),
        cmocka_unit_test(test_revisions_that_would_change_the_address_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
