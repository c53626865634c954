// SPDX-License-Identifier: Apache-2.0
#include "hub/quota_gate.h"
#include "tests/unit/unit_test.h"

static struct quota_gate gate_with(int64_t remaining, int64_t reset_s)
{
    struct quota_gate gate = quota_gate_init();
    struct rate_limit limit = {.remaining = remaining, .reset_s = reset_s, .quota = 500};
    quota_gate_learn(&gate, &limit, 0);
    return gate;
}

TEST(test_a_gate_that_knows_nothing_is_open)
{
    struct quota_gate gate = quota_gate_init();
    int64_t until_ms = 0;
    assert_int_equal(quota_gate_ask(&gate, HUB_PREFETCH, 0, 60000, &until_ms), QUOTA_GO);
}

TEST(test_the_background_stops_below_a_fifth_and_demand_uses_the_rest)
{
    int64_t until_ms = 0;
    struct quota_gate gate = gate_with(100, 50);
    assert_int_equal(quota_gate_ask(&gate, HUB_AHEAD, 0, 60000, &until_ms), QUOTA_GO);
    gate = gate_with(99, 50);
    assert_int_equal(quota_gate_ask(&gate, HUB_AHEAD, 0, 60000, &until_ms), QUOTA_WAIT);
    assert_int_equal(until_ms, 51000);
    assert_int_equal(quota_gate_ask(&gate, HUB_PREFETCH, 0, 40000, &until_ms),
                     QUOTA_REFUSE);
    assert_int_equal(quota_gate_ask(&gate, HUB_DEMAND, 0, 1, &until_ms), QUOTA_GO);
}

TEST(test_at_nothing_left_a_demand_waits_if_it_can_and_fails_at_once_if_not)
{
    int64_t until_ms = 0;
    struct quota_gate gate = gate_with(0, 30);
    assert_int_equal(quota_gate_ask(&gate, HUB_DEMAND, 0, 60000, &until_ms), QUOTA_WAIT);
    assert_int_equal(until_ms, 31000);
    assert_int_equal(quota_gate_ask(&gate, HUB_DEMAND, 0, 29000, &until_ms),
                     QUOTA_REFUSE);
}

TEST(test_a_new_window_opens_the_gate)
{
    int64_t until_ms = 0;
    struct quota_gate gate = gate_with(0, 30);
    assert_int_equal(quota_gate_ask(&gate, HUB_PREFETCH, 31000, 60000, &until_ms),
                     QUOTA_GO);
}

TEST(test_background_requests_on_their_way_count_before_their_answers_come)
{
    int64_t until_ms = 0;
    struct quota_gate gate = gate_with(105, 50);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(quota_gate_ask(&gate, HUB_AHEAD, 0, 60000, &until_ms), QUOTA_GO);
        quota_gate_started(&gate);
    }
    assert_int_equal(quota_gate_ask(&gate, HUB_AHEAD, 0, 60000, &until_ms), QUOTA_WAIT);
    quota_gate_ended(&gate);
    assert_int_equal(quota_gate_ask(&gate, HUB_AHEAD, 0, 60000, &until_ms), QUOTA_GO);
}

TEST(test_answers_that_overtake_each_other_do_not_give_requests_back)
{
    struct quota_gate gate = gate_with(10, 50);
    struct rate_limit older = {.remaining = 12, .reset_s = 49, .quota = 500};
    struct rate_limit next_window = {.remaining = 499, .reset_s = 300, .quota = 500};
    quota_gate_learn(&gate, &older, 500);
    assert_int_equal(gate.remaining, 10);
    quota_gate_learn(&gate, &next_window, 1000);
    assert_int_equal(gate.remaining, 499);
}

TEST(test_an_absurd_window_is_cut_to_five_minutes)
{
    struct quota_gate gate = gate_with(0, INT64_MAX);
    assert_int_equal(gate.reset_ms, 300000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_gate_that_knows_nothing_is_open),
        cmocka_unit_test(
            test_the_background_stops_below_a_fifth_and_demand_uses_the_rest),
        cmocka_unit_test(
            test_at_nothing_left_a_demand_waits_if_it_can_and_fails_at_once_if_not),
        cmocka_unit_test(test_a_new_window_opens_the_gate),
        cmocka_unit_test(
            test_background_requests_on_their_way_count_before_their_answers_come),
        cmocka_unit_test(test_answers_that_overtake_each_other_do_not_give_requests_back),
        cmocka_unit_test(test_an_absurd_window_is_cut_to_five_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
