// SPDX-License-Identifier: Apache-2.0
// What the verbs about one repository ask for, and where they let themselves be led.
#include "tests/unit/hub/verb_bench.h"

#define SHA "0123456789abcdef0123456789abcdef01234567"

static void on_info(void *ctx, enum err err, const struct why *why,
                    const struct hub_repo_info *info)
{
    begin(ctx, err, why, info != NULL);
    add_word(ctx, info != NULL ? info->repo.name : "");
    finish(ctx);
}

static void on_tree(void *ctx, enum err err, const struct why *why,
                    struct hub_tree_page *page)
{
    struct outcome *outcome = ctx;
    begin(outcome, err, why, page->count);
    for (size_t i = 0; i < page->count; i++) {
        add_word(outcome, page->entries[i].path);
    }
    snprintf(outcome->next, sizeof(outcome->next), "%s",
             page->next != NULL ? page->next : "");
    outcome->refused = page->refused;
    finish(outcome);
}

// -------------------------------------------------------------------------- recursive tree

static void answer_tree(const struct scripted_server *server, const char *target,
                        struct buffer *out)
{
    (void)server;
    (void)target;
    reply(out, 200, "",
          "[{\"type\":\"directory\",\"oid\":\"" SHA "\",\"path\":\"a b/c\"},"
          "{\"type\":\"file\",\"oid\":\"" SHA "\",\"size\":1,\"path\":\"a b/c/d\"},"
          "{\"type\":\"file\",\"oid\":\"" SHA "\",\"size\":1,\"path\":\"x\"}]");
}

TEST(test_a_recursive_listing_holds_all_depths)
{
    struct bench bench;
    struct oid sha;
    assert_ok(oid_from_hex(SHA, 40, &sha));
    start(&bench, NULL, answer_tree);
    hub_tree_recursive(bench.hub, &demand, &repo, &sha, "a b", NULL, on_tree,
                       &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_string_equal(outcome->text, "a b/c a b/c/d");
    assert_int_equal(outcome->refused, 1);
    assert_string_equal(bench.server.asked[0],
                        "/api/models/acme/old/tree/" SHA "/a%20b?recursive=true");
    hub_tree(bench.hub, &demand, &repo, &sha, "a b", NULL, on_tree, &bench.outcome);
    outcome = wait_for(&bench);
    assert_string_equal(outcome->text, "a b/c");
    assert_string_equal(bench.server.asked[1], "/api/models/acme/old/tree/" SHA "/a%20b");
    stop(&bench);
}

// ------------------------------------------------------------------------ repository info

// acme/old is acme/New now; acme/loop and acme/away lead nowhere good.
static void answer_info(const struct scripted_server *server, const char *target,
                        struct buffer *out)
{
    const struct scripted_server *stranger = server->ctx;
    char location[600];
    if (strstr(target, "/acme/old") != NULL) {
        snprintf(location, sizeof(location), "Location: /api/models/acme/New%s\r\n",
                 strstr(target, "/acme/old") + strlen("/acme/old"));
        reply(out, 307, location, "");
    } else if (strstr(target, "/acme/loop") != NULL) {
        snprintf(location, sizeof(location), "Location: %s\r\n", target);
        reply(out, 307, location, "");
    } else if (strstr(target, "/acme/away") != NULL) {
        snprintf(location, sizeof(location), "Location: http://127.0.0.1:%u%s\r\n",
                 stranger->port, target);
        reply(out, 307, location, "");
    } else {
        reply(out, 200, "", "{\"id\":\"acme/New\",\"sha\":\"" SHA "\"}");
    }
}

TEST(test_every_kind_of_revision_is_asked_for_in_one_segment)
{
    static const char *const revisions[][2] = {
        {SHA, SHA},
        {"0123456", "0123456"},
        {"refs/pr/1", "refs%2Fpr%2F1"},
        {"refs/convert/parquet", "refs%2Fconvert%2Fparquet"},
        {"v1.0", "v1.0"},
        {"feature/a+b", "feature%2Fa%2Bb"},
    };
    struct repo_id canonical = {REPO_MODEL, "acme/New"};
    struct bench bench;
    start(&bench, NULL, answer_info);
    for (size_t i = 0; i < sizeof(revisions) / sizeof(revisions[0]); i++) {
        char expected[200];
        snprintf(expected, sizeof(expected),
                 "/api/models/acme/New/revision/%s?expand=sha", revisions[i][1]);
        hub_repo_info(bench.hub, &demand, &canonical, revisions[i][0], on_info,
                      &bench.outcome);
        assert_ok(wait_for(&bench)->err);
        assert_int_equal(strncmp(bench.server.asked[i], expected, strlen(expected)), 0);
    }
    stop(&bench);
}

TEST(test_a_renamed_repository_is_told_by_its_canonical_id)
{
    struct bench bench;
    start(&bench, "hf_good", answer_info);
    hub_repo_info(bench.hub, &demand, &repo, "refs/pr/1", on_info, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_string_equal(outcome->text, "acme/New");
    assert_int_equal(bench.server.n_asked, 2);
    assert_non_null(strstr(bench.server.asked[1],
                           "/api/models/acme/New/revision/refs%2Fpr%2F1?expand=sha&"));
    assert_true(bench.server.had_credential[1]);
    stop(&bench);
}

TEST(test_redirects_in_a_loop_are_an_error)
{
    struct repo_id loop = {REPO_MODEL, "acme/loop"};
    struct bench bench;
    start(&bench, NULL, answer_info);
    hub_repo_info(bench.hub, &demand, &loop, NULL, on_info, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_err(outcome->err, ERR_BAD_ANSWER);
    assert_non_null(strstr(outcome->why.text, "redirects in a loop"));
    stop(&bench);
}

TEST(test_a_redirect_to_another_server_is_an_error_and_that_server_hears_nothing)
{
    struct repo_id away = {REPO_MODEL, "acme/away"};
    struct scripted_server stranger = {.answer = answer_info};
    struct bench bench;
    scripted_server_start(&stranger);
    start(&bench, "hf_good", answer_info);
    bench.server.ctx = &stranger;
    hub_repo_info(bench.hub, &demand, &away, NULL, on_info, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_err(outcome->err, ERR_BAD_ANSWER);
    assert_non_null(strstr(outcome->why.text, "acme/away"));
    assert_non_null(strstr(outcome->why.text, "to another server"));
    stop(&bench);
    scripted_server_stop(&stranger);
    assert_int_equal(stranger.n_asked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_recursive_listing_holds_all_depths),
        cmocka_unit_test(test_every_kind_of_revision_is_asked_for_in_one_segment),
        cmocka_unit_test(test_a_renamed_repository_is_told_by_its_canonical_id),
        cmocka_unit_test(test_redirects_in_a_loop_are_an_error),
        cmocka_unit_test(
            test_a_redirect_to_another_server_is_an_error_and_that_server_hears_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
