// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "hub/limits.h"
#include "hub/owner_answers.h"
#include "tests/unit/unit_test.h"

#include <string.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"

static enum err whoami_of(const char *text, struct whoami_answer *out)
{
    struct why why = {0};
    *out = (struct whoami_answer){0};
    enum err err = whoami_parse(text, strlen(text), &why, out);
    assert_true(err == ERR_NONE || why.text[0] != '\0');
    return err;
}

static enum err repos_of(const char *text, const char *owner, struct repos_answer *out)
{
    struct why why = {0};
    *out = (struct repos_answer){0};
    enum err err = repos_answer_parse(text, strlen(text), REPO_DATASET, owner, &why, out);
    assert_true(err == ERR_NONE || why.text[0] != '\0');
    return err;
}

TEST(test_the_user_comes_first_then_the_organisations)
{
    struct whoami_answer answer;
    assert_ok(whoami_of("{\"type\":\"user\",\"name\":\"alice\",\"orgs\":[{\"name\":"
                        "\"acme\"},{\"name\":\"Big.Corp_1\"}]}",
                        &answer));
    assert_int_equal(answer.count, 3);
    assert_string_equal(answer.names[0], "alice");
    assert_string_equal(answer.names[1], "acme");
    assert_string_equal(answer.names[2], "Big.Corp_1");
    whoami_answer_release(&answer);
    assert_ok(whoami_of("{\"type\":\"org\",\"name\":\"acme\"}", &answer));
    assert_int_equal(answer.count, 1);
    whoami_answer_release(&answer);
}

TEST(test_names_that_no_owner_can_have_are_left_out)
{
    struct whoami_answer answer;
    assert_ok(
        whoami_of("{\"name\":\"../etc\",\"orgs\":[{\"name\":\"\"},{\"name\":\"a/b\"},"
                  "{\"name\":\"..\"},{\"name\":\"fine\"},{\"name\":\"a b\"}]}",
                  &answer));
    assert_int_equal(answer.count, 1);
    assert_string_equal(answer.names[0], "fine");
    whoami_answer_release(&answer);
}

TEST(test_odd_answers_about_the_user_are_refused)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"name\":1}",
        "{\"name\":null,\"orgs\":[]}",
        "{\"name\":\"alice\",\"orgs\":{}}",
        "{\"name\":\"alice\",\"orgs\":null}",
        "{\"name\":\"alice\",\"orgs\":[\"acme\"]}",
        "{\"name\":\"alice\",\"orgs\":[{\"fullname\":\"acme\"}]}",
        "{\"name\":\"alice\",\"name\":\"bob\"}",
        "{\"name\":\"ali\\u0000ce\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct whoami_answer answer;
        assert_err(whoami_of(bad[i], &answer), ERR_BAD_ANSWER);
    }
}

TEST(test_repositories_are_read)
{
    struct repos_answer answer;
    assert_ok(
        repos_of("[{\"_id\":\"1\",\"id\":\"Acme/one\",\"sha\":\"" SHA
                 "\",\"lastModified\":\"2026-01-01T00:00:01.000Z\",\"private\":true,"
                 "\"disabled\":true,\"gated\":\"manual\"},"
                 "{\"id\":\"Acme/two\",\"sha\":null,\"private\":false,\"gated\":false},"
                 "{\"id\":\"Acme/three\",\"lastModified\":\"yesterday\"}]",
                 "acme", &answer));
    assert_int_equal(answer.count, 3);
    assert_int_equal(answer.refused, 0);
    const struct hub_listed_repo *one = &answer.repos[0];
    assert_string_equal(one->repo.name, "Acme/one");
    assert_int_equal(one->repo.kind, REPO_DATASET);
    assert_true(one->has_sha && one->is_private && one->disabled);
    assert_int_equal(one->modified_s, 1767225601);
    assert_int_equal(one->gate, HUB_GATE_MANUAL);
    assert_false(answer.repos[1].has_sha || answer.repos[1].is_private);
    assert_int_equal(answer.repos[1].gate, HUB_GATE_NONE);
    assert_int_equal(answer.repos[2].modified_s, -1);
    repos_answer_release(&answer);
    assert_ok(repos_of("[]", "acme", &answer));
    assert_int_equal(answer.count, 0);
    repos_answer_release(&answer);
}

TEST(test_ids_of_other_owners_and_ids_that_cannot_be_are_left_out_and_counted)
{
    static const char *const ids[] = {
        "other/x", "acme", "acme/",      "acme/..",    "acme/a/b", "acmes/x", "acm/x",
        "/x",      "",     "acme/a\\tb", "acme/x.git", "../x",     "acme//x", "acme/-x",
    };
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct repos_answer answer;
        AUTO(buffer) struct buffer text = buffer_init(1000);
        assert_ok(buffer_printf(&text, "[{\"id\":\"%s\"},{\"id\":\"ACME/ok\"}]", ids[i]));
        assert_ok(repos_of(buffer_text(&text), "acme", &answer));
        assert_int_equal(answer.count, 1);
        assert_int_equal(answer.refused, 1);
        assert_string_equal(answer.repos[0].repo.name, "ACME/ok");
        repos_answer_release(&answer);
    }
}

TEST(test_one_odd_entry_spoils_no_list)
{
    static const char *const odd[] = {"1", "null", "[]", "{}", "{\"id\":7}"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct repos_answer answer;
        AUTO(buffer) struct buffer text = buffer_init(1000);
        assert_ok(buffer_printf(&text, "[%s,{\"id\":\"acme/ok\"}]", odd[i]));
        assert_ok(repos_of(buffer_text(&text), "acme", &answer));
        assert_int_equal(answer.count, 1);
        assert_int_equal(answer.refused, 1);
        repos_answer_release(&answer);
    }
    struct repos_answer answer;
    assert_ok(repos_of("[{\"id\":\"acme/x\",\"sha\":\"main\"}]", "acme", &answer));
    assert_int_equal(answer.count, 1);
    assert_false(answer.repos[0].has_sha);
    repos_answer_release(&answer);
}

TEST(test_odd_lists_of_repositories_are_refused)
{
    static const char *const bad[] = {
        "{}",
        "null",
        "[{\"id\":\"acme/x\",\"id\":\"acme/y\"}]",
        "[{\"id\":\"acme/x\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct repos_answer answer;
        assert_err(repos_of(bad[i], "acme", &answer), ERR_BAD_ANSWER);
    }
}

TEST(test_a_page_of_too_many_repositories_is_refused)
{
    AUTO(buffer) struct buffer text = buffer_init(1 << 20);
    struct repos_answer answer;
    assert_ok(buffer_append_text(&text, "[{\"id\":\"acme/x\"}"));
    for (int i = 1; i < REPOS_PAGE_MAX; i++) {
        assert_ok(buffer_append_text(&text, ",{\"id\":\"acme/x\"}"));
    }
    size_t full = text.len;
    assert_ok(buffer_append_text(&text, "]"));
    assert_ok(repos_of(buffer_text(&text), "acme", &answer));
    assert_int_equal(answer.count,
                     REPOS_PAGE_MAX); // twice the same is the caller's business
    repos_answer_release(&answer);
    text.len = full;
    assert_ok(buffer_append_text(&text, ",{\"id\":\"acme/x\"}]"));
    assert_err(repos_of(buffer_text(&text), "acme", &answer), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_user_comes_first_then_the_organisations),
        cmocka_unit_test(test_names_that_no_owner_can_have_are_left_out),
        cmocka_unit_test(test_odd_answers_about_the_user_are_refused),
        cmocka_unit_test(test_repositories_are_read),
        cmocka_unit_test(
            test_ids_of_other_owners_and_ids_that_cannot_be_are_left_out_and_counted),
        cmocka_unit_test(test_one_odd_entry_spoils_no_list),
        cmocka_unit_test(test_odd_lists_of_repositories_are_refused),
        cmocka_unit_test(test_a_page_of_too_many_repositories_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
