// SPDX-License-Identifier: Apache-2.0
// Xorbs: grants and what happens without them, and who gets to see which credential.
#include "tests/unit/hub/upload_bench.h"

TEST(test_a_xorb_goes_up_by_a_grant)
{
    struct uploads uploads;
    start_uploads(&uploads);
    const struct scripted_server *hub = &uploads.bench.server;
    assert_ok(upload_xorb(&uploads)->err);
    assert_int_equal(hub->n_asked, 3);
    assert_string_equal(hub->asked[0], "/api/models/acme/old/xet-write-token/main");
    assert_int_equal(strncmp(hub->asked[1], "/cas/v1/xorb-grants/default/", 28), 0);
    assert_non_null(strstr(hub->asked[2], "/v1/xorb-commits/default/"));
    assert_non_null(strstr(hub->asked[2], "/grant/g1"));
    assert_string_equal(hub->method[2], "POST");
    assert_int_equal(hub->body_len[2], 0);
    assert_int_equal(uploads.storage.n_asked, 1);
    assert_string_equal(uploads.storage.method[0], "PUT");
    assert_int_equal(uploads.storage.body_len[0], BODY_BYTES);
    struct hub_stats stats;
    hub_stats(uploads.bench.hub, &stats);
    assert_int_equal(stats.bytes_sent, BODY_BYTES);
    stop_uploads(&uploads);
}

TEST(test_the_granted_address_sees_its_own_headers_and_no_credential)
{
    struct uploads uploads;
    start_uploads(&uploads);
    assert_ok(upload_xorb(&uploads)->err);
    assert_false(uploads.storage.had_credential[0]);
    assert_null(strstr(script.put_head, "xet_secret"));
    assert_non_null(strstr(script.put_head, "x-amz-checksum-crc64nvme: 42\r\n"));
    assert_null(strstr(script.put_head, "evil"));
    assert_null(strcasestr(script.put_head, "\r\nexpect:"));
    stop_uploads(&uploads);
}

TEST(test_a_grant_is_asked_with_the_length_and_the_checksum)
{
    struct uploads uploads;
    start_uploads(&uploads);
    script.grant_status = 200; // stored already
    assert_ok(upload_xorb(&uploads)->err);
    assert_string_equal(script.got,
                        "{\"length\":300000,\"checksum\":{\"algo\":\"crc64nvme\","
                        "\"value\":\"18446744073709551615\"}}");
    assert_int_equal(uploads.storage.n_asked, 0);
    stop_uploads(&uploads);
}

TEST(test_an_upload_that_is_there_already_is_committed)
{
    struct uploads uploads;
    start_uploads(&uploads);
    script.put_status = 412;
    assert_ok(upload_xorb(&uploads)->err);
    assert_int_equal(count_asked(&uploads.bench.server, "/xorb-commits/"), 1);
    stop_uploads(&uploads);
}

TEST(test_an_expired_grant_is_replaced_three_grants_in_all)
{
    struct uploads uploads;
    start_uploads(&uploads);
    script.late_puts = 1;
    script.late_commits = 1;
    assert_ok(upload_xorb(&uploads)->err);
    assert_int_equal(count_asked(&uploads.bench.server, "/xorb-grants/"), 3);
    script.late_puts = 100;
    assert_err(upload_xorb(&uploads)->err, ERR_EXPIRED);
    assert_int_equal(count_asked(&uploads.bench.server, "/xorb-grants/"), 6);
    stop_uploads(&uploads);
}

TEST(test_a_service_without_grants_is_remembered)
{
    struct uploads uploads;
    start_uploads(&uploads);
    script.grant_status = 404;
    assert_ok(upload_xorb(&uploads)->err);
    assert_ok(upload_xorb(&uploads)->err);
    const struct scripted_server *hub = &uploads.bench.server;
    assert_int_equal(count_asked(hub, "/xorb-grants/"), 1);
    assert_int_equal(count_asked(hub, "/v1/xorbs/default/"), 2);
    assert_int_equal(count_asked(hub, "/xet-write-token/"), 1);
    assert_int_equal(hub->body_len[2], BODY_BYTES);
    assert_true(hub->had_credential[2]);
    stop_uploads(&uploads);
}

TEST(test_a_grant_with_a_forbidden_header_is_not_used)
{
    static const char *const odd[] = {"\"Authorization\":\"x\"", "\"a\":\"b\\r\\nc: d\""};
    for (size_t i = 0; i < 2; i++) {
        struct uploads uploads;
        start_uploads(&uploads);
        script.grant_headers = odd[i];
        assert_ok(upload_xorb(&uploads)->err);
        assert_int_equal(uploads.storage.n_asked, 0);
        assert_int_equal(count_asked(&uploads.bench.server, "/v1/xorbs/default/"), 1);
        stop_uploads(&uploads);
    }
}

TEST(test_a_refused_token_is_renewed_once)
{
    struct uploads uploads;
    start_uploads(&uploads);
    script.refuse_tokens = 1;
    assert_ok(upload_xorb(&uploads)->err);
    assert_int_equal(count_asked(&uploads.bench.server, "/xet-write-token/"), 2);
    script.refuse_tokens = 100;
    struct outcome *outcome = upload_xorb(&uploads);
    assert_err(outcome->err, ERR_ACCESS);
    assert_int_equal(count_asked(&uploads.bench.server, "/xet-write-token/"), 3);
    stop_uploads(&uploads);
}

TEST(test_a_failed_upload_is_repeated_from_its_beginning)
{
    struct uploads uploads;
    struct hub_call soon = demand;
    start_uploads(&uploads);
    random_replace(1); // the wait before the second attempt is below a second
    script.put_status = 500;
    soon.deadline_ms = clock_now_ms() + 2500;
    cas_upload_xorb(uploads.bench.hub, &soon, &target, &uploads.hash, uploads.fd, 10,
                    BODY_BYTES, 1, on_done, &uploads.bench.outcome);
    enum err err = wait_for(&uploads.bench)->err;
    assert_true(err == ERR_SERVER || err == ERR_TIMEOUT); // the last try may be under way
    assert_true(uploads.storage.n_asked >= 2);
    for (size_t i = 0; i < uploads.storage.n_asked; i++) {
        assert_int_equal(uploads.storage.body_len[i], BODY_BYTES);
    }
    random_replace(0);
    stop_uploads(&uploads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_xorb_goes_up_by_a_grant),
        cmocka_unit_test(test_the_granted_address_sees_its_own_headers_and_no_credential),
        cmocka_unit_test(test_a_grant_is_asked_with_the_length_and_the_checksum),
        cmocka_unit_test(test_an_upload_that_is_there_already_is_committed),
        cmocka_unit_test(test_an_expired_grant_is_replaced_three_grants_in_all),
        cmocka_unit_test(test_a_service_without_grants_is_remembered),
        cmocka_unit_test(test_a_grant_with_a_forbidden_header_is_not_used),
        cmocka_unit_test(test_a_refused_token_is_renewed_once),
        cmocka_unit_test(test_a_failed_upload_is_repeated_from_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
