// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "hub/repo_answers.h"
#include "hub/xet_token.h"
#include "tests/unit/unit_test.h"

#include <string.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"

static enum err info_of(const char *text, struct hub_repo_info *out)
{
    return repo_info_parse(text, strlen(text), REPO_DATASET, NULL, out);
}

TEST(test_repository_info_is_read)
{
    struct hub_repo_info info;
    assert_ok(info_of("{\"id\":\"o/n\",\"sha\":\"" SHA
                      "\",\"private\":true,\"gated\":\"manual\","
                      "\"disabled\":false,\"lastModified\":\"2026-01-01T00:00:00.000Z\"}",
                      &info));
    assert_string_equal(info.repo.name, "o/n");
    assert_int_equal(info.repo.kind, REPO_DATASET);
    assert_true(info.is_private);
    assert_false(info.disabled);
    assert_int_equal(info.gate, HUB_GATE_MANUAL);
    assert_int_equal(info.modified_s, 1767225600);
    assert_ok(info_of("{\"id\":\"n\",\"sha\":\"" SHA "\",\"gated\":false}", &info));
    assert_int_equal(info.gate, HUB_GATE_NONE);
    assert_int_equal(info.modified_s, -1);
    assert_ok(info_of("{\"id\":\"n\",\"sha\":\"" SHA "\",\"gated\":\"auto\"}", &info));
    assert_int_equal(info.gate, HUB_GATE_AUTO);
}

TEST(test_repository_info_without_id_or_commit_is_refused)
{
    static const char *const bad[] = {
        "{\"sha\":\"" SHA "\"}",
        "{\"id\":\"o/n\"}",
        "{\"id\":\"o/n\",\"sha\":\"main\"}",
        "{\"id\":\"../../etc\",\"sha\":\"" SHA "\"}",
        "{\"id\":\"a/b/c\",\"sha\":\"" SHA "\"}",
        "[]",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hub_repo_info info;
        assert_err(info_of(bad[i], &info), ERR_BAD_ANSWER);
    }
}

TEST(test_refs_of_all_kinds_are_read)
{
    static const char text[] =
        "{\"branches\":[{\"name\":\"main\",\"ref\":\"refs/heads/"
        "main\",\"targetCommit\":\"" SHA "\"}],"
        "\"converts\":[{\"name\":\"parquet\",\"ref\":\"refs/convert/"
        "parquet\",\"targetCommit\":\"" SHA "\"}],"
        "\"tags\":[{\"name\":\"v1\",\"ref\":\"refs/tags/v1\",\"targetCommit\":\"" SHA
        "\"},"
        "{\"name\":\"bad name\",\"ref\":\"x\",\"targetCommit\":\"" SHA "\"}],"
        "\"pullRequests\":[{\"name\":\"pr/1\",\"ref\":\"refs/pr/"
        "1\",\"targetCommit\":\"" SHA "\"}]}";
    struct refs_answer answer;
    assert_ok(refs_parse(text, sizeof(text) - 1, NULL, &answer));
    assert_int_equal(answer.count, 4); // the one that can't be a revision is left out
    assert_string_equal(answer.refs[0].name, "main");
    assert_string_equal(answer.refs[1].name, "v1");
    assert_int_equal(answer.refs[1].kind, HUB_REF_TAG);
    assert_string_equal(answer.refs[2].name, "parquet");
    assert_string_equal(answer.refs[3].name, "refs/pr/1");
    assert_int_equal(answer.refs[3].kind, HUB_REF_PULL);
    refs_answer_release(&answer);
}

TEST(test_refs_without_branches_are_refused)
{
    static const char text[] = "{\"tags\":[],\"converts\":[]}";
    struct refs_answer answer;
    assert_err(refs_parse(text, sizeof(text) - 1, NULL, &answer), ERR_BAD_ANSWER);
}

TEST(test_the_date_of_the_first_commit_is_read)
{
    static const char text[] =
        "[{\"id\":\"x\",\"date\":\"2026-01-01T00:00:01.000Z\"},{}]";
    int64_t date_s = 0;
    assert_ok(commit_date_parse(text, sizeof(text) - 1, NULL, &date_s));
    assert_int_equal(date_s, 1767225601);
    assert_err(commit_date_parse("[]", 2, NULL, &date_s), ERR_BAD_ANSWER);
    assert_err(commit_date_parse("[{\"date\":\"x\"}]", 14, NULL, &date_s),
               ERR_BAD_ANSWER);
}

static enum err token_of(const char *text, bool allow_loopback,
                         struct xet_token_answer *out)
{
    struct url_policy policy = {.allow_http_loopback = allow_loopback};
    return xet_token_parse(text, strlen(text), &policy, NULL, out);
}

TEST(test_a_xet_token_is_read)
{
    struct xet_token_answer answer;
    assert_ok(token_of(
        "{\"accessToken\":\"xet_a\",\"exp\":1848535668,\"casUrl\":\"https://cas/\"}",
        false, &answer));
    assert_string_equal(answer.token, "xet_a");
    assert_string_equal(answer.cas_url, "https://cas");
    assert_int_equal(answer.expires_s, 1848535668);
    xet_token_answer_release(&answer);
    assert_ok(
        token_of("{\"accessToken\":\"a\",\"exp\":1,\"casUrl\":\"http://127.0.0.1:1\"}",
                 true, &answer));
    xet_token_answer_release(&answer);
}

TEST(test_tokens_for_odd_addresses_are_refused)
{
    static const char *const bad[] = {
        "{\"accessToken\":\"a\",\"exp\":1,\"casUrl\":\"http://127.0.0.1:1\"}",
        "{\"accessToken\":\"a\",\"exp\":1,\"casUrl\":\"file:///etc\"}",
        "{\"accessToken\":\"a\",\"exp\":1,\"casUrl\":\"https://u:p@cas\"}",
        "{\"accessToken\":\"a\",\"exp\":1,\"casUrl\":\"https://cas/?x\"}",
        "{\"accessToken\":\"a\\nb\",\"exp\":1,\"casUrl\":\"https://cas\"}",
        "{\"accessToken\":\"\",\"exp\":1,\"casUrl\":\"https://cas\"}",
        "{\"accessToken\":\"a\",\"exp\":-1,\"casUrl\":\"https://cas\"}",
        "{\"exp\":1,\"casUrl\":\"https://cas\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct xet_token_answer answer;
        assert_err(token_of(bad[i], false, &answer), ERR_BAD_ANSWER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repository_info_is_read),
        cmocka_unit_test(test_repository_info_without_id_or_commit_is_refused),
        cmocka_unit_test(test_refs_of_all_kinds_are_read),
        cmocka_unit_test(test_refs_without_branches_are_refused),
        cmocka_unit_test(test_the_date_of_the_first_commit_is_read),
        cmocka_unit_test(test_a_xet_token_is_read),
        cmocka_unit_test(test_tokens_for_odd_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
