// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/piece_map.h"

#include <string.h>

#define MIB (UINT64_C(1) << 20)

static struct fragment fragment_at(uint64_t from, uint64_t to, uint32_t first)
{
    return (struct fragment){.from = from, .to = to, .origin = from, .first = first};
}

struct world {
    struct piece_cache cache;
    struct piece_map map;
};

static void begin(struct world *world, size_t max_bytes)
{
    piece_cache_init(&world->cache, max_bytes);
    piece_map_init(&world->map, &world->cache);
}

static void add(struct world *world, uint64_t from, uint64_t to, uint32_t first)
{
    struct fragment fragment = fragment_at(from, to, first);
    assert_ok(piece_map_add(&world->map, &fragment));
}

TEST(test_what_was_added_is_found_and_the_rest_is_a_gap)
{
    struct world world;
    struct fragment found;
    begin(&world, MIB);
    add(&world, 100, 200, 7);
    assert_true(piece_map_find(&world.map, 150, &found));
    assert_int_equal(found.first, 7);
    assert_false(piece_map_find(&world.map, 200, &found));
    assert_int_equal(piece_map_gap(&world.map, 0, 1000), 0);
    assert_int_equal(piece_map_gap_end(&world.map, 0, 1000), 100);
    assert_int_equal(piece_map_gap(&world.map, 100, 1000), 200);
    assert_int_equal(piece_map_gap_end(&world.map, 200, 1000), 1000);
    piece_map_release(&world.map);
    assert_int_equal(world.cache.bytes, 0);
}

TEST(test_a_piece_that_crosses_leaves_is_found_in_both)
{
    struct world world;
    struct fragment found;
    uint64_t border = PIECE_LEAF_BYTES;
    begin(&world, MIB);
    add(&world, border - 10, border + 10, 3);
    assert_true(piece_map_find(&world.map, border + 5, &found));
    assert_int_equal(found.origin, border - 10);
    assert_int_equal(piece_map_gap(&world.map, border - 10, border + 20), border + 10);
    piece_map_forget(&world.map, border - 10, border + 10);
    assert_int_equal(piece_map_gap(&world.map, border - 10, border + 20), border - 10);
    piece_map_release(&world.map);
}

TEST(test_the_piece_learned_last_wins_and_trims_the_older)
{
    struct world world;
    struct fragment found;
    begin(&world, MIB);
    add(&world, 0, 100, 1);
    add(&world, 40, 60, 2);
    assert_true(piece_map_find(&world.map, 50, &found));
    assert_int_equal(found.first, 2);
    assert_true(piece_map_find(&world.map, 80, &found));
    assert_int_equal(found.first, 1);
    assert_int_equal(found.origin, 0);
    assert_int_equal(piece_map_gap(&world.map, 0, 100), 100);
    piece_map_release(&world.map);
}

TEST(test_what_the_store_knew_fills_only_gaps)
{
    struct world world;
    struct fragment found;
    begin(&world, MIB);
    add(&world, 40, 60, 2);
    struct fragment loaded = fragment_at(0, 100, 1);
    assert_false(piece_map_is_loaded(&world.map, 0));
    assert_ok(piece_map_load(&world.map, 0, &loaded, 1));
    assert_true(piece_map_is_loaded(&world.map, 0));
    assert_true(piece_map_find(&world.map, 50, &found));
    assert_int_equal(found.first, 2);
    assert_int_equal(piece_map_gap(&world.map, 0, 200), 100);
    piece_map_release(&world.map);
}

TEST(test_leaves_used_longest_ago_are_dropped_but_not_those_somebody_waits_in)
{
    struct world world;
    begin(&world, 4000);
    add(&world, 0, 100, 1);
    assert_ok(piece_map_pin(&world.map, 0, 100));
    for (uint64_t i = 1; i < 100; i++) {
        add(&world, i * PIECE_LEAF_BYTES, i * PIECE_LEAF_BYTES + 10, 1);
    }
    assert_true(world.cache.bytes <= 4000);
    assert_int_equal(piece_map_gap(&world.map, 0, 100), 100);
    assert_int_equal(piece_map_gap(&world.map, PIECE_LEAF_BYTES, PIECE_LEAF_BYTES + 1),
                     PIECE_LEAF_BYTES);
    piece_map_unpin(&world.map, 0, 100);
    add(&world, 200 * PIECE_LEAF_BYTES, 200 * PIECE_LEAF_BYTES + 10, 1);
    piece_map_release(&world.map);
}

TEST(test_unread_bytes_are_counted_until_somebody_reads_them)
{
    struct world world;
    begin(&world, MIB);
    struct fragment ahead = fragment_at(0, 1000, 1);
    ahead.is_unread = true;
    assert_ok(piece_map_add(&world.map, &ahead));
    assert_int_equal(world.cache.unread_bytes, 1000);
    add(&world, 900, 1000, 2);
    assert_int_equal(world.cache.unread_bytes, 900);
    piece_map_mark_read(&world.map, 10, 20);
    assert_int_equal(world.cache.unread_bytes, 0);
    piece_map_release(&world.map);
}

enum { CELLS = 4096 };

// Compares with an array in which each cell says which piece holds it.
static void compare(struct piece_map *map, const uint32_t *cells, uint64_t scale)
{
    for (uint64_t i = 0; i < CELLS; i++) {
        struct fragment found;
        bool is_here = piece_map_find(map, i * scale, &found);
        assert_int_equal(is_here, cells[i] != 0);
        if (is_here) {
            assert_int_equal(found.first, cells[i]);
        }
    }
}

TEST(test_any_sequence_of_changes_agrees_with_an_array)
{
    static uint32_t cells[CELLS];
    uint64_t random = 42;
    uint64_t scale = 4 * PIECE_LEAF_BYTES / CELLS;
    struct world world;
    begin(&world, SIZE_MAX);
    for (uint32_t step = 1; step < 3000; step++) {
        uint64_t from = fake_random(&random) % CELLS;
        uint64_t to =
            from + 1 + fake_random(&random) % (CELLS - from < 200 ? CELLS - from : 200);
        bool forgets = fake_random(&random) % 4 == 0;
        if (forgets) {
            piece_map_forget(&world.map, from * scale, to * scale);
        } else {
            add(&world, from * scale, to * scale, step);
        }
        for (uint64_t i = from; i < to; i++) {
            cells[i] = forgets ? 0 : step;
        }
        if (step % 100 == 0) {
            compare(&world.map, cells, scale);
        }
    }
    piece_map_release(&world.map);
    assert_int_equal(world.cache.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_added_is_found_and_the_rest_is_a_gap),
        cmocka_unit_test(test_a_piece_that_crosses_leaves_is_found_in_both),
        cmocka_unit_test(test_the_piece_learned_last_wins_and_trims_the_older),
        cmocka_unit_test(test_what_the_store_knew_fills_only_gaps),
        cmocka_unit_test(
            test_leaves_used_longest_ago_are_dropped_but_not_those_somebody_waits_in),
        cmocka_unit_test(test_unread_bytes_are_counted_until_somebody_reads_them),
        cmocka_unit_test(test_any_sequence_of_changes_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
