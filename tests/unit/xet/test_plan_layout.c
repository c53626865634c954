// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/unit_test.h"
#include "xet/plan_layout.h"

#include <string.h>

static const struct digest XORB_A = {.bytes = {1}};
static const struct digest XORB_B = {.bytes = {2}};

// [0, 100) = A[3, 5), [100, 250) = B[0, 2), [250, 280) = A[4, 5) again; A's range begins at 2.
static const struct cas_term TERMS[] = {
    {.xorb = {{1}}, .chunk_first = 3, .chunk_end = 5, .unpacked_length = 100},
    {.xorb = {{2}}, .chunk_first = 0, .chunk_end = 2, .unpacked_length = 150},
    {.xorb = {{1}}, .chunk_first = 4, .chunk_end = 5, .unpacked_length = 30},
};
static const struct cas_range RANGES[] = {
    {.xorb = {{2}}, .chunk_first = 0, .chunk_end = 2},
    {.xorb = {{1}}, .chunk_first = 2, .chunk_end = 6},
};
static const struct cas_plan PLAN = {.offset_into_first = 75,
                                     .terms = TERMS,
                                     .n_terms = 3,
                                     .ranges = RANGES,
                                     .n_ranges = 2};

struct found {
    struct piece pieces[8];
    size_t n;
};

static void on_piece(void *ctx, const struct piece *piece)
{
    struct found *found = ctx;
    found->pieces[found->n++] = *piece;
}

static struct plan_layout laid_out(void)
{
    struct plan_layout layout;
    assert_ok(plan_layout_init(&layout, &PLAN, 1075, 1279, 5000, NULL));
    return layout;
}

TEST(test_terms_lie_one_after_the_other_from_where_the_first_begins)
{
    struct plan_layout layout = laid_out();
    assert_int_equal(layout.begin, 1000);
    assert_int_equal(layout.end, 1280);
    assert_int_equal(layout.terms[2].offset, 1250);
    assert_int_equal(layout.terms[2].range, 1);
    assert_true(digest_equal(&layout.ranges[0].object.hash, &XORB_B));
    assert_true(digest_equal(&layout.ranges[1].object.hash, &XORB_A));
    plan_layout_release(&layout);
}

TEST(test_a_plan_of_too_many_terms_is_refused_before_they_are_compared)
{
    enum { N = 16385 };
    AUTO_FREE struct cas_term *terms = calloc(N, sizeof(*terms));
    assert_non_null(terms);
    for (size_t i = 0; i < N; i++) {
        terms[i] = TERMS[0];
    }
    struct cas_plan plan = PLAN;
    plan.offset_into_first = 0;
    plan.terms = terms;
    plan.n_terms = N;
    struct plan_layout layout;
    struct why why = {""};
    assert_err(plan_layout_init(&layout, &plan, 0, N * 100 - 1, N * 100, &why),
               ERR_BAD_ANSWER);
    assert_non_null(strstr(why.text, "16385 terms"));
    plan.n_terms = N - 1;
    assert_ok(plan_layout_init(&layout, &plan, 0, 99, N * 100, NULL));
    plan_layout_release(&layout);
}

TEST(test_a_run_gives_a_piece_to_every_term_that_uses_its_chunks)
{
    struct plan_layout layout = laid_out();
    // Chunks 2, 3, 4, 5 of A have 10, 70, 30 and 5 bytes.
    static const uint64_t AT[] = {0, 10, 80, 110, 115};
    static const uint32_t ENDS[] = {10, 80, 110, 115};
    for (uint32_t i = 0; i < 5; i++) {
        assert_ok(plan_layout_on_chunk(&layout, 1, 2 + i, AT[i], NULL));
    }
    struct found found = {.n = 0};
    assert_ok(plan_layout_pieces(&layout, 1, 2, 4, 0, ENDS, on_piece, &found));
    assert_int_equal(found.n, 2);
    assert_int_equal(found.pieces[0].offset, 1000);
    assert_int_equal(found.pieces[0].length, 100);
    assert_int_equal(found.pieces[0].first, 3);
    assert_int_equal(found.pieces[0].n, 2);
    assert_int_equal(found.pieces[1].offset, 1250);
    assert_int_equal(found.pieces[1].length, 30);
    assert_int_equal(found.pieces[1].first, 4);
    plan_layout_release(&layout);
}

TEST(test_a_term_of_another_length_than_planned_is_damage)
{
    struct plan_layout layout = laid_out();
    struct why why = {{0}};
    assert_ok(plan_layout_on_chunk(&layout, 0, 0, 0, &why));
    assert_ok(plan_layout_on_chunk(&layout, 0, 1, 60, &why));
    assert_err(plan_layout_on_chunk(&layout, 0, 2, 151, &why), ERR_DAMAGED);
    assert_non_null(strstr(why.text, "have 151 bytes, and the plan says 150"));
    plan_layout_release(&layout);
}

TEST(test_the_first_missing_byte_is_after_what_has_been_received_in_order)
{
    struct plan_layout layout = laid_out();
    assert_int_equal(plan_layout_first_missing(&layout), 1000);
    assert_ok(plan_layout_on_chunk(&layout, 1, 3, 10, NULL));
    assert_ok(plan_layout_on_chunk(&layout, 1, 4, 80, NULL));
    layout.ranges[1].received = 4;
    layout.ranges[1].received_bytes = 80;
    assert_int_equal(plan_layout_first_missing(&layout), 1070);
    layout.ranges[1].received = 6;
    assert_int_equal(plan_layout_first_missing(&layout), 1100);
    layout.ranges[0].received = 2;
    assert_int_equal(plan_layout_first_missing(&layout), 1280);
    plan_layout_on_failure(&layout, 1, 4, 80);
    assert_int_equal(plan_layout_first_missing(&layout), 1070);
    plan_layout_release(&layout);
}

TEST(test_a_plan_that_does_not_fit_its_question_is_refused_with_a_sentence)
{
    struct plan_layout layout;
    struct why why = {{0}};
    assert_err(plan_layout_init(&layout, &PLAN, 1075, 1280, 5000, &why), ERR_BAD_ANSWER);
    assert_non_null(strstr(why.text, "does not cover"));
    assert_err(plan_layout_init(&layout, &PLAN, 1075, 1279, 1279, &why), ERR_BAD_ANSWER);
    assert_non_null(strstr(why.text, "past the file's end"));
    assert_err(plan_layout_init(&layout, &PLAN, 74, 100, 5000, &why), ERR_BAD_ANSWER);
    assert_non_null(strstr(why.text, "begins 75 bytes before byte 74"));
    struct cas_plan empty = PLAN;
    empty.n_terms = 0;
    assert_err(plan_layout_init(&layout, &empty, 1075, 1279, 5000, &why), ERR_BAD_ANSWER);
    struct cas_plan alien = PLAN;
    alien.n_ranges = 1;
    assert_err(plan_layout_init(&layout, &alien, 1075, 1279, 5000, &why), ERR_BAD_ANSWER);
    assert_non_null(strstr(why.text, "no range that holds"));
}

TEST(test_lengths_that_overflow_are_refused)
{
    struct cas_term terms[2] = {TERMS[0], TERMS[0]};
    terms[0].unpacked_length = UINT64_MAX - 10;
    struct cas_plan plan = PLAN;
    plan.terms = terms;
    plan.n_terms = 2;
    struct plan_layout layout;
    assert_err(plan_layout_init(&layout, &plan, 1075, 1279, UINT64_MAX, NULL),
               ERR_BAD_ANSWER);
}

TEST(test_a_blob_is_one_term_of_blocks)
{
    struct object_id blob = {OBJECT_BLOB, {{9}}};
    struct plan_layout layout;
    assert_ok(plan_layout_init_blob(&layout, &blob, 131072, 131072 + 100000));
    assert_int_equal(layout.ranges[0].first, 2);
    assert_int_equal(layout.ranges[0].end, 4);
    static const uint32_t ENDS[] = {65536, 100000};
    for (uint32_t i = 0; i < 3; i++) {
        assert_ok(
            plan_layout_on_chunk(&layout, 0, 2 + i, i == 2 ? 100000 : i * 65536, NULL));
    }
    struct found found = {.n = 0};
    assert_ok(plan_layout_pieces(&layout, 0, 2, 2, 0, ENDS, on_piece, &found));
    assert_int_equal(found.n, 1);
    assert_int_equal(found.pieces[0].offset, 131072);
    assert_int_equal(found.pieces[0].length, 100000);
    plan_layout_release(&layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms_lie_one_after_the_other_from_where_the_first_begins),
        cmocka_unit_test(
            test_a_plan_of_too_many_terms_is_refused_before_they_are_compared),
        cmocka_unit_test(test_a_run_gives_a_piece_to_every_term_that_uses_its_chunks),
        cmocka_unit_test(test_a_term_of_another_length_than_planned_is_damage),
        cmocka_unit_test(
            test_the_first_missing_byte_is_after_what_has_been_received_in_order),
        cmocka_unit_test(
            test_a_plan_that_does_not_fit_its_question_is_refused_with_a_sentence),
        cmocka_unit_test(test_lengths_that_overflow_are_refused),
        cmocka_unit_test(test_a_blob_is_one_term_of_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
