// SPDX-License-Identifier: Apache-2.0
// Shards of both versions, write tokens, dedup queries.
#include "tests/unit/hub/upload_bench.h"

TEST(test_a_shard_is_registered_by_the_last_line)
{
    struct uploads uploads;
    start_uploads(&uploads);
    script.shard_events[0] = "{\"type\":\"validating\",\"verified\":1,\"total\":2}\n"
                             "{\"type\":\"news\"}\n{\"type\":\"result\",\"result\":1}\n";
    assert_ok(upload_shard(&uploads)->err);
    assert_string_equal(uploads.bench.server.asked[1], "/cas/v2/shards");
    assert_int_equal(uploads.bench.server.body_len[1], BODY_BYTES);
    stop_uploads(&uploads);
}

TEST(test_a_shard_without_a_result_is_sent_again)
{
    struct uploads uploads;
    start_uploads(&uploads);
    random_replace(1);
    script.shard_events[0] = "{\"type\":\"validating\",\"verified\":1,\"total\":2}\n";
    script.shard_events[1] = "{\"type\":\"result\",\"result\":0}";
    assert_ok(upload_shard(&uploads)->err);
    assert_int_equal(count_asked(&uploads.bench.server, "/v2/shards"), 2);
    random_replace(0);
    stop_uploads(&uploads);
}

TEST(test_a_shard_that_may_be_sent_again_is)
{
    struct uploads uploads;
    start_uploads(&uploads);
    random_replace(1);
    script.shard_events[0] =
        "{\"type\":\"error\",\"message\":\"busy\",\"retryable\":true}\n";
    script.shard_events[1] = "{\"type\":\"result\",\"result\":1}\n";
    assert_ok(upload_shard(&uploads)->err);
    assert_int_equal(count_asked(&uploads.bench.server, "/v2/shards"), 2);
    random_replace(0);
    stop_uploads(&uploads);
}

TEST(test_a_refused_shard_tells_the_sentence_and_is_not_repeated)
{
    struct uploads uploads;
    start_uploads(&uploads);
    script.shard_events[0] = "{\"type\":\"error\",\"message\":\"no such xorb\"}\n";
    struct outcome *outcome = upload_shard(&uploads);
    assert_err(outcome->err, ERR_USAGE);
    assert_non_null(strstr(outcome->why.text, "no such xorb"));
    script.shard_v2_status = 400;
    outcome = upload_shard(&uploads);
    assert_err(outcome->err, ERR_USAGE);
    assert_non_null(strstr(outcome->why.text, "Invalid shard: bad hash"));
    assert_int_equal(count_asked(&uploads.bench.server, "/v2/shards"), 2);
    stop_uploads(&uploads);
}

TEST(test_a_service_without_v2_shards_is_remembered)
{
    struct uploads uploads;
    start_uploads(&uploads);
    script.shard_v2_status = 404;
    assert_ok(upload_shard(&uploads)->err);
    assert_ok(upload_shard(&uploads)->err);
    assert_int_equal(count_asked(&uploads.bench.server, "/v2/shards"), 1);
    assert_int_equal(count_asked(&uploads.bench.server, "/v1/shards"), 2);
    stop_uploads(&uploads);
}

// ------------------------------------------------------------------------- tokens, queries

TEST(test_write_tokens_are_shared_until_they_are_forgotten)
{
    struct uploads uploads;
    start_uploads(&uploads);
    struct hub *hub = uploads.bench.hub;
    for (size_t i = 0; i < 2; i++) {
        hub_write_access(hub, &demand, &target, on_done, &uploads.bench.outcome);
        assert_ok(wait_for(&uploads.bench)->err);
    }
    assert_int_equal(uploads.bench.server.n_asked, 1);
    hub_forget_write_tokens(hub);
    hub_write_access(hub, &demand, &target, on_done, &uploads.bench.outcome);
    assert_ok(wait_for(&uploads.bench)->err);
    assert_int_equal(uploads.bench.server.n_asked, 2);
    stop_uploads(&uploads);
}

TEST(test_write_access_tells_why_there_is_none)
{
    static const struct {
        int status;
        const char *code;
        enum err err;
    } cases[] = {
        {401, "", ERR_ACCESS},
        {403, "", ERR_ACCESS},
        {404, "", ERR_UNSUPPORTED},
        {404, "X-Error-Code: RepoNotFound\r\n", ERR_NOT_FOUND},
        {404, "X-Error-Code: RevisionNotFound\r\n", ERR_NOT_FOUND},
    };
    struct uploads uploads;
    start_uploads(&uploads);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        script.token_status = cases[i].status;
        script.token_code = cases[i].code;
        hub_write_access(uploads.bench.hub, &demand, &target, on_done,
                         &uploads.bench.outcome);
        struct outcome *outcome = wait_for(&uploads.bench);
        assert_err(outcome->err, cases[i].err);
        assert_non_null(strstr(outcome->why.text, "acme/old"));
    }
    stop_uploads(&uploads);
}

static void on_shard(void *ctx, enum err err, const struct why *why, const uint8_t *shard,
                     size_t len)
{
    begin(ctx, err, why, len);
    add_word(ctx, shard != NULL && memcmp(shard, "{\"result\"", 9) == 0 ? "bytes" : "-");
    finish(ctx);
}

TEST(test_a_dedup_query_hands_out_the_bytes)
{
    struct uploads uploads;
    struct digest unknown = {{0}};
    start_uploads(&uploads);
    struct hub *hub = uploads.bench.hub;
    uploads.hash.bytes[7] = 0xff; // the first hex digit is no 0
    cas_query_chunk(hub, &demand, &target, &uploads.hash, on_shard,
                    &uploads.bench.outcome);
    struct outcome *outcome = wait_for(&uploads.bench);
    assert_ok(outcome->err);
    assert_int_equal(outcome->n, strlen("{\"result\":1}"));
    assert_string_equal(outcome->text, "bytes");
    cas_query_chunk(hub, &demand, &target, &unknown, on_shard, &uploads.bench.outcome);
    assert_err(wait_for(&uploads.bench)->err, ERR_NOT_FOUND);
    stop_uploads(&uploads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_shard_is_registered_by_the_last_line),
        cmocka_unit_test(test_a_shard_without_a_result_is_sent_again),
        cmocka_unit_test(test_a_shard_that_may_be_sent_again_is),
        cmocka_unit_test(test_a_refused_shard_tells_the_sentence_and_is_not_repeated),
        cmocka_unit_test(test_a_service_without_v2_shards_is_remembered),
        cmocka_unit_test(test_write_tokens_are_shared_until_they_are_forgotten),
        cmocka_unit_test(test_write_access_tells_why_there_is_none),
        cmocka_unit_test(test_a_dedup_query_hands_out_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
