// SPDX-License-Identifier: Apache-2.0
// What one unit is bringing is not fetched by another one.

#include "tests/unit/xet/engine_fixture.h"
#include "xet/xet.h"

#include <string.h>

#define MIB (UINT64_C(1) << 20)

// Two places of the file, far apart, that hold the same chunk of the same xorb.
static void find_copies(const struct fake_file *content, size_t *first, size_t *second)
{
    for (size_t i = 0; i < content->n; i++) {
        for (size_t k = i + 64; k < content->n; k++) {
            if (content->chunks[i].xorb == content->chunks[k].xorb &&
                content->chunks[i].index == content->chunks[k].index) {
                *first = i;
                *second = k;
                return;
            }
        }
    }
    fail_msg("the file repeats nothing");
}

// Two readers at once, each of one copy of a chunk.
static void read_copies(const struct fake_file *content, struct xet_file *file)
{
    size_t at[2];
    struct engine_read reads[2];
    find_copies(content, &at[0], &at[1]);
    fake_hub_hold(world.hub, true);
    for (int i = 0; i < 2; i++) {
        uint64_t offset = fake_file_chunk_start(content, at[i]);
        engine_read_init(&reads[i], &world, file, offset, 100);
        assert_false(engine_read_begin(&reads[i]));
    }
    fake_hub_hold(world.hub, false);
    for (int i = 0; i < 2; i++) {
        engine_read_finish(&reads[i]);
        assert_ok(reads[i].err);
        assert_memory_equal(reads[i].to, fake_file_bytes(content) + reads[i].offset, 100);
        engine_read_release(&reads[i]);
    }
}

TEST(test_a_chunk_that_another_unit_is_bringing_is_not_fetched_twice)
{
    struct fake_file *content = add_file(21, 40 * MIB, FAKE_REPETITIVE);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    read_copies(content, file);
    assert_int_equal(fake_hub_counts(world.hub).plans, 2);
    assert_int_equal(fake_hub_counts(world.hub).ranges, 1);
    xet_file_put(world.xet, file);
}

TEST(test_who_waits_for_another_unit_that_fails_fetches_by_itself)
{
    struct fake_file *content = add_file(22, 40 * MIB, FAKE_REPETITIVE);
    struct xet_file *file = engine_world_open(&world, content, true, false);
    fake_hub_fault(world.hub, FAULT_EXPIRED, 1, 0);
    read_copies(content, file);
    assert_int_equal(fake_hub_counts(world.hub).faults, 1);
    assert_int_equal(fake_hub_counts(world.hub).ranges, 2);
    xet_file_put(world.xet, file);
}

#define TEST_IN_WORLD(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_WORLD(test_a_chunk_that_another_unit_is_bringing_is_not_fetched_twice),
        TEST_IN_WORLD(test_who_waits_for_another_unit_that_fails_fetches_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
