// SPDX-License-Identifier: Apache-2.0
// Commits and preupload: what is asked, how often, and what each refusal means.
#include "tests/unit/hub/verb_bench.h"

#include <poll.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"
#define OLD "00000000000000000000000000000000000000aa"

static const struct hub_target target = {{REPO_MODEL, "acme/old"}, "refs/pr/1"};

static struct {
    int status;
    const char *headers;
    const char *body;
    bool is_silent; // the connection ends without an answer
    bool is_slow;
    char got[4000]; // the last request's body
    char head[2000];
} script;

static void answer_script(const struct scripted_server *server, const char *asked,
                          struct buffer *out)
{
    (void)asked;
    snprintf(script.got, sizeof(script.got), "%s", buffer_text(&server->body));
    snprintf(script.head, sizeof(script.head), "%s", buffer_text(&server->head));
    if (script.is_slow) {
        poll(NULL, 0, 6000);
    }
    if (!script.is_silent) {
        reply(out, script.status, script.headers != NULL ? script.headers : "",
              script.body);
    }
}

// ------------------------------------------------------------------------------ preupload

static void on_modes(void *ctx, enum err err, const struct why *why,
                     const struct hub_upload_mode *modes, size_t n)
{
    begin(ctx, err, why, n);
    for (size_t i = 0; i < n; i++) {
        add_word(ctx, modes[i].is_lfs ? "lfs" : "regular");
        add_word(ctx, modes[i].has_oid ? modes[i].oid : "-");
    }
    finish(ctx);
}

static const struct hub_preupload_file two_files[] = {
    {"a b.txt", 5, (const uint8_t *)"hello", 5},
    {"w.bin", 3000000000, NULL, 0},
};

TEST(test_preupload_sends_names_sizes_and_samples)
{
    struct bench bench;
    script.status = 200;
    script.body = "{\"files\":[{\"path\":\"w.bin\",\"uploadMode\":\"lfs\","
                  "\"shouldIgnore\":true},{\"path\":\"a b.txt\","
                  "\"uploadMode\":\"regular\",\"shouldIgnore\":false,\"oid\":\"" SHA
                  "\"}],\"commitOid\":\"" SHA "\"}";
    start(&bench, "hf_good", answer_script);
    hub_preupload(bench.hub, &demand, &target, two_files, 2, "*.x filter=lfs\n", on_modes,
                  &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_string_equal(outcome->text, "regular " SHA " lfs -");
    assert_string_equal(bench.server.asked[0],
                        "/api/models/acme/old/preupload/refs%2Fpr%2F1");
    assert_string_equal(script.got,
                        "{\"files\":[{\"path\":\"a b.txt\",\"size\":5,\"sample\":"
                        "\"aGVsbG8=\"},{\"path\":\"w.bin\",\"size\":3000000000,"
                        "\"sample\":\"\"}],\"gitAttributes\":\"*.x filter=lfs\\n\"}");
    stop(&bench);
}

TEST(test_a_refused_preupload_tells_the_hubs_sentence)
{
    struct bench bench;
    script.status = 422;
    script.body = "{\"error\":\"Invalid path in repository\"}";
    start(&bench, "hf_good", answer_script);
    hub_preupload(bench.hub, &demand, &target, two_files, 2, NULL, on_modes,
                  &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_err(outcome->err, ERR_USAGE);
    assert_non_null(strstr(outcome->why.text, "Invalid path in repository"));
    stop(&bench);
}

TEST(test_names_that_are_not_utf8_are_not_asked_about)
{
    static const struct hub_preupload_file odd = {"a\xff", 1, NULL, 0};
    struct bench bench;
    start(&bench, "hf_good", answer_script);
    hub_preupload(bench.hub, &demand, &target, &odd, 1, NULL, on_modes, &bench.outcome);
    assert_err(wait_for(&bench)->err, ERR_USAGE);
    hub_preupload(bench.hub, &demand, &target, &odd, 0, NULL, on_modes, &bench.outcome);
    assert_err(wait_for(&bench)->err, ERR_USAGE);
    assert_int_equal(bench.server.n_asked, 0);
    stop(&bench);
}

// -------------------------------------------------------------------------------- commits

static void on_commit(void *ctx, enum err err, const struct why *why,
                      const struct hub_committed *committed)
{
    char hex[OID_HEX_SIZE];
    begin(ctx, err, why, (size_t)committed->status);
    oid_to_hex(&committed->oid, hex);
    add_word(ctx, err == ERR_NONE ? hex : "-");
    add_word(ctx, *committed->url != '\0' ? committed->url : "-");
    add_word(ctx, committed->was_sent ? "sent" : "unsent");
    add_word(ctx, committed->lfs_is_missing ? "missing" : "-");
    finish(ctx);
}

static struct hub_commit_body *small_body(void)
{
    struct hub_commit_body *body = NULL;
    struct oid parent;
    assert_ok(oid_from_hex(OLD, 40, &parent));
    assert_ok(hub_commit_body_new(NULL, "Title", "words", &parent, NULL, &body));
    assert_ok(hub_commit_body_delete_file(body, "a", NULL));
    return body;
}

static struct outcome *commit_once(struct bench *bench)
{
    struct hub_commit_body *body = small_body();
    hub_commit(bench->hub, &demand, &target, body, on_commit, &bench->outcome);
    hub_commit_body_free(body); // may be freed at once
    return wait_for(bench);
}

TEST(test_a_commit_is_one_post_of_its_lines)
{
    struct bench bench;
    script.status = 200;
    script.body = "{\"success\":true,\"commitOid\":\"" SHA
                  "\",\"commitUrl\":\"https://hub.example/acme/old/commit/" SHA "\"}";
    start(&bench, "hf_good", answer_script);
    struct outcome *outcome = commit_once(&bench);
    assert_ok(outcome->err);
    assert_string_equal(outcome->text,
                        SHA " https://hub.example/acme/old/commit/" SHA " sent -");
    assert_string_equal(bench.server.asked[0],
                        "/api/models/acme/old/commit/refs%2Fpr%2F1");
    assert_string_equal(bench.server.method[0], "POST");
    assert_true(bench.server.had_credential[0]);
    assert_string_equal(script.got,
                        "{\"key\":\"header\",\"value\":{\"summary\":\"Title\","
                        "\"description\":\"words\",\"parentCommit\":\"" OLD "\"}}\n"
                        "{\"key\":\"deletedFile\",\"value\":{\"path\":\"a\"}}\n");
    assert_non_null(strstr(script.head, "Content-Type: application/x-ndjson\r\n"));
    assert_null(strcasestr(script.head, "\r\nexpect:"));
    assert_null(strcasestr(script.head, "\r\ntransfer-encoding:"));
    stop(&bench);
}

TEST(test_each_refusal_of_a_commit_has_its_error_and_is_asked_once)
{
    static const struct {
        int status;
        enum err err;
        const char *headers;
        const char *message;
    } cases[] = {
        {412, ERR_CONFLICT, "", "A commit has happened since"},
        {409, ERR_CONFLICT, "", "another conflicting operation is in progress"},
        {400, ERR_USAGE, "", "Your push was rejected"},
        {422, ERR_USAGE, "", "Invalid path"},
        {403, ERR_ACCESS, "", "not the required permissions"},
        {413, ERR_TOO_LARGE, "", "too large"},
        {402, ERR_ACCESS, "", "storage is used up"},
        {429, ERR_QUOTA, "", "slow down"},
        {404, ERR_NOT_FOUND, "X-Error-Code: RepoNotFound\r\n", "Repository not found"},
        {404, ERR_NOT_FOUND, "X-Error-Code: RevisionNotFound\r\n", "Invalid rev id"},
        {500, ERR_SERVER, "", "oops"},
        {503, ERR_SERVER, "", "later"},
        {504, ERR_SERVER, "", "timeout"},
    };
    struct bench bench;
    start(&bench, "hf_good", answer_script);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[200];
        snprintf(body, sizeof(body), "{\"error\":\"%s\"}", cases[i].message);
        script.status = cases[i].status;
        script.headers = cases[i].headers;
        script.body = body;
        struct outcome *outcome = commit_once(&bench);
        assert_err(outcome->err, cases[i].err);
        assert_string_equal(outcome->text, "- - sent -");
        assert_int_equal(outcome->n, cases[i].status);
        if (cases[i].err == ERR_USAGE || cases[i].err == ERR_CONFLICT) {
            assert_non_null(strstr(outcome->why.text, cases[i].message));
        }
        assert_int_equal(bench.server.n_asked, i + 1);
    }
    script.headers = "";
    stop(&bench);
}

TEST(test_writing_without_a_token_says_that_it_needs_one)
{
    struct bench bench;
    script.status = 401;
    script.body = "{\"error\":\"Invalid username or password.\"}";
    start(&bench, NULL, answer_script);
    struct outcome *outcome = commit_once(&bench);
    assert_err(outcome->err, ERR_ACCESS);
    assert_non_null(strstr(outcome->why.text, "writing needs a token"));
    stop(&bench);
}

TEST(test_a_missing_lfs_object_is_told)
{
    struct bench bench;
    script.status = 400;
    script.body = "{\"error\":\"LFS pointer pointed to a file that does not exist: w\"}";
    start(&bench, "hf_good", answer_script);
    struct outcome *outcome = commit_once(&bench);
    assert_err(outcome->err, ERR_USAGE);
    assert_string_equal(outcome->text, "- - sent missing");
    stop(&bench);
}

TEST(test_a_commit_whose_reply_is_lost_is_not_sent_again)
{
    struct bench bench;
    script.is_silent = true;
    start(&bench, "hf_good", answer_script);
    struct outcome *outcome = commit_once(&bench);
    assert_err(outcome->err, ERR_TRUNCATED);
    assert_string_equal(outcome->text, "- - sent -");
    assert_int_equal(bench.server.n_asked, 1);
    stop(&bench);
    script.is_silent = false;
}

TEST(test_a_commit_that_takes_too_long_ends_at_its_deadline)
{
    struct bench bench;
    struct hub_call soon = demand;
    struct hub_commit_body *body = small_body();
    script.is_slow = true;
    start(&bench, "hf_good", answer_script);
    soon.deadline_ms = clock_now_ms() + 2000;
    hub_commit(bench.hub, &soon, &target, body, on_commit, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_err(outcome->err, ERR_TIMEOUT);
    assert_string_equal(outcome->text, "- - sent -");
    assert_int_equal(outcome->n, 0);
    hub_commit_body_free(body);
    stop(&bench);
    script.is_slow = false;
}

TEST(test_a_commit_that_never_left_is_told_as_unsent)
{
    struct bench bench;
    start(&bench, "hf_good", answer_script);
    hub_set_offline(bench.hub, true);
    struct outcome *outcome = commit_once(&bench);
    assert_err(outcome->err, ERR_OFFLINE);
    assert_string_equal(outcome->text, "- - unsent -");
    stop(&bench);
}

// A secret scanner's sentence is text from outside: one line, no secrets, cut.
TEST(test_a_refusals_sentence_is_made_fit_to_be_shown)
{
    struct bench bench;
    script.status = 400;
    script.body = "{\"error\":\"found a secret\\n\\u001b[31m in\\ta.py: "
                  "hf_abcdefghijklmnopqrstuvwxyzABCDEF\"}";
    start(&bench, "hf_good", answer_script);
    struct outcome *outcome = commit_once(&bench);
    assert_err(outcome->err, ERR_USAGE);
    assert_non_null(strstr(outcome->why.text, "found a secret"));
    assert_null(strpbrk(outcome->why.text, "\n\t\x1b"));
    assert_null(strstr(outcome->why.text, "abcdefghijklmnopqrstuvwxyz"));
    stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preupload_sends_names_sizes_and_samples),
        cmocka_unit_test(test_a_refused_preupload_tells_the_hubs_sentence),
        cmocka_unit_test(test_names_that_are_not_utf8_are_not_asked_about),
        cmocka_unit_test(test_a_commit_is_one_post_of_its_lines),
        cmocka_unit_test(test_each_refusal_of_a_commit_has_its_error_and_is_asked_once),
        cmocka_unit_test(test_writing_without_a_token_says_that_it_needs_one),
        cmocka_unit_test(test_a_missing_lfs_object_is_told),
        cmocka_unit_test(test_a_commit_whose_reply_is_lost_is_not_sent_again),
        cmocka_unit_test(test_a_commit_that_takes_too_long_ends_at_its_deadline),
        cmocka_unit_test(test_a_commit_that_never_left_is_told_as_unsent),
        cmocka_unit_test(test_a_refusals_sentence_is_made_fit_to_be_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
