// SPDX-License-Identifier: Apache-2.0
// The parsers of what is answered to writing: preupload, commits, pull requests, upload
// grants, the progress of a shard.
#include "hub/commit_reply.h"
#include "hub/commit_search.h"
#include "hub/grant_answer.h"
#include "hub/preupload_answer.h"
#include "hub/pull_answers.h"
#include "hub/shard_events.h"
#include "tests/unit/unit_test.h"

#include <stdio.h>
#include <string.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"

// ------------------------------------------------------------------------------ preupload

static const char *const paths[] = {"a", "b"};

static enum err parse_modes(const char *text, struct hub_upload_mode **out)
{
    struct why why = {0};
    enum err err = preupload_answer_parse(text, strlen(text), paths, 2, &why, out);
    assert_true(err == ERR_NONE || why.text[0] != '\0');
    return err;
}

TEST(test_modes_come_in_the_order_of_the_question)
{
    struct hub_upload_mode *modes = NULL;
    assert_ok(
        parse_modes("{\"files\":[{\"path\":\"b\",\"uploadMode\":\"lfs\",\"oid\":\"" SHA
                    "\"},{\"path\":\"a\",\"uploadMode\":\"regular\",\"oid\":\"0\"}]}",
                    &modes));
    assert_false(modes[0].is_lfs);
    assert_false(modes[0].has_oid);
    assert_true(modes[1].is_lfs);
    assert_string_equal(modes[1].oid, SHA);
    free(modes);
}

TEST(test_a_preupload_answer_must_be_complete_and_understood)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{\"files\":{}}",
        "{\"files\":[]}",
        "{\"files\":[{\"path\":\"a\",\"uploadMode\":\"lfs\"}]}",
        "{\"files\":[{\"path\":\"a\",\"uploadMode\":\"lfs\"},"
        "{\"path\":\"a\",\"uploadMode\":\"lfs\"}]}",
        "{\"files\":[{\"path\":\"a\",\"uploadMode\":\"lfs\"},{\"path\":\"b\"}]}",
        "{\"files\":[{\"path\":\"a\",\"uploadMode\":\"lfs\"},"
        "{\"path\":\"b\",\"uploadMode\":\"telepathy\"}]}",
        "{\"files\":[{},{},{}]}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hub_upload_mode *modes = NULL;
        assert_err(parse_modes(bad[i], &modes), ERR_BAD_ANSWER);
        assert_null(modes);
    }
}

// --------------------------------------------------------------------------------- commits

static enum err parse_reply(const char *text, struct commit_reply *out)
{
    return commit_reply_parse(text, strlen(text), NULL, out);
}

TEST(test_a_commits_answer_needs_its_id)
{
    struct commit_reply reply;
    assert_ok(parse_reply("{\"commitOid\":\"" SHA "\",\"commitUrl\":\"https://h/x y\","
                          "\"pullRequestUrl\":\"https://h/discussions/1\"}",
                          &reply));
    assert_int_equal(reply.oid.bytes[0], 0x01);
    assert_string_equal(reply.url, ""); // no address
    assert_string_equal(reply.pull_url, "https://h/discussions/1");
    commit_reply_release(&reply);
    assert_err(parse_reply("{\"success\":true}", &reply), ERR_BAD_ANSWER);
    assert_err(parse_reply("{\"commitOid\":\"xyz\"}", &reply), ERR_BAD_ANSWER);
    assert_err(parse_reply("<html>", &reply), ERR_BAD_ANSWER);
    assert_true(commit_refusal_is_missing_lfs(
        "LFS pointer pointed to a file that does not exist"));
    assert_false(commit_refusal_is_missing_lfs("the file does not exist"));
}

TEST(test_the_search_ends_at_the_hundredth_commit)
{
    struct buffer page = buffer_init(1 << 20);
    struct hub_found_commit found;
    assert_ok(buffer_append_text(&page, "["));
    for (int i = 0; i < HUB_FIND_COMMIT_MAX + 1; i++) {
        assert_ok(buffer_printf(&page, "%s{\"id\":\"%040d\",\"title\":\"%s\"}",
                                i > 0 ? "," : "", i,
                                i == HUB_FIND_COMMIT_MAX ? "needle" : ""));
    }
    assert_ok(buffer_append_text(&page, "]"));
    assert_ok(commit_search(&page, 1, NULL, "needle", NULL, &found));
    assert_false(found.found);
    assert_false(found.reached_stop);
    buffer_clear(&page);
    assert_ok(buffer_append_text(&page, "[]"));
    assert_ok(commit_search(&page, 1, NULL, "needle", NULL, &found));
    assert_true(oid_is_zero(&found.head));
    buffer_clear(&page);
    assert_ok(buffer_append_text(&page, "[{\"id\":7}]"));
    assert_err(commit_search(&page, 1, NULL, "needle", NULL, &found), ERR_BAD_ANSWER);
    buffer_release(&page);
}

// --------------------------------------------------------------------------- pull requests

TEST(test_numbers_of_pull_requests_are_small_and_not_zero)
{
    static const char *const bad[] = {
        "{}", "{\"num\":0}", "{\"num\":4294967296}", "{\"num\":\"1\"}", "{\"num\":1.5}",
        "[]"};
    uint64_t number = 0;
    assert_ok(pull_opened_parse("{\"num\":12}", 10, NULL, &number));
    assert_int_equal(number, 12);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_err(pull_opened_parse(bad[i], strlen(bad[i]), NULL, &number),
                   ERR_BAD_ANSWER);
    }
}

// ---------------------------------------------------------------------------------- grants

static enum err parse_grant(const char *url, const char *id, const char *headers,
                            struct grant *out)
{
    struct url_policy policy = {.allow_http_loopback = true};
    struct why why = {0};
    char text[2000];
    int len = snprintf(text, sizeof(text),
                       "{\"id\":\"%s\",\"method\":\"PUT\",\"url\":\"%s\",\"headers\":%s}",
                       id, url, headers);
    enum err err = grant_parse(text, (size_t)len, &policy, &why, out);
    assert_true(err == ERR_NONE || why.text[0] != '\0');
    return err;
}

TEST(test_a_grants_headers_are_kept_but_for_those_that_curl_writes)
{
    struct grant grant;
    assert_ok(parse_grant("https://cdn/x?s=1", "g-1",
                          "{\"host\":\"h\",\"Content-Type\":\"a/b\",\"content-length\":"
                          "\"3\",\"x-amz-meta\":\"1\"}",
                          &grant));
    assert_string_equal(grant.url, "https://cdn/x?s=1");
    assert_string_equal(grant.headers->data, "Content-Type: a/b");
    assert_string_equal(grant.headers->next->data, "x-amz-meta: 1");
    assert_null(grant.headers->next->next);
    grant_release(&grant);
    assert_ok(parse_grant("http://127.0.0.1:1/x", "g", "null", &grant));
    assert_null(grant.headers);
    grant_release(&grant);
}

TEST(test_a_grant_that_asks_for_too_much_is_refused)
{
    static const char *const bad[][3] = {
        {"http://cdn/x", "g", "{}"},
        {"ftp://cdn/x", "g", "{}"},
        {"https://user:pw@cdn/x", "g", "{}"},
        {"/relative", "g", "{}"},
        {"https://cdn/x", "", "{}"},
        {"https://cdn/x", "..", "{}"},
        {"https://cdn/x", "a/b", "{}"},
        {"https://cdn/x", "a?b", "{}"},
        {"https://cdn/x", "g", "{\"authorization\":\"Bearer x\"}"},
        {"https://cdn/x", "g", "{\"Cookie\":\"x\"}"},
        {"https://cdn/x", "g", "{\"transfer-encoding\":\"chunked\"}"},
        {"https://cdn/x", "g", "{\"a\":\"b\\r\\nc: d\"}"},
        {"https://cdn/x", "g", "{\"a\\r\\nb\":\"c\"}"},
        {"https://cdn/x", "g", "{\"a b\":\"c\"}"},
        {"https://cdn/x", "g", "{\"a\":1}"},
        {"https://cdn/x", "g", "{\"a\":\"\"}"},
    };
    struct grant grant;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_err(parse_grant(bad[i][0], bad[i][1], bad[i][2], &grant), ERR_BAD_ANSWER);
    }
    char many[1000] = "{\"h0\":\"x\"";
    for (int i = 1; i <= GRANT_HEADERS_MAX; i++) {
        size_t len = strlen(many);
        snprintf(many + len, sizeof(many) - len, ",\"h%d\":\"x\"%s", i,
                 i == GRANT_HEADERS_MAX ? "}" : "");
    }
    assert_err(parse_grant("https://cdn/x", "g", many, &grant), ERR_BAD_ANSWER);
}

// ---------------------------------------------------------------------------------- shards

TEST(test_only_the_terminal_line_is_the_result)
{
    static const struct {
        const char *text;
        enum err err;
    } cases[] = {
        {"{\"type\":\"result\",\"result\":1}\n", ERR_NONE},
        {"\r\n\n{\"type\":\"result\"}", ERR_NONE},
        {"{\"type\":\"validating\"}\n{\"type\":\"x\"}\n{\"type\":\"result\"}\n",
         ERR_NONE},
        {"", ERR_TRUNCATED},
        {"{\"type\":\"validating\"}\n", ERR_TRUNCATED},
        {"{\"type\":\"validating\"}\n{\"type\":\"resu", ERR_TRUNCATED},
        {"{\"result\":1}", ERR_TRUNCATED},
        {"{\"result\":1}\n", ERR_BAD_ANSWER},
        {"<html>\n", ERR_BAD_ANSWER},
        {"{\"type\":\"error\",\"message\":\"no\"}\n", ERR_USAGE},
        {"{\"type\":\"error\"}\n", ERR_USAGE},
        {"{\"type\":\"error\",\"message\":\"no\",\"retryable\":true}\n", ERR_SERVER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct why why = {0};
        assert_err(shard_events_parse(cases[i].text, strlen(cases[i].text), &why),
                   cases[i].err);
        assert_true(cases[i].err == ERR_NONE || why.text[0] != '\0');
    }
    assert_err(shard_events_parse(NULL, 0, NULL), ERR_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes_come_in_the_order_of_the_question),
        cmocka_unit_test(test_a_preupload_answer_must_be_complete_and_understood),
        cmocka_unit_test(test_a_commits_answer_needs_its_id),
        cmocka_unit_test(test_the_search_ends_at_the_hundredth_commit),
        cmocka_unit_test(test_numbers_of_pull_requests_are_small_and_not_zero),
        cmocka_unit_test(test_a_grants_headers_are_kept_but_for_those_that_curl_writes),
        cmocka_unit_test(test_a_grant_that_asks_for_too_much_is_refused),
        cmocka_unit_test(test_only_the_terminal_line_is_the_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
