// SPDX-License-Identifier: Apache-2.0
#include "hub/http_retry.h"
#include "tests/unit/unit_test.h"

static struct retry_question ask(enum err err, int status, unsigned attempt)
{
    return (struct retry_question){
        .err = err,
        .status = status,
        .attempt = attempt,
        .server_wait_ms = -1,
        .now_ms = 1000,
        .deadline_ms = 61000,
    };
}

TEST(test_only_failures_that_may_pass_are_tried_again)
{
    static const struct {
        enum err err;
        int status;
        bool retries;
    } table[] = {
        {ERR_SERVER, 500, true},   {ERR_SERVER, 502, true},   {ERR_SERVER, 503, true},
        {ERR_SERVER, 504, true},   {ERR_SERVER, 408, true},   {ERR_QUOTA, 429, true},
        {ERR_SERVER, 501, false},  {ERR_SERVER, 505, false},  {ERR_SERVER, 400, false},
        {ERR_SERVER, 401, false},  {ERR_SERVER, 403, false},  {ERR_SERVER, 404, false},
        {ERR_SERVER, 416, false},  {ERR_OFFLINE, 0, true},    {ERR_TIMEOUT, 0, true},
        {ERR_TRUNCATED, 0, true},  {ERR_TLS, 0, false},       {ERR_BAD_ANSWER, 0, false},
        {ERR_TOO_LARGE, 0, false}, {ERR_NO_MEMORY, 0, false}, {ERR_CANCELLED, 0, false},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct retry_question question = ask(table[i].err, table[i].status, 0);
        assert_int_equal(http_retry_delay_ms(&question) >= 0, table[i].retries);
    }
}

TEST(test_waits_double_from_a_fifth_of_a_second_to_five_seconds_with_full_jitter)
{
    static const int64_t limits[] = {200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    random_replace(7);
    for (unsigned attempt = 0; attempt < 8; attempt++) {
        int64_t longest = 0;
        int64_t shortest = INT64_MAX;
        for (int i = 0; i < 2000; i++) {
            struct retry_question question = ask(ERR_SERVER, 503, attempt);
            int64_t delay = http_retry_delay_ms(&question);
            assert_in_range(delay, 0, limits[attempt]);
            longest = delay > longest ? delay : longest;
            shortest = delay < shortest ? delay : shortest;
        }
        assert_true(longest > limits[attempt] * 95 / 100);
        assert_true(shortest < limits[attempt] * 5 / 100);
    }
    random_replace(0);
}

TEST(test_a_wait_that_the_server_asked_for_is_kept_and_capped)
{
    struct retry_question question = ask(ERR_QUOTA, 429, 0);
    question.server_wait_ms = 7000;
    assert_int_equal(http_retry_delay_ms(&question), 7000);
    question.server_wait_ms = INT64_MAX;
    question.deadline_ms = DEADLINE_NONE;
    assert_int_equal(http_retry_delay_ms(&question), 300000);
}

TEST(test_a_wait_past_the_deadline_is_not_begun)
{
    struct retry_question question = ask(ERR_SERVER, 503, 0);
    question.server_wait_ms = 60000;
    assert_int_equal(http_retry_delay_ms(&question), -1);
    question.server_wait_ms = 59999;
    assert_int_equal(http_retry_delay_ms(&question), 59999);
}

TEST(test_attempts_go_on_until_the_deadline_is_near)
{
    for (int i = 0; i < 1000; i++) {
        struct retry_question question = ask(ERR_TRUNCATED, 0, 9);
        question.now_ms = question.deadline_ms - 1000;
        assert_in_range(http_retry_delay_ms(&question), 0, 500);
        question.now_ms = question.deadline_ms - 199;
        assert_int_equal(http_retry_delay_ms(&question), -1);
    }
}

TEST(test_writes_wait_from_a_second_to_a_minute)
{
    static const int64_t limits[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000};
    random_replace(7);
    for (unsigned attempt = 0; attempt < 7; attempt++) {
        int64_t longest = 0;
        for (int i = 0; i < 2000; i++) {
            struct retry_question question = ask(ERR_SERVER, 503, attempt);
            question.policy = RETRY_WRITE;
            question.deadline_ms = DEADLINE_NONE;
            int64_t delay = http_retry_delay_ms(&question);
            assert_in_range(delay, 0, limits[attempt]);
            longest = delay > longest ? delay : longest;
        }
        assert_true(longest > limits[attempt] * 95 / 100);
    }
    random_replace(0);
}

TEST(test_writes_end_at_their_deadline_or_after_some_attempts)
{
    struct retry_question question = ask(ERR_SERVER, 503, 100);
    question.policy = RETRY_WRITE;
    assert_true(http_retry_delay_ms(&question) >= 0);
    question.now_ms = question.deadline_ms - 1;
    assert_int_equal(http_retry_delay_ms(&question), -1);
    question.deadline_ms = DEADLINE_NONE;
    assert_int_equal(http_retry_delay_ms(&question), -1);
    question.attempt = 3;
    assert_true(http_retry_delay_ms(&question) >= 0);
}

TEST(test_what_is_sent_once_is_never_tried_again)
{
    struct retry_question question = ask(ERR_SERVER, 503, 0);
    question.policy = RETRY_NEVER;
    assert_int_equal(http_retry_delay_ms(&question), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_failures_that_may_pass_are_tried_again),
        cmocka_unit_test(
            test_waits_double_from_a_fifth_of_a_second_to_five_seconds_with_full_jitter),
        cmocka_unit_test(test_a_wait_that_the_server_asked_for_is_kept_and_capped),
        cmocka_unit_test(test_a_wait_past_the_deadline_is_not_begun),
        cmocka_unit_test(test_attempts_go_on_until_the_deadline_is_near),
        cmocka_unit_test(test_writes_wait_from_a_second_to_a_minute),
        cmocka_unit_test(test_writes_end_at_their_deadline_or_after_some_attempts),
        cmocka_unit_test(test_what_is_sent_once_is_never_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
