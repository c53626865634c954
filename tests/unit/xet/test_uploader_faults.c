// SPDX-License-Identifier: Apache-2.0
// Bad days of an upload: each ends with an error and a sentence, or is made good.

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_upload.h"

#include <string.h>

enum { RANDOM, TEXT, WEIGHTS, ZEROS, SIZE = 20000000, LONG = 80000000 };

TEST(test_what_arrived_before_a_failure_is_not_sent_again)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    struct why why;
    upload_world_begin(&world);
    struct upload_content content = upload_content_new(LONG, RANDOM, 5);
    fake_upload_hub_fault(world.hub, UPLOAD_FAULT_XORB, 2);
    assert_err(upload_world_send(&world, &content, false, NULL, &why, &uploaded),
               ERR_SERVER);
    assert_string_equal(why.text, "the fake Hub says no");
    struct fake_upload_counts first = fake_upload_hub_counts(world.hub);
    assert_ok(upload_world_send(&world, &content, false, NULL, &why, &uploaded));
    assert_true(upload_world_has(&world, &content, &uploaded));
    struct fake_upload_counts second = fake_upload_hub_counts(world.hub);
    assert_int_equal(second.xorbs, 1);
    assert_int_equal(first.raw + second.raw, LONG);
    free(content.bytes);
    upload_world_end(&world);
}

TEST(test_failing_often_spoils_nothing)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    upload_world_begin(&world);
    struct upload_content content = upload_content_new(4000000, RANDOM, 8);
    memcpy(content.bytes + 2000000, content.bytes, 2000000);
    for (unsigned i = 0; i < 6; i++) {
        fake_upload_hub_fault(world.hub, UPLOAD_FAULT_XORB, 1);
        assert_err(upload_world_send(&world, &content, false, NULL, NULL, &uploaded),
                   ERR_SERVER);
    }
    (void)fake_upload_hub_counts(world.hub);
    assert_ok(upload_world_send(&world, &content, false, NULL, NULL, &uploaded));
    assert_true(upload_world_has(&world, &content, &uploaded));
    assert_true(fake_upload_hub_counts(world.hub).raw < 2300000);
    free(content.bytes);
    upload_world_end(&world);
}

TEST(test_a_server_that_forgot_gets_all_of_it_once_more)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    upload_world_begin(&world);
    struct upload_content content = upload_content_new(SIZE, RANDOM, 6);
    assert_ok(upload_world_send(&world, &content, false, NULL, NULL, &uploaded));
    for (size_t i = 0; i < 2; i++) {
        memset(content.bytes + 1000000 * i, (int)i, 100000);
        (void)fake_upload_hub_counts(world.hub);
        fake_upload_hub_fault(world.hub, UPLOAD_FAULT_FORGET, 0);
        assert_ok(upload_world_send(&world, &content, i == 1, NULL, NULL, &uploaded));
        assert_true(upload_world_has(&world, &content, &uploaded));
        assert_int_equal(fake_upload_hub_counts(world.hub).shards, 2);
    }
    free(content.bytes);
    upload_world_end(&world);
}

TEST(test_a_shard_that_is_refused_for_good_is_an_error)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    struct why why;
    upload_world_begin(&world);
    struct upload_content content = upload_content_new(SIZE, RANDOM, 6);
    fake_upload_hub_fault(world.hub, UPLOAD_FAULT_SHARD, 0);
    assert_err(upload_world_send(&world, &content, false, NULL, &why, &uploaded),
               ERR_USAGE);
    assert_string_equal(why.text, "the fake Hub says no");
    assert_int_equal(fake_upload_hub_counts(world.hub).shards, 1);
    // The xorb has arrived, although no shard told of it: the next session does.
    fake_upload_hub_fault(world.hub, UPLOAD_FAULT_NONE, 0);
    assert_ok(upload_world_send(&world, &content, false, NULL, &why, &uploaded));
    assert_true(upload_world_has(&world, &content, &uploaded));
    assert_int_equal(fake_upload_hub_counts(world.hub).xorbs, 0);
    free(content.bytes);
    upload_world_end(&world);
}

TEST(test_a_content_that_cannot_be_read_ends_the_session)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    struct why why;
    upload_world_begin(&world);
    for (int with_scan = 0; with_scan < 2; with_scan++) {
        struct upload_content content = upload_content_new(SIZE, RANDOM, 6);
        content.read_err = ERR_DAMAGED;
        assert_err(upload_world_send(&world, &content, with_scan, NULL, &why, &uploaded),
                   ERR_DAMAGED);
        assert_string_equal(why.text, "the content cannot be read");
        free(content.bytes);
    }
    upload_world_end(&world);
}

TEST(test_a_content_that_is_not_the_scanned_one_is_refused)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    struct xet_upload *upload;
    struct why why;
    upload_world_begin(&world);
    struct upload_content content = upload_content_new(SIZE, RANDOM, 6);
    struct xet_scan *scan = xet_scan_new(world.pool);
    xet_scan_feed(scan, content.bytes, content.size);
    content.bytes[SIZE / 2]++;
    assert_ok(upload_world_session(&world, &upload));
    assert_err(xet_upload_file(upload, SIZE, upload_content_read, &content, scan, NULL,
                               &why, &uploaded),
               ERR_STALE);
    assert_err(xet_upload_finish(upload, &why), ERR_STALE);
    xet_upload_free(upload);
    xet_scan_free(scan);
    // A scan of another length is as good as none.
    scan = xet_scan_new(world.pool);
    xet_scan_feed(scan, content.bytes, content.size - 1);
    assert_ok(upload_world_session(&world, &upload));
    assert_ok(xet_upload_file(upload, SIZE, upload_content_read, &content, scan, NULL,
                              &why, &uploaded));
    assert_ok(xet_upload_finish(upload, &why));
    xet_upload_free(upload);
    xet_scan_free(scan);
    assert_true(upload_world_has(&world, &content, &uploaded));
    free(content.bytes);
    upload_world_end(&world);
}

TEST(test_a_session_can_be_cancelled_while_it_waits_for_the_server)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    struct xet_upload *upload;
    struct why why;
    upload_world_begin(&world);
    struct upload_content content = upload_content_new(SIZE, RANDOM, 6);
    fake_upload_hub_fault(world.hub, UPLOAD_FAULT_HANG, 0);
    assert_ok(upload_world_session(&world, &upload));
    assert_ok(xet_upload_file(upload, SIZE, upload_content_read, &content, NULL, NULL,
                              &why, &uploaded));
    world.is_cancelled = true;
    assert_err(xet_upload_finish(upload, &why), ERR_CANCELLED);
    assert_err(xet_upload_finish(upload, &why), ERR_CANCELLED);
    xet_upload_free(upload);
    world.is_cancelled = false;
    fake_upload_hub_fault(world.hub, UPLOAD_FAULT_NONE, 0);
    assert_ok(upload_world_send(&world, &content, false, NULL, &why, &uploaded));
    assert_true(upload_world_has(&world, &content, &uploaded));
    free(content.bytes);
    upload_world_end(&world);
}

TEST(test_a_global_index_that_fails_is_not_asked_for_ever)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    struct xet_upload *upload;
    upload_world_begin(&world);
    fake_upload_hub_fault(world.hub, UPLOAD_FAULT_QUERY, 0);
    assert_ok(upload_world_session(&world, &upload));
    for (uint64_t i = 0; i < 12; i++) {
        struct upload_content content = upload_content_new(2000000, RANDOM, 70 + i);
        assert_ok(xet_upload_file(upload, content.size, upload_content_read, &content,
                                  NULL, NULL, NULL, &uploaded));
        free(content.bytes);
    }
    assert_ok(xet_upload_finish(upload, NULL));
    xet_upload_free(upload);
    assert_in_range(fake_upload_hub_counts(world.hub).queries, 1, 8);
    upload_world_end(&world);
}

TEST(test_an_empty_content_and_an_unused_session_are_no_work)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    struct xet_upload *upload;
    struct why why;
    upload_world_begin(&world);
    assert_ok(upload_world_session(&world, &upload));
    assert_ok(xet_upload_finish(upload, &why));
    xet_upload_free(upload);
    assert_int_equal(fake_upload_hub_counts(world.hub).shards, 0);
    assert_ok(upload_world_session(&world, &upload));
    assert_err(xet_upload_file(upload, 0, upload_content_read, NULL, NULL, NULL, &why,
                               &uploaded),
               ERR_USAGE);
    xet_upload_free(upload);
    xet_upload_free(NULL);
    upload_world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_arrived_before_a_failure_is_not_sent_again),
        cmocka_unit_test(test_failing_often_spoils_nothing),
        cmocka_unit_test(test_a_server_that_forgot_gets_all_of_it_once_more),
        cmocka_unit_test(test_a_shard_that_is_refused_for_good_is_an_error),
        cmocka_unit_test(test_a_content_that_cannot_be_read_ends_the_session),
        cmocka_unit_test(test_a_content_that_is_not_the_scanned_one_is_refused),
        cmocka_unit_test(test_a_session_can_be_cancelled_while_it_waits_for_the_server),
        cmocka_unit_test(test_a_global_index_that_fails_is_not_asked_for_ever),
        cmocka_unit_test(test_an_empty_content_and_an_unused_session_are_no_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
