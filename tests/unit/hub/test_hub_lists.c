// SPDX-License-Identifier: Apache-2.0
// Owners, their repositories, and commits: what is asked for, page by page, and when it ends.
#include "tests/unit/hub/verb_bench.h"

static void on_names(void *ctx, enum err err, const struct why *why,
                     const char *const *names, size_t n)
{
    begin(ctx, err, why, n);
    for (size_t i = 0; i < n; i++) {
        add_word(ctx, names[i]);
    }
    finish(ctx);
}

static void on_repos(void *ctx, enum err err, const struct why *why,
                     const struct hub_listed_repo *repos, size_t n, const char *next,
                     size_t refused)
{
    struct outcome *outcome = ctx;
    begin(outcome, err, why, n);
    for (size_t i = 0; i < n; i++) {
        add_word(outcome, repos[i].repo.name);
    }
    snprintf(outcome->next, sizeof(outcome->next), "%s", next != NULL ? next : "");
    outcome->refused = refused;
    finish(outcome);
}

static void on_commits(void *ctx, enum err err, const struct why *why,
                       const struct hub_commit *commits, size_t n)
{
    begin(ctx, err, why, n);
    for (size_t i = 0; i < n; i++) {
        add_word(ctx, commits[i].title);
    }
    finish(ctx);
}

// -------------------------------------------------------------------------------- whoami

static void answer_whoami(const struct scripted_server *server, const char *target,
                          struct buffer *out)
{
    (void)server;
    (void)target;
    reply(out, 200, "", "{\"name\":\"alice\",\"orgs\":[{\"name\":\"acme\"}]}");
}

TEST(test_whoami_names_the_user_and_its_organisations)
{
    struct bench bench;
    start(&bench, "hf_good", answer_whoami);
    assert_int_not_equal(hub_whoami(bench.hub, &demand, on_names, &bench.outcome), 0);
    struct outcome *outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_string_equal(outcome->text, "alice acme");
    assert_string_equal(bench.server.asked[0], "/api/whoami-v2");
    assert_true(bench.server.had_credential[0]);
    stop(&bench);
}

TEST(test_nobody_is_asked_who_an_anonymous_is)
{
    struct bench bench;
    start(&bench, NULL, answer_whoami);
    hub_whoami(bench.hub, &demand, on_names, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_int_equal(outcome->n, 0);
    assert_int_equal(bench.server.n_asked, 0);
    stop(&bench);
}

static void answer_401(const struct scripted_server *server, const char *target,
                       struct buffer *out)
{
    (void)server;
    (void)target;
    reply(out, 401, "", "{\"error\":\"Invalid credentials in Authorization header\"}");
}

TEST(test_a_token_that_is_not_valid_is_named_by_its_source)
{
    struct bench bench;
    start(&bench, "hf_bad", answer_401);
    hub_whoami(bench.hub, &demand, on_names, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_err(outcome->err, ERR_ACCESS);
    assert_non_null(strstr(outcome->why.text, "HF_TOKEN"));
    assert_null(strstr(outcome->why.text, "hf_bad"));
    stop(&bench);
}

// ---------------------------------------------------------------------- repository lists

static void answer_repos(const struct scripted_server *server, const char *target,
                         struct buffer *out)
{
    char link[200] = "";
    if (strstr(target, "cursor=") == NULL) {
        snprintf(link, sizeof(link),
                 "Link: <http://127.0.0.1:%u/api/models?author=acme&cursor=x%%3D>; "
                 "rel=\"next\"\r\n",
                 server->port);
        reply(out, 200, link, "[{\"id\":\"Acme/a\"},{\"id\":\"bob/b\"}]");
    } else {
        reply(out, 200, "", "[{\"id\":\"Acme/c\"}]");
    }
}

TEST(test_an_owners_repositories_come_in_pages)
{
    struct bench bench;
    start(&bench, "hf_good", answer_repos);
    hub_list_repos(bench.hub, &demand, REPO_MODEL, "acme", NULL, on_repos,
                   &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_string_equal(outcome->text, "Acme/a");
    assert_int_equal(outcome->refused, 1);
    assert_string_equal(bench.server.asked[0],
                        "/api/models?author=acme&limit=1000&expand=sha&expand="
                        "lastModified&expand=private&expand=disabled&expand=gated");
    char next[300];
    snprintf(next, sizeof(next), "%s", outcome->next);
    hub_list_repos(bench.hub, &demand, REPO_MODEL, "acme", next, on_repos,
                   &bench.outcome);
    outcome = wait_for(&bench);
    assert_string_equal(outcome->text, "Acme/c");
    assert_string_equal(outcome->next, "");
    assert_string_equal(bench.server.asked[1], "/api/models?author=acme&cursor=x%3D");
    assert_true(bench.server.had_credential[1]);
    hub_list_repos(bench.hub, &demand, REPO_SPACE, "acme", NULL, on_repos,
                   &bench.outcome);
    wait_for(&bench);
    assert_null(strstr(bench.server.asked[2], "gated"));
    stop(&bench);
}

TEST(test_an_impossible_owner_costs_no_request_and_a_foreign_page_is_not_fetched)
{
    struct bench bench;
    start(&bench, "hf_good", answer_repos);
    hub_list_repos(bench.hub, &demand, REPO_MODEL, "a&author=b", NULL, on_repos,
                   &bench.outcome);
    assert_err(wait_for(&bench)->err, ERR_NOT_FOUND);
    hub_list_repos(bench.hub, &demand, REPO_MODEL, "acme",
                   "http://127.0.0.1:1/api/models?author=acme", on_repos, &bench.outcome);
    assert_err(wait_for(&bench)->err, ERR_BAD_ANSWER);
    assert_int_equal(bench.server.n_asked, 0);
    stop(&bench);
}

static void answer_bad_next(const struct scripted_server *server, const char *target,
                            struct buffer *out)
{
    char link[400];
    if (strstr(target, "author=loop") != NULL) {
        snprintf(link, sizeof(link), "Link: <http://127.0.0.1:%u%s>; rel=\"next\"\r\n",
                 server->port, target);
    } else {
        snprintf(link, sizeof(link), "Link: <https://evil.example/x>; rel=\"next\"\r\n");
    }
    reply(out, 200, link, "[]");
}

TEST(test_next_pages_elsewhere_or_at_the_same_address_are_refused)
{
    static const char *const owners[][2] = {{"loop", "loop"}, {"acme", "another host"}};
    struct bench bench;
    start(&bench, "hf_good", answer_bad_next);
    for (size_t i = 0; i < 2; i++) {
        hub_list_repos(bench.hub, &demand, REPO_DATASET, owners[i][0], NULL, on_repos,
                       &bench.outcome);
        struct outcome *outcome = wait_for(&bench);
        assert_err(outcome->err, ERR_BAD_ANSWER);
        assert_int_equal(outcome->n, 0);
        assert_string_equal(outcome->next, "");
        assert_non_null(strstr(outcome->why.text, owners[i][1]));
    }
    stop(&bench);
}

// ------------------------------------------------------------------------------- commits

// Pages of two commits each, without end; "empty" pages hold none.
static void answer_commits(const struct scripted_server *server, const char *target,
                           struct buffer *out)
{
    const char *at = strstr(target, "p=");
    unsigned page = at != NULL ? (unsigned)strtoul(at + 2, NULL, 10) : 0;
    char link[300];
    char body[300];
    snprintf(link, sizeof(link), "Link: <http://127.0.0.1:%u%.*s?p=%u>; rel=\"next\"\r\n",
             server->port, (int)strcspn(target, "?"), target, page + 1);
    snprintf(
        body, sizeof(body),
        "[{\"id\":\"%040x\",\"title\":\"t%u\"},{\"id\":\"%040x\",\"title\":\"t%u\"}]",
        2 * page, 2 * page, 2 * page + 1, 2 * page + 1);
    bool is_empty = page > 0 && strstr(target, "empty") != NULL;
    reply(out, 200, link, is_empty ? "[]" : body);
}

TEST(test_commits_are_asked_for_page_by_page_until_there_are_enough)
{
    struct bench bench;
    start(&bench, "hf_good", answer_commits);
    hub_commits(bench.hub, &demand, &repo, "refs/pr/1", 5, on_commits, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_string_equal(outcome->text, "t0 t1 t2 t3 t4");
    assert_int_equal(bench.server.n_asked, 3);
    assert_string_equal(bench.server.asked[0],
                        "/api/models/acme/old/commits/refs%2Fpr%2F1?limit=5");
    assert_string_equal(bench.server.asked[2],
                        "/api/models/acme/old/commits/refs%2Fpr%2F1?p=2");
    hub_commits(bench.hub, &demand, &repo, NULL, 0, on_commits, &bench.outcome);
    assert_int_equal(wait_for(&bench)->n, 1);
    assert_string_equal(bench.server.asked[3],
                        "/api/models/acme/old/commits/main?limit=1");
    stop(&bench);
}

TEST(test_pages_of_commits_that_never_end_are_given_up)
{
    struct bench bench;
    start(&bench, NULL, answer_commits);
    hub_commits(bench.hub, &demand, &repo, "main", 9999, on_commits, &bench.outcome);
    struct outcome *outcome = wait_for(&bench);
    assert_err(outcome->err, ERR_TOO_LARGE);
    assert_non_null(strstr(outcome->why.text, "too many pages"));
    assert_int_equal(outcome->n, 0);
    assert_int_equal(bench.server.n_asked, 50);
    hub_commits(bench.hub, &demand, &repo, "empty", 500, on_commits, &bench.outcome);
    outcome = wait_for(&bench);
    assert_ok(outcome->err);
    assert_int_equal(outcome->n, 2);
    assert_int_equal(bench.server.n_asked, 52);
    stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whoami_names_the_user_and_its_organisations),
        cmocka_unit_test(test_nobody_is_asked_who_an_anonymous_is),
        cmocka_unit_test(test_a_token_that_is_not_valid_is_named_by_its_source),
        cmocka_unit_test(test_an_owners_repositories_come_in_pages),
        cmocka_unit_test(
            test_an_impossible_owner_costs_no_request_and_a_foreign_page_is_not_fetched),
        cmocka_unit_test(test_next_pages_elsewhere_or_at_the_same_address_are_refused),
        cmocka_unit_test(test_commits_are_asked_for_page_by_page_until_there_are_enough),
        cmocka_unit_test(test_pages_of_commits_that_never_end_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
