// SPDX-License-Identifier: Apache-2.0
// What HTTP errors become: the table of hub-api.md §2.1, and what every sentence must and
// must not hold.
#include "hub/answer_error.h"
#include "hub/hub_state.h"
#include "tests/unit/unit_test.h"

#include <stdio.h>
#include <string.h>

static const struct call_type json_type = {.what = "test"};
static const struct call_type bytes_type = {.what = "test", .ends_on_network = true};

struct example {
    int status;
    const char *code;    // X-Error-Code
    const char *message; // X-Error-Message
    const char *body;
    bool has_token;
    enum http_origin answered_by;
    enum err expected;
    const char *in_text;
};

// `limit` = what the answer's RateLimit says, NULL = it has none.
static enum err explain_limited(const struct example *example,
                                const struct call_type *type,
                                const struct rate_limit *limit, struct why *why)
{
    static struct hub hub;
    struct call call = {.hub = &hub, .type = type};
    struct http_request *request = &call.request;
    hub = (struct hub){.endpoint = strdup("https://hub")};
    setenv("HF_TOKEN", "hf_secret", 1);
    assert_ok(credential_init(&hub.credential, NULL, NULL));
    call.subject.repo = (struct repo_id){REPO_DATASET, "o/n"};
    call.subject.revision = strdup("v1");
    call.subject.path = strdup("dir/file");
    request->is_http_error = example->status != 0;
    request->used_token = example->has_token;
    request->answered_by = example->answered_by;
    request->answer.status = example->status;
    request->answer.has_rate_limit = limit != NULL;
    request->answer.rate_limit = limit != NULL ? *limit : (struct rate_limit){0};
    snprintf(request->answer.error_code, ERROR_CODE_SIZE, "%s", example->code);
    snprintf(request->answer.error_message, SERVER_TEXT_SIZE, "%s", example->message);
    snprintf(request->answer.request_id, REQUEST_ID_SIZE, "Root=1-abc");
    request->body = buffer_init(1000);
    assert_ok(buffer_append_text(&request->body, example->body));
    *why = (struct why){0};
    enum err err = answer_explain(&call, ERR_SERVER, why);
    buffer_release(&request->body);
    credential_release(&hub.credential);
    free(hub.endpoint);
    free(call.subject.revision);
    free(call.subject.path);
    return err;
}

static enum err explain(const struct example *example, const struct call_type *type,
                        struct why *why)
{
    return explain_limited(example, type, NULL, why);
}

static const struct example examples[] = {
    {401, "", "", "", false, ORIGIN_HUB, ERR_NOT_FOUND, "or private: set HF_TOKEN"},
    {401, "", "Invalid credentials in Authorization header", "", true, ORIGIN_HUB,
     ERR_ACCESS, "the token in HF_TOKEN is not valid"},
    {404, "RepoNotFound", "Repository not found", "", true, ORIGIN_HUB, ERR_NOT_FOUND,
     "or the token in HF_TOKEN may not see it"},
    {404, "RevisionNotFound", "", "", false, ORIGIN_HUB, ERR_NOT_FOUND, "no revision v1"},
    {404, "EntryNotFound", "", "", false, ORIGIN_HUB, ERR_NOT_FOUND, "no dir/file at v1"},
    {403, "GatedRepo", "", "", true, ORIGIN_HUB, ERR_ACCESS,
     "accept the terms at https://hub/datasets/o/n"},
    {401, "GatedRepo", "", "", false, ORIGIN_HUB, ERR_ACCESS, "and set HF_TOKEN"},
    {403, "", "Access to this resource is disabled", "", false, ORIGIN_HUB, ERR_ACCESS,
     "disabled"},
    {403, "", "", "{\"error\":\"You have read access only\"}", true, ORIGIN_HUB,
     ERR_ACCESS, "You have read access only"},
    {403, "", "", "", false, ORIGIN_SIGNED, ERR_EXPIRED, "expired"},
    {401, "", "", "", false, ORIGIN_CAS, ERR_ACCESS, "Xet token"},
    {416, "", "", "", false, ORIGIN_CAS, ERR_RANGE, "past the end"},
    {429, "", "", "", false, ORIGIN_HUB, ERR_QUOTA, "429"},
    {503, "", "", "{\"errors\":[{\"message\":\"maintenance\"}]}", false, ORIGIN_HUB,
     ERR_SERVER, "maintenance"},
    {408, "", "", "", false, ORIGIN_HUB, ERR_SERVER, "408"},
    {400, "", "", "", false, ORIGIN_HUB, ERR_BAD_ANSWER, "400"},
    {418, "", "", "not json", false, ORIGIN_HUB, ERR_BAD_ANSWER, "418"},
};

TEST(test_every_kind_of_error_has_its_code_and_its_sentence)
{
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct why why;
        assert_err(explain(&examples[i], &json_type, &why), examples[i].expected);
        assert_non_null(strstr(why.text, examples[i].in_text));
    }
}

TEST(test_a_used_up_rate_limit_is_told_in_the_seconds_that_the_gate_waits)
{
    struct example limited = {429, "", "", "", false, ORIGIN_HUB, ERR_QUOTA, ""};
    struct rate_limit limit = {.remaining = 0, .reset_s = 250, .quota = -1};
    struct quota_gate gate = quota_gate_init();
    quota_gate_learn(&gate, &limit, 0);
    assert_int_equal(gate.reset_ms, 251000);
    struct why why;
    assert_err(explain_limited(&limited, &json_type, &limit, &why), ERR_QUOTA);
    assert_non_null(strstr(why.text, "it starts anew in 251 s"));
}

TEST(test_every_sentence_names_the_repository_and_the_request_and_no_secret)
{
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct why why;
        (void)explain(&examples[i], &json_type, &why);
        assert_non_null(strstr(why.text, "o/n"));
        assert_non_null(strstr(why.text, "(request Root=1-abc)"));
        assert_null(strstr(why.text, "hf_secret"));
        assert_null(strchr(why.text, '\n'));
    }
}

TEST(test_a_sentence_that_is_there_is_kept_and_completed)
{
    struct example transport = {.code = "", .message = "", .body = ""};
    struct why why;
    assert_err(explain(&transport, &bytes_type, &why), ERR_SERVER);
    assert_non_null(strstr(why.text, "datasets/o/n/dir/file: the server failed"));
}

TEST(test_a_servers_text_becomes_one_clean_line)
{
    char out[24];
    server_text_clean("  two\r\nlines\t\x01 and.  ", out, sizeof(out));
    assert_string_equal(out, "two lines and");
    server_text_clean("0123456789012345678901\xc3\xbc", out, sizeof(out));
    assert_string_equal(out, "0123456789012345678901"); // not half a letter
    server_text_clean("", out, sizeof(out));
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_error_has_its_code_and_its_sentence),
        cmocka_unit_test(
            test_a_used_up_rate_limit_is_told_in_the_seconds_that_the_gate_waits),
        cmocka_unit_test(
            test_every_sentence_names_the_repository_and_the_request_and_no_secret),
        cmocka_unit_test(test_a_sentence_that_is_there_is_kept_and_completed),
        cmocka_unit_test(test_a_servers_text_becomes_one_clean_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
