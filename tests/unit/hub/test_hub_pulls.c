// SPDX-License-Identifier: Apache-2.0
// Looking for commits, pull requests and branches.
#include "tests/unit/hub/verb_bench.h"

#define SHA "0123456789abcdef0123456789abcdef01234567"
#define OLD "00000000000000000000000000000000000000aa"

static struct {
    int status;
    const char *headers;
    const char *body;
    char got[4000]; // the last request's body
} script;

static void answer_script(const struct scripted_server *server, const char *asked,
                          struct buffer *out)
{
    (void)asked;
    snprintf(script.got, sizeof(script.got), "%s", buffer_text(&server->body));
    reply(out, script.status, script.headers != NULL ? script.headers : "", script.body);
}

static void on_done(void *ctx, enum err err, const struct why *why)
{
    begin(ctx, err, why, 0);
    finish(ctx);
}

static void on_number(void *ctx, enum err err, const struct why *why, uint64_t number)
{
    begin(ctx, err, why, (size_t)number);
    finish(ctx);
}

// ------------------------------------------------------------------------- finding commits

static void on_found(void *ctx, enum err err, const struct why *why,
                     const struct hub_found_commit *result)
{
    char hex[OID_HEX_SIZE] = "-";
    begin(ctx, err, why, 0);
    if (result != NULL) {
        if (result->found) {
            oid_to_hex(&result->oid, hex);
        }
        add_word(ctx, hex);
        add_word(ctx, result->reached_stop ? "stop" : "-");
        oid_to_hex(&result->head, hex);
        add_word(ctx, hex);
    }
    finish(ctx);
}

static void answer_history(const struct scripted_server *server, const char *asked,
                           struct buffer *out)
{
    (void)server;
    if (strstr(asked, "p=2") == NULL) {
        reply(out, 200, "Link: </api/models/acme/old/commits/main?p=2>; rel=\"next\"\r\n",
              "[{\"id\":\"" SHA "\",\"title\":\"x\",\"message\":\"\"}]");
    } else {
        reply(out, 200, "",
              "[{\"id\":\"1111111111111111111111111111111111111111\",\"title\":\"y\","
              "\"message\":\"m\\n\\nHugfs-Commit: abc\"},"
              "{\"id\":\"" OLD "\",\"title\":\"z abc\",\"message\":\"\"}]");
    }
}

TEST(test_a_commit_is_found_by_a_word_in_its_message)
{
    struct bench bench;
    struct oid stop_at;
    assert_ok(oid_from_hex(OLD, 40, &stop_at));
    start(&bench, "hf_good", answer_history);
    hub_find_commit(bench.hub, &demand, &repo, "main", &stop_at, "Hugfs-Commit: abc",
                    on_found, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_string_equal(outcome->text, "1111111111111111111111111111111111111111 - " SHA);
    assert_string_equal(bench.server.asked[0],
                        "/api/models/acme/old/commits/main?limit=100");
    hub_find_commit(bench.hub, &demand, &repo, "main", &stop_at, "nothing", on_found,
                    &bench.outcome);
    assert_string_equal(wait_for(&bench)->text, "- stop " SHA);
    hub_find_commit(bench.hub, &demand, &repo, "main", NULL, "nothing", on_found,
                    &bench.outcome);
    assert_string_equal(wait_for(&bench)->text, "- - " SHA);
    stop(&bench);
}

// ---------------------------------------------------------------- pull requests, branches

TEST(test_a_pull_request_is_opened_once)
{
    struct bench bench;
    script.status = 200;
    script.body = "{\"num\":7,\"pullRequest\":true}";
    start(&bench, "hf_good", answer_script);
    hub_open_pull(bench.hub, &demand, &repo, "Title \"x\"", "why", on_number,
                  &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_int_equal(outcome->n, 7);
    assert_string_equal(bench.server.asked[0], "/api/models/acme/old/discussions");
    assert_string_equal(script.got, "{\"title\":\"Title \\\"x\\\"\",\"description\":"
                                    "\"why\",\"pullRequest\":true}");
    script.status = 503;
    hub_open_pull(bench.hub, &demand, &repo, "Title", "", on_number, &bench.outcome);
    outcome = wait_for(&bench);
    assert_err(outcome->err, ERR_SERVER);
    assert_int_equal(outcome->n, 0);
    assert_int_equal(bench.server.n_asked, 2);
    stop(&bench);
}

static void answer_pulls(const struct scripted_server *server, const char *asked,
                         struct buffer *out)
{
    (void)server;
    if (strstr(asked, "&p=0") != NULL) {
        reply(out, 200, "",
              "{\"discussions\":[{\"num\":9,\"title\":\"uuid\",\"status\":\"closed\","
              "\"isPullRequest\":true},{\"num\":8,\"title\":\"uuid\",\"status\":\"open\","
              "\"isPullRequest\":false}],\"count\":3,\"start\":0}");
    } else {
        reply(out, 200, "",
              "{\"discussions\":[{\"num\":4,\"title\":\"the uuid\",\"status\":\"draft\","
              "\"isPullRequest\":true}],\"count\":3,\"start\":2}");
    }
}

TEST(test_an_open_pull_request_is_found_by_its_title)
{
    struct bench bench;
    start(&bench, "hf_good", answer_pulls);
    hub_find_pull(bench.hub, &demand, &repo, "uuid", on_number, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_int_equal(outcome->n, 4);
    hub_find_pull(bench.hub, &demand, &repo, "other", on_number, &bench.outcome);
    outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_int_equal(outcome->n, 0);
    assert_int_equal(bench.server.n_asked, 4);
    stop(&bench);
}

TEST(test_a_branch_is_made_at_a_commit)
{
    struct bench bench;
    struct oid at;
    assert_ok(oid_from_hex(SHA, 40, &at));
    script.status = 200;
    script.body = "{}";
    start(&bench, "hf_good", answer_script);
    hub_create_branch(bench.hub, &demand, &repo, "a/b", &at, on_done, &bench.outcome);
    assert_ok(wait_for(&bench)->err);
    assert_string_equal(bench.server.asked[0], "/api/models/acme/old/branch/a%2Fb");
    assert_string_equal(script.got, "{\"startingPoint\":\"" SHA "\"}");
    script.status = 409;
    script.body = "{\"error\":\"Reference refs/heads/a/b already exists\"}";
    hub_create_branch(bench.hub, &demand, &repo, "a/b", &at, on_done, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_err(outcome->err, ERR_CONFLICT);
    assert_non_null(strstr(outcome->why.text, "already exists"));
    script.status = 404;
    script.headers = "X-Error-Code: RevisionNotFound\r\n";
    hub_create_branch(bench.hub, &demand, &repo, "a/b", &at, on_done, &bench.outcome);
    outcome = wait_for(&bench);
    assert_err(outcome->err, ERR_NOT_FOUND);
    assert_non_null(strstr(outcome->why.text, "no commit " SHA));
    script.headers = "";
    stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_commit_is_found_by_a_word_in_its_message),
        cmocka_unit_test(test_a_pull_request_is_opened_once),
        cmocka_unit_test(test_an_open_pull_request_is_found_by_its_title),
        cmocka_unit_test(test_a_branch_is_made_at_a_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
