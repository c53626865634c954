// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/unit_test.h"
#include "xet/block_pool.h"

#include <string.h>

enum { BLOCKS = 16 };

static uint64_t woken[64];
static size_t n_woken;

static void on_wake(void *ctx, uint64_t ticket)
{
    (void)ctx;
    woken[n_woken++] = ticket;
}

static struct block_pool *new_pool(void)
{
    n_woken = 0;
    struct block_pool *pool = block_pool_new(BLOCKS * NETWORK_BLOCK_BYTES, on_wake, NULL);
    assert_non_null(pool);
    return pool;
}

// Takes blocks until none is given; returns them as a list.
static struct network_block *take_all(struct block_pool *pool,
                                      struct block_waiter *waiter, unsigned *n)
{
    struct network_block *list = NULL;
    struct network_block *block;
    *n = 0;
    while ((block = block_pool_take(pool, waiter))) {
        block->next = list;
        list = block;
        (*n)++;
    }
    return list;
}

static struct network_block *split(struct network_block **list)
{
    struct network_block *first = *list;
    *list = first->next;
    first->next = NULL;
    return first;
}

TEST(test_an_eighth_is_reserved_for_demands)
{
    struct block_pool *pool = new_pool();
    struct block_waiter ahead = {.ticket = 1};
    struct block_waiter demand = {.ticket = 2, .is_demand = true};
    unsigned n;
    struct network_block *list = take_all(pool, &ahead, &n);
    assert_int_equal(n, BLOCKS - BLOCKS / 8);
    unsigned more;
    struct network_block *reserved = take_all(pool, &demand, &more);
    assert_int_equal(more, BLOCKS / 8);
    assert_int_equal(block_pool_used(pool), BLOCKS);
    block_pool_forget(pool, &ahead);
    block_pool_forget(pool, &demand);
    block_pool_give(pool, list);
    block_pool_give(pool, reserved);
    block_pool_free(pool);
}

TEST(test_freed_blocks_wake_demands_first_and_only_as_many_as_can_have_one)
{
    struct block_pool *pool = new_pool();
    struct block_waiter demands[3] = {{.ticket = 11, .is_demand = true},
                                      {.ticket = 12, .is_demand = true},
                                      {.ticket = 13, .is_demand = true}};
    struct block_waiter ahead = {.ticket = 21};
    unsigned n;
    struct network_block *list = take_all(pool, &demands[0], &n);
    assert_null(block_pool_take(pool, &ahead));
    assert_null(block_pool_take(pool, &demands[1]));
    assert_null(block_pool_take(pool, &demands[2]));
    block_pool_give(pool, split(&list));
    assert_int_equal(n_woken, 1);
    assert_int_equal(woken[0], 11);
    struct network_block *again = block_pool_take(pool, &demands[0]);
    assert_non_null(again);
    block_pool_give(pool, list);
    assert_int_equal(n_woken, 4);
    assert_int_equal(woken[1], 12);
    assert_int_equal(woken[2], 13);
    assert_int_equal(woken[3], 21);
    block_pool_give(pool, again);
    block_pool_free(pool);
}

TEST(test_a_woken_transfer_that_ends_passes_the_wake_on)
{
    struct block_pool *pool = new_pool();
    struct block_waiter first = {.ticket = 1, .is_demand = true};
    struct block_waiter second = {.ticket = 2, .is_demand = true};
    unsigned n;
    struct network_block *list = take_all(pool, &first, &n);
    assert_null(block_pool_take(pool, &second));
    block_pool_give(pool, split(&list));
    assert_int_equal(woken[0], 1);
    block_pool_forget(pool, &first);
    assert_int_equal(n_woken, 2);
    assert_int_equal(woken[1], 2);
    block_pool_give(pool, list);
    block_pool_free(pool);
}

TEST(test_a_wake_before_the_ticket_is_known_is_owed)
{
    struct block_pool *pool = new_pool();
    struct block_waiter waiter = {.is_demand = true};
    unsigned n;
    struct network_block *list = take_all(pool, &waiter, &n);
    block_pool_give(pool, list);
    assert_int_equal(n_woken, 0);
    block_pool_set_ticket(pool, &waiter, 77);
    assert_int_equal(n_woken, 1);
    assert_int_equal(woken[0], 77);
    block_pool_free(pool);
}

TEST(test_a_pool_is_roomy_until_a_quarter_is_left)
{
    struct block_pool *pool = new_pool();
    struct block_waiter waiter = {.ticket = 1};
    struct network_block *list = NULL;
    unsigned n = 0;
    while (block_pool_is_roomy(pool)) {
        struct network_block *block = block_pool_take(pool, &waiter);
        block->next = list;
        list = block;
        n++;
    }
    assert_int_equal(n, BLOCKS - BLOCKS / 8 - BLOCKS / 4);
    block_pool_give(pool, list);
    block_pool_trim(pool);
    assert_int_equal(block_pool_used(pool), 0);
    block_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_eighth_is_reserved_for_demands),
        cmocka_unit_test(
            test_freed_blocks_wake_demands_first_and_only_as_many_as_can_have_one),
        cmocka_unit_test(test_a_woken_transfer_that_ends_passes_the_wake_on),
        cmocka_unit_test(test_a_wake_before_the_ticket_is_known_is_owed),
        cmocka_unit_test(test_a_pool_is_roomy_until_a_quarter_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
