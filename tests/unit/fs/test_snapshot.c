// SPDX-License-Identifier: Apache-2.0
// Which root is shown, and which ones were.
#include "fs/snapshot.h"

#include "tests/unit/unit_test.h"

enum { KEPT = 16 };

static void publish(struct snapshot *snapshot, uint64_t root)
{
    struct snapshot_view view = {.root = root, .repo_root = root, .date_s = -1};
    snapshot_publish(snapshot, &view);
}

TEST(test_a_listing_that_was_begun_goes_on_in_its_root)
{
    struct snapshot *snapshot;
    uint64_t turn = SNAPSHOT_NOW;
    bool is_past = true;
    assert_ok(snapshot_new(&snapshot));
    publish(snapshot, 100);
    assert_int_equal(snapshot_root(snapshot, &turn, &is_past), 100);
    assert_false(is_past);
    publish(snapshot, 101);
    assert_int_equal(snapshot_root(snapshot, &turn, &is_past), 100);
    assert_true(is_past);
    uint64_t now = SNAPSHOT_NOW;
    assert_int_equal(snapshot_root(snapshot, &now, &is_past), 101);
    assert_false(is_past);
    publish(snapshot, 100); // and back
    assert_int_equal(snapshot_root(snapshot, &turn, &is_past), 100);
    assert_false(is_past);
    snapshot_free(snapshot);
}

TEST(test_a_root_of_long_ago_is_the_one_that_is_shown_now)
{
    struct snapshot *snapshot;
    uint64_t turn = SNAPSHOT_NOW;
    uint64_t made_up = 12345;
    bool is_past = true;
    assert_ok(snapshot_new(&snapshot));
    publish(snapshot, 100);
    assert_int_equal(snapshot_root(snapshot, &turn, &is_past), 100);
    for (uint64_t i = 1; i <= KEPT; i++) {
        publish(snapshot, 100 + i);
    }
    assert_int_equal(snapshot_root(snapshot, &turn, &is_past), 100 + KEPT);
    assert_false(is_past);
    assert_int_equal(snapshot_root(snapshot, &made_up, &is_past), 100 + KEPT);
    assert_int_equal(made_up, turn);
    snapshot_free(snapshot);
}

TEST(test_turns_may_go_round)
{
    struct snapshot *snapshot;
    uint64_t turn = SNAPSHOT_NOW;
    bool is_past = false;
    assert_ok(snapshot_new(&snapshot));
    for (uint64_t i = 0; i < UINT64_C(1) << SNAPSHOT_TURN_BITS; i++) {
        publish(snapshot, 100);
    }
    publish(snapshot, 101);
    assert_int_equal(snapshot_root(snapshot, &turn, &is_past), 101);
    publish(snapshot, 102);
    assert_int_equal(snapshot_root(snapshot, &turn, &is_past), 101);
    assert_true(is_past);
    snapshot_free(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_listing_that_was_begun_goes_on_in_its_root),
        cmocka_unit_test(test_a_root_of_long_ago_is_the_one_that_is_shown_now),
        cmocka_unit_test(test_turns_may_go_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
