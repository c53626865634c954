// SPDX-License-Identifier: Apache-2.0
// What a stream's window will ask for next is planned a step before.
#include "tests/unit/xet/engine_fixture.h"
#include "xet/plan_ahead.h"

#define MIB (UINT64_C(1) << 20)

enum { READ = 131072 };

static struct fake_counts settle(void)
{
    engine_world_settle(&world);
    return fake_hub_counts(world.hub);
}

static void read_with(struct xet_file *file, const struct fake_file *content,
                      uint64_t offset, size_t len, const struct xet_pattern *pattern)
{
    struct engine_read read;
    engine_read_init(&read, &world, file, offset, len);
    read.pattern = *pattern;
    if (!engine_read_begin(&read)) {
        engine_read_finish(&read);
    }
    assert_ok(read.err);
    assert_memory_equal(read.to, fake_file_bytes(content) + offset, len);
    engine_read_release(&read);
}

static void read_at(struct xet_file *file, const struct fake_file *content,
                    uint64_t offset, size_t len, uint32_t stream, uint64_t consumed)
{
    read_with(file, content, offset, len,
              &(struct xet_pattern){.stream = stream, .consumed = consumed});
}

static void read_to_end(struct xet_file *file, const struct fake_file *content,
                        uint64_t offset, uint64_t consumed, uint64_t end)
{
    read_with(file, content, offset, READ,
              &(struct xet_pattern){.stream = 1, .consumed = consumed, .ends_at = end});
}

// A reader at the beginning of a file: what it waits for and its window are two ranges.
static struct xet_file *begin_stream(struct fake_file *content)
{
    struct xet_file *file = engine_world_open(&world, content, true, false);
    read_at(file, content, 0, READ, 1, READ);
    return file;
}

static void read_on(struct xet_file *file, const struct fake_file *content)
{
    for (uint64_t at = READ; at < fake_file_size(content); at += READ) {
        read_at(file, content, at, READ, 1, at + READ);
    }
}

TEST(test_the_next_step_of_the_window_is_planned_and_not_fetched)
{
    struct fake_file *content = add_file(20, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = begin_stream(content);
    struct fake_counts first = settle();
    assert_int_equal(first.ranges, 2);
    // Of 1 MiB each, up to 8 MiB ahead; one more: a chunk on a border that came meanwhile.
    assert_in_range(first.plans, 2 + 7, 2 + 8);
    assert_in_range(first.bytes, 1, MIB + 3 * READ - 1);
    // The next step asks with what was planned, and plans the one after it.
    fake_hub_hold(world.hub, true);
    struct engine_read read;
    engine_read_init(&read, &world, file, 2 * MIB, READ);
    read.pattern = (struct xet_pattern){.stream = 1, .consumed = 2 * MIB};
    assert_false(engine_read_begin(&read));
    fake_hub_hold(world.hub, false);
    end_read(&read);
    assert_true(settle().ranges >= first.ranges + 3);
    read_on(file, content);
    xet_file_put(world.xet, file);
}

TEST(test_of_a_stream_that_is_expected_to_end_the_rest_is_asked_for_once)
{
    struct fake_file *content = add_file(30, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    uint64_t from = 16 * MIB;
    uint64_t length = 4 * MIB;
    read_to_end(file, content, from, READ, from + length);
    struct fake_counts first = settle();
    // Of 512 KiB each; a chunk on a border comes twice where both are on their way.
    assert_in_range(first.ranges, 1, 9);
    assert_in_range(first.bytes, length, length + (first.ranges + 1) * READ);
    // Reads that overtake each other, and those beyond it that the kernel sends.
    read_to_end(file, content, from + 2 * READ, 3 * READ, from + length);
    read_to_end(file, content, from + READ, 3 * READ, from + length);
    for (uint64_t at = from + 3 * READ; at < from + length; at += READ) {
        read_to_end(file, content, at, at - from + READ, from + length);
    }
    struct fake_counts last = settle();
    assert_int_equal(last.plans, first.plans);
    assert_int_equal(last.ranges, first.ranges);
    // It goes on: as any other, from where it is.
    read_at(file, content, from + length, READ, 1, length + READ);
    assert_true(settle().bytes >= first.bytes + 8 * MIB);
    xet_file_put(world.xet, file);
}

TEST(test_of_a_long_rest_32_mebibytes_are_asked_for_and_nothing_is_planned_behind_it)
{
    struct fake_file *content = add_file(31, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    fake_hub_hold(world.hub, true);
    struct engine_read read;
    engine_read_init(&read, &world, file, MIB, READ);
    read.pattern =
        (struct xet_pattern){.stream = 1, .consumed = READ, .ends_at = 36 * MIB + READ};
    assert_false(engine_read_begin(&read));
    struct fake_counts counts = await_plans(1 + 8);
    fake_hub_hold(world.hub, false);
    end_read(&read);
    assert_int_equal(counts.plans, 1 + 8); // of 4 MiB each
    assert_int_equal(settle().plans, 1 + 8);
    xet_file_put(world.xet, file);
}

// The chunk on the border to what was read before is in the plan, and here already.
TEST(test_a_reader_at_the_border_of_what_is_planned_waits_for_no_other_plan)
{
    struct fake_file *content = add_file(29, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = begin_stream(content);
    struct fake_counts first = settle();
    uint64_t border = READ + MIB / 2;
    while (first.bytes > border) { // about where the first byte is that is not here
        border += READ;
    }
    fake_hub_hold(world.hub, true);
    struct engine_read read;
    engine_read_init(&read, &world, file, border, READ);
    read.pattern = (struct xet_pattern){.stream = 1, .consumed = border};
    assert_false(engine_read_begin(&read));
    struct fake_counts asked = fake_hub_counts(world.hub);
    for (int i = 0; i < 10000 && asked.ranges < first.ranges + 3; i++) {
        struct timespec pause = {0, 1000000};
        (void)nanosleep(&pause, NULL);
        asked = fake_hub_counts(world.hub);
    }
    fake_hub_hold(world.hub, false);
    end_read(&read);
    xet_file_put(world.xet, file);
    assert_int_equal(asked.ranges, first.ranges + 3); // of three that were planned
    assert_true(asked.plans <= first.plans + 1);      // of what is beyond
}

// Each has a chunk in common with the one before it.
TEST(test_what_was_planned_is_not_planned_again_when_its_turn_comes)
{
    struct fake_file *content = add_file(32, 8 * MIB, FAKE_PLAIN);
    struct xet_file *file = begin_stream(content);
    struct fake_counts first = settle();
    read_on(file, content);
    assert_int_equal(settle().plans, first.plans);
    xet_file_put(world.xet, file);
}

TEST(test_a_stray_read_of_what_is_only_planned_brings_what_it_asks_for)
{
    struct fake_file *content = add_file(21, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = begin_stream(content);
    struct fake_counts before = settle();
    read_at(file, content, 5 * MIB + 12345, 4096, 0, 0);
    struct fake_counts after = settle();
    assert_int_equal(after.ranges, before.ranges + 1);
    assert_int_equal(after.plans, before.plans + 1);
    assert_true(after.bytes - before.bytes <= 2 * READ + 4096);
    read_on(file, content);
    xet_file_put(world.xet, file);
}

TEST(test_who_has_read_little_in_order_gets_nothing_planned)
{
    struct fake_file *content = add_file(22, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    read_at(file, content, 0, 4096, 1, 4096);
    struct fake_counts counts = settle();
    // One more: a chunk on a border that came meanwhile is not fetched again.
    assert_in_range(counts.plans, counts.ranges, counts.ranges + 1);
    xet_file_put(world.xet, file);
}

TEST(test_a_plan_that_fails_before_it_is_needed_is_asked_for_again)
{
    struct fake_file *content = add_file(23, 32 * MIB, FAKE_PLAIN);
    for (unsigned n = 3; n < 9; n++) {
        fake_hub_fault(world.hub, FAULT_PLAN_FAILS, n, ERR_BAD_ANSWER);
    }
    struct xet_file *file = begin_stream(content);
    assert_int_equal(settle().faults, 6);
    read_on(file, content);
    xet_file_put(world.xet, file);
}

TEST(test_a_plan_that_has_waited_too_long_is_made_again)
{
    struct fake_file *content = add_file(24, 32 * MIB, FAKE_PLAIN);
    struct xet_file *file = begin_stream(content);
    struct fake_counts before = settle();
    fake_hub_fault(world.hub, FAULT_EXPIRED, 1, 0);
    read_on(file, content);
    assert_int_equal(settle().faults, before.faults + 1);
    xet_file_put(world.xet, file);
}

// Lets go what has waited until `now_ms` (DEADLINE_NONE: nothing); returns when the next one will have.
static int64_t expire_at(int64_t now_ms)
{
    struct errands errands = errands_init(world.xet);
    engine_lock(world.xet);
    if (now_ms != DEADLINE_NONE) {
        plan_ahead_expire(world.xet, now_ms, &errands);
    }
    int64_t next_ms = plan_ahead_expires_ms(world.xet);
    engine_unlock(world.xet);
    errands_run(&errands);
    return next_ms;
}

TEST(test_what_nobody_came_for_is_let_go)
{
    struct fake_file *content = add_file(25, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = begin_stream(content);
    struct fake_counts before = settle();
    assert_true(expire_at(DEADLINE_NONE) > clock_now_ms());
    assert_true(expire_at(clock_now_ms()) != DEADLINE_NONE);
    assert_true(expire_at(clock_now_ms() + HELD_MS) == DEADLINE_NONE);
    read_on(file, content);
    assert_true(settle().plans > before.plans);
    xet_file_put(world.xet, file);
}

TEST(test_what_is_held_for_many_streams_is_bounded)
{
    enum { FILES = 20 };
    struct fake_file *contents[FILES];
    struct xet_file *files[FILES];
    for (size_t i = 0; i < FILES; i++) {
        contents[i] = add_file(40 + i, 12 * MIB, FAKE_PLAIN);
    }
    for (size_t i = 0; i < FILES; i++) { // that is quick: nothing is let go for its age
        files[i] = begin_stream(contents[i]);
    }
    (void)settle();
    engine_lock(world.xet);
    size_t n_held = world.xet->n_held;
    engine_unlock(world.xet);
    assert_int_equal(n_held, 64);
    for (size_t i = 0; i < FILES; i++) {
        xet_file_put(world.xet, files[i]);
    }
}

TEST(test_a_stream_that_goes_elsewhere_gives_up_what_was_planned)
{
    struct fake_file *content = add_file(26, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = begin_stream(content);
    (void)settle();
    read_at(file, content, 50 * MIB, READ, 1, READ);
    (void)settle();
    unsigned left_behind = 0;
    engine_lock(world.xet);
    for (struct fetch_unit *unit = world.xet->held.head; unit; unit = unit->held_next) {
        left_behind += unit->first < 50 * MIB;
    }
    engine_unlock(world.xet);
    assert_int_equal(left_behind, 0);
    xet_file_put(world.xet, file);
}

TEST(test_the_engine_ends_with_plans_that_wait_and_plans_on_their_way)
{
    struct fake_file *content = add_file(27, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = begin_stream(content);
    (void)settle();
    fake_hub_hold(world.hub, true);
    struct engine_read read;
    engine_read_init(&read, &world, file, 2 * MIB, READ);
    read.pattern = (struct xet_pattern){.stream = 1, .consumed = 2 * MIB};
    assert_false(engine_read_begin(&read));
    xet_file_put(world.xet, file);
    engine_world_end(&world);
    engine_read_finish(&read);
    assert_err(read.err, ERR_CANCELLED);
    engine_read_release(&read);
    begin(NULL);
}

// Whoever waits for what was only planned waits for the plan: it goes before other plans then.
TEST(test_a_plan_that_is_on_its_way_is_promoted_when_a_reader_waits_for_it)
{
    struct fake_file *content = add_file(28, 64 * MIB, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    fake_hub_hold(world.hub, true);
    struct engine_read first;
    engine_read_init(&first, &world, file, 0, READ);
    first.pattern = (struct xet_pattern){.stream = 1, .consumed = READ};
    assert_false(engine_read_begin(&first));
    (void)await_plans(2 + 7);
    struct timespec pause = {0, 500000000};
    (void)nanosleep(&pause, NULL); // their tickets are known
    assert_int_equal(fake_hub_counts(world.hub).plans, 2 + 7);
    assert_int_equal(fake_hub_counts(world.hub).promotions, 0);
    struct engine_read second;
    engine_read_init(&second, &world, file, 4 * MIB, READ);
    second.pattern = (struct xet_pattern){.stream = 1, .consumed = 2 * READ};
    assert_false(engine_read_begin(&second));
    unsigned promotions = fake_hub_counts(world.hub).promotions;
    fake_hub_hold(world.hub, false);
    end_read(&first);
    end_read(&second);
    xet_file_put(world.xet, file);
    assert_int_equal(promotions, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_the_next_step_of_the_window_is_planned_and_not_fetched, begin, end),
        cmocka_unit_test_setup_teardown(
            test_of_a_stream_that_is_expected_to_end_the_rest_is_asked_for_once, begin,
            end),
        cmocka_unit_test_setup_teardown(
            test_of_a_long_rest_32_mebibytes_are_asked_for_and_nothing_is_planned_behind_it,
            begin, end),
        cmocka_unit_test_setup_teardown(
            test_a_reader_at_the_border_of_what_is_planned_waits_for_no_other_plan, begin,
            end),
        cmocka_unit_test_setup_teardown(
            test_what_was_planned_is_not_planned_again_when_its_turn_comes, begin, end),
        cmocka_unit_test_setup_teardown(
            test_a_stray_read_of_what_is_only_planned_brings_what_it_asks_for, begin,
            end),
        cmocka_unit_test_setup_teardown(
            test_who_has_read_little_in_order_gets_nothing_planned, begin, end),
        cmocka_unit_test_setup_teardown(
            test_a_plan_that_fails_before_it_is_needed_is_asked_for_again, begin, end),
        cmocka_unit_test_setup_teardown(
            test_a_plan_that_has_waited_too_long_is_made_again, begin, end),
        cmocka_unit_test_setup_teardown(test_what_nobody_came_for_is_let_go, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_held_for_many_streams_is_bounded,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            test_a_stream_that_goes_elsewhere_gives_up_what_was_planned, begin, end),
        cmocka_unit_test_setup_teardown(
            test_the_engine_ends_with_plans_that_wait_and_plans_on_their_way, begin, end),
        cmocka_unit_test_setup_teardown(
            test_a_plan_that_is_on_its_way_is_promoted_when_a_reader_waits_for_it, begin,
            end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
