// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/unit_test.h"
#include "xet/term_list.h"

static void add(struct term_list *list, uint32_t xorb, uint32_t chunk)
{
    struct digest digest = {{(uint8_t)xorb, (uint8_t)chunk, 3}};
    assert_ok(term_list_add(list, (struct chunk_place){xorb, chunk}, &digest, 1000));
}

TEST(test_neighbours_become_one_term_with_a_hash_over_them)
{
    struct term_list list;
    struct digest hash;
    struct digest range;
    const struct digest chunks[2] = {{{1, 5, 3}}, {{1, 6, 3}}};
    term_list_init(&list);
    add(&list, 1, 5);
    add(&list, 1, 6);
    add(&list, 1, 8);
    add(&list, 2, 9);
    term_list_finish(&list, &hash);
    assert_int_equal(list.n, 3);
    assert_int_equal(list.terms[0].first, 5);
    assert_int_equal(list.terms[0].end, 7);
    assert_int_equal(list.terms[0].bytes, 2000);
    xet_hash_range(chunks, 2, &range);
    assert_memory_equal(&range, &list.terms[0].range_hash, sizeof(range));
    assert_int_equal(list.terms[2].xorb, 2);
    term_list_release(&list);
}

TEST(test_a_file_does_not_fall_into_crumbs)
{
    struct term_list list;
    term_list_init(&list);
    for (uint32_t i = 0; i < RANGES_WATCHED; i++) {
        assert_false(term_list_refuses(&list, 1));
        add(&list, i, 1);
        add(&list, i, 2);
    }
    // Two chunks a term: a run of one is refused, one of two is as good as the others.
    assert_true(term_list_refuses(&list, 1));
    assert_false(term_list_refuses(&list, 2));
    for (uint32_t i = 0; i < 5 * RANGES_WATCHED; i++) {
        add(&list, 999, i);
    }
    // Not before there are eight a term again.
    assert_true(term_list_refuses(&list, 1));
    for (uint32_t i = 0; i < 2 * RANGES_WATCHED; i++) {
        add(&list, 999, 5 * RANGES_WATCHED + i);
    }
    assert_false(term_list_refuses(&list, 1));
    term_list_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbours_become_one_term_with_a_hash_over_them),
        cmocka_unit_test(test_a_file_does_not_fall_into_crumbs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
