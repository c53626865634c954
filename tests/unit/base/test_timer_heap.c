// SPDX-License-Identifier: Apache-2.0

#include "base/random.h"
#include "base/timer_heap.h"
#include "tests/unit/unit_test.h"

enum { NODES = 60, STEPS = 2000, SEEDS = 20 };

// What a heap must be, checked the slow way.
static void check_heap(const struct timer_heap *heap, const struct timer_node *nodes)
{
    const struct timer_node *least = NULL;
    size_t count = 0;
    for (size_t i = 0; i < NODES; i++) {
        if (nodes[i].position > 0) {
            count++;
            assert_ptr_equal(heap->nodes[nodes[i].position - 1], &nodes[i]);
            least = least == NULL || nodes[i].at_ms < least->at_ms ? &nodes[i] : least;
        }
    }
    assert_int_equal(heap->count, count);
    const struct timer_node *first = timer_heap_first(heap);
    assert_int_equal(first == NULL ? -1 : first->at_ms,
                     least == NULL ? -1 : least->at_ms);
}

TEST(test_the_first_node_is_the_earliest_after_any_sets_and_removes)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct timer_heap heap = {0};
        struct timer_node nodes[NODES] = {0};
        random_replace(seed);
        for (size_t i = 0; i < NODES; i++) {
            assert_ok(timer_heap_promise(&heap));
        }
        for (int step = 0; step < STEPS; step++) {
            struct timer_node *node = &nodes[random_below(NODES)];
            if (random_below(3) == 0) {
                timer_heap_remove(&heap, node);
            } else {
                timer_heap_set(&heap, node, (int64_t)random_below(100));
            }
            check_heap(&heap, nodes);
        }
        timer_heap_release(&heap);
    }
    random_replace(0);
}

TEST(test_removing_a_node_that_is_not_in_is_fine)
{
    struct timer_heap heap = {0};
    struct timer_node node = {0};
    timer_heap_remove(&heap, &node);
    assert_null(timer_heap_first(&heap));
}

TEST(test_promised_room_can_be_given_back)
{
    struct timer_heap heap = {0};
    for (int i = 0; i < 1000; i++) {
        assert_ok(timer_heap_promise(&heap));
        timer_heap_unpromise(&heap);
    }
    assert_true(heap.capacity < 100);
    timer_heap_release(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_node_is_the_earliest_after_any_sets_and_removes),
        cmocka_unit_test(test_removing_a_node_that_is_not_in_is_fine),
        cmocka_unit_test(test_promised_room_can_be_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
