// SPDX-License-Identifier: Apache-2.0
// Whole files: fetched on request, counted, verified, also when they came in pieces.

#include "tests/unit/xet/engine_fixture.h"
#include "xet/engine.h"

// Begins one whose budget is two units; nothing is answered until all eight are planned.
static struct xet_file *begin_held(struct engine_read *prefetch,
                                   struct fake_file *content)
{
    struct xet_file *file = engine_world_open(&world, content, true, false);
    world.xet->prefetch_budget = 8 * MIB;
    fake_hub_hold(world.hub, true);
    engine_prefetch_begin(prefetch, &world, file);
    (void)await_plans(8);
    return file;
}

TEST(test_a_prefetch_brings_the_whole_range_and_then_reads_ask_for_nothing)
{
    struct fake_file *content = add_file(12, 100 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    prefetch(file);
    struct fake_counts before = fake_hub_counts(world.hub);
    struct xet_stats stats;
    xet_stats(world.xet, &stats);
    assert_int_equal(stats.ahead_unused, 100 * MIB);
    assert_int_equal(engine_world_await_verified(file).verified, VERIFIED_GOOD);
    assert_ok(engine_read_all(&world, file, content, 0, 100 * MIB, NULL));
    xet_stats(world.xet, &stats);
    assert_int_equal(stats.ahead_unused, 0);
    assert_int_equal(fake_hub_counts(world.hub).plans, before.plans);
    xet_file_put(world.xet, file);
}

TEST(test_a_file_that_came_in_two_lifetimes_is_counted_and_verified)
{
    struct fake_file *content = add_file(23, 40 * MIB, FAKE_REPETITIVE);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    assert_ok(engine_read_all(&world, file, content, 20 * MIB, 20 * MIB, NULL));
    engine_world_remount_file(&world, &file, content);
    struct xet_file_info info;
    xet_file_info(file, &info);
    assert_true(info.cached_bytes >= 20 * MIB && info.cached_bytes < 21 * MIB);
    assert_int_equal(info.verified, VERIFIED_UNKNOWN);
    assert_ok(engine_read_all(&world, file, content, 0, 20 * MIB, NULL));
    info = engine_world_await_verified(file);
    assert_int_equal(info.verified, VERIFIED_GOOD);
    assert_int_equal(info.cached_bytes, 40 * MIB);
    xet_file_put(world.xet, file);
}

// Each begins when the one before it has ended, with a plan that has their common chunk, too.
TEST(test_units_that_come_one_after_the_other_are_counted_as_fetched_ahead_to_the_byte)
{
    struct fake_file *content = add_file(35, 100 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    world.xet->prefetch_budget = 1;
    prefetch(file);
    struct xet_stats stats;
    xet_stats(world.xet, &stats);
    assert_int_equal(stats.ahead_unused, 100 * MIB);
    xet_file_put(world.xet, file);
}

TEST(test_a_prefetch_that_failed_does_not_make_readers_fail)
{
    struct fake_file *content = add_file(31, 4 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    fake_hub_fault(world.hub, FAULT_EXPIRED, 1, 0);
    fake_hub_fault(world.hub, FAULT_EXPIRED, 2, 0);
    assert_err(try_prefetch(file), ERR_EXPIRED);
    assert_ok(engine_read_all(&world, file, content, MIB, 100000, NULL));
    xet_file_put(world.xet, file);
}

// Its turn comes as the first units end: by then one round trip is behind it.
TEST(test_what_waits_for_its_turn_is_planned_meanwhile_and_not_again)
{
    struct fake_file *content = add_file(32, 32 * MIB, FAKE_PLAIN);
    struct engine_read waiting;
    struct xet_file *file = begin_held(&waiting, content);
    struct fake_counts held = fake_hub_counts(world.hub);
    fake_hub_hold(world.hub, false);
    assert_ok(engine_prefetch_end(&waiting));
    assert_int_equal(held.plans, 8); // two that are on their way and six that wait
    assert_int_equal(held.bytes, 0);
    assert_int_equal(fake_hub_counts(world.hub).plans, 8);
    assert_ok(engine_read_all(&world, file, content, 0, 32 * MIB, NULL));
    xet_file_put(world.xet, file);
}

TEST(test_a_plan_that_fails_while_its_unit_waits_is_asked_for_again_when_its_turn_comes)
{
    struct fake_file *content = add_file(33, 32 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    world.xet->prefetch_budget = 8 * MIB;
    for (unsigned n = 3; n < 9; n++) {
        fake_hub_fault(world.hub, FAULT_PLAN_FAILS, n, ERR_BAD_ANSWER);
    }
    prefetch(file);
    assert_int_equal(fake_hub_counts(world.hub).faults, 6);
    assert_ok(engine_read_all(&world, file, content, 0, 32 * MIB, NULL));
    xet_file_put(world.xet, file);
}

TEST(test_the_engine_ends_while_plans_of_what_waits_are_on_their_way)
{
    struct fake_file *content = add_file(34, 32 * MIB, FAKE_PLAIN);
    struct engine_read waiting;
    struct xet_file *file = begin_held(&waiting, content);
    xet_file_put(world.xet, file);
    engine_world_end(&world);
    assert_err(engine_prefetch_end(&waiting), ERR_CANCELLED);
    begin(NULL);
}

#define TEST_IN_WORLD(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_WORLD(
            test_a_prefetch_brings_the_whole_range_and_then_reads_ask_for_nothing),
        TEST_IN_WORLD(test_a_file_that_came_in_two_lifetimes_is_counted_and_verified),
        TEST_IN_WORLD(test_what_waits_for_its_turn_is_planned_meanwhile_and_not_again),
        TEST_IN_WORLD(
            test_a_plan_that_fails_while_its_unit_waits_is_asked_for_again_when_its_turn_comes),
        TEST_IN_WORLD(test_the_engine_ends_while_plans_of_what_waits_are_on_their_way),
        TEST_IN_WORLD(
            test_units_that_come_one_after_the_other_are_counted_as_fetched_ahead_to_the_byte),
        TEST_IN_WORLD(test_a_prefetch_that_failed_does_not_make_readers_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
