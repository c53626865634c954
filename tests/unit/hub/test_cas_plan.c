// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "hub/cas_plan.h"
#include "tests/unit/unit_test.h"

#include <stdio.h>
#include <string.h>

#define XORB_A "0101010101010101010101010101010101010101010101010101010101010101"
#define XORB_B "0202020202020202020202020202020202020202020202020202020202020202"

static enum err parse_text(const char *text, enum plan_version version,
                           struct cas_plan **out)
{
    struct why why = {0};
    *out = NULL;
    enum err err = cas_plan_parse(text, strlen(text), version, &why, out);
    assert_true(err == ERR_NONE || why.text[0] != '\0');
    return err;
}

static const char plan_v2[] =
    "{\"offset_into_first_range\":10,"
    "\"terms\":[{\"hash\":\"" XORB_A
    "\",\"unpacked_length\":200000,\"range\":{\"start\":1,\"end\":4}},"
    "{\"hash\":\"" XORB_B
    "\",\"unpacked_length\":65536,\"range\":{\"start\":0,\"end\":1}},"
    "{\"hash\":\"" XORB_A
    "\",\"unpacked_length\":70000,\"range\":{\"start\":9,\"end\":10}}],"
    "\"xorbs\":{\"" XORB_A "\":[{\"url\":\"https://cdn/a?sig=1\",\"ranges\":["
    "{\"chunks\":{\"start\":1,\"end\":4},\"bytes\":{\"start\":100,\"end\":9999}},"
    "{\"chunks\":{\"start\":8,\"end\":12},\"bytes\":{\"start\":20000,\"end\":29999}}]}],"
    "\"" XORB_B "\":[{\"url\":\"https://cdn/b\",\"ranges\":["
    "{\"chunks\":{\"start\":0,\"end\":1},\"bytes\":{\"start\":0,\"end\":99}}]}]}}";

TEST(test_a_v2_plan_is_read)
{
    struct cas_plan *plan = NULL;
    assert_ok(parse_text(plan_v2, PLAN_V2, &plan));
    assert_int_equal(plan->offset_into_first, 10);
    assert_int_equal(plan->n_terms, 3);
    assert_int_equal(plan->n_ranges, 3);
    assert_int_equal(plan->terms[0].unpacked_length, 200000);
    assert_int_equal(plan->terms[2].chunk_first, 9);
    assert_int_equal(plan->ranges[1].byte_first, 20000);
    assert_int_equal(plan->ranges[1].byte_last, 29999);
    assert_string_equal(plan->ranges[1].url, "https://cdn/a?sig=1");
    assert_string_equal(plan->ranges[2].url, "https://cdn/b");
    assert_true(digest_equal(&plan->ranges[2].xorb, &plan->terms[1].xorb));
    cas_plan_free(plan);
}

TEST(test_a_v1_plan_gives_the_same_struct)
{
    static const char text[] =
        "{\"offset_into_first_range\":0,\"terms\":[{\"hash\":\"" XORB_A
        "\",\"unpacked_length\":5,\"range\":{\"start\":0,\"end\":1}}],\"fetch_info\":{"
        "\"" XORB_A "\":[{\"range\":{\"start\":0,\"end\":2},\"url\":\"https://cdn/a\","
        "\"url_range\":{\"start\":7,\"end\":99}}]}}";
    struct cas_plan *plan = NULL;
    assert_ok(parse_text(text, PLAN_V1, &plan));
    assert_int_equal(plan->n_ranges, 1);
    assert_int_equal(plan->ranges[0].chunk_end, 2);
    assert_int_equal(plan->ranges[0].byte_first, 7);
    cas_plan_free(plan);
    assert_err(parse_text(text, PLAN_V2, &plan), ERR_BAD_ANSWER);
}

TEST(test_an_empty_plan_is_a_plan)
{
    struct cas_plan *plan = NULL;
    assert_ok(parse_text("{\"offset_into_first_range\":0,\"terms\":[],\"xorbs\":{}}",
                         PLAN_V2, &plan));
    assert_int_equal(plan->n_terms, 0);
    cas_plan_free(plan);
    assert_err(parse_text("{\"offset_into_first_range\":1,\"terms\":[],\"xorbs\":{}}",
                          PLAN_V2, &plan),
               ERR_BAD_ANSWER);
}

// The good plan with one text in it replaced.
static void expect_refused(const char *from, const char *to)
{
    char text[sizeof(plan_v2) + 256];
    struct cas_plan *plan = NULL;
    const char *at = strstr(plan_v2, from);
    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - plan_v2), plan_v2, to,
             at + strlen(from));
    assert_err(parse_text(text, PLAN_V2, &plan), ERR_BAD_ANSWER);
    assert_null(plan);
}

TEST(test_plans_of_impossible_shape_are_refused)
{
    expect_refused("\"offset_into_first_range\":10",
                   "\"offset_into_first_range\":200000");
    expect_refused("\"offset_into_first_range\":10", "\"offset_into_first_range\":-1");
    expect_refused("\"unpacked_length\":200000",
                   "\"unpacked_length\":393217"); // > 3 chunks
    expect_refused("\"unpacked_length\":200000", "\"unpacked_length\":0");
    expect_refused("\"range\":{\"start\":1,\"end\":4}",
                   "\"range\":{\"start\":1,\"end\":5}"); // not covered
    expect_refused("\"range\":{\"start\":1,\"end\":4}",
                   "\"range\":{\"start\":4,\"end\":4}");
    expect_refused("\"range\":{\"start\":9,\"end\":10}",
                   "\"range\":{\"start\":3,\"end\":9}"); // spans two
    expect_refused("\"range\":{\"start\":1,\"end\":4}",
                   "\"range\":{\"start\":1,\"end\":4294967296}");
    expect_refused("\"bytes\":{\"start\":100,\"end\":9999}",
                   "\"bytes\":{\"start\":9999,\"end\":100}");
    expect_refused("\"bytes\":{\"start\":100,\"end\":9999}",
                   "\"bytes\":{\"start\":100,\"end\":120}");
    expect_refused("\"bytes\":{\"start\":100,\"end\":9999}",
                   "\"bytes\":{\"start\":0,\"end\":1e15}");
    expect_refused("\"" XORB_B "\":[", "\"" XORB_B "0\":[");
    expect_refused("\"hash\":\"" XORB_B "\"", "\"hash\":\"../etc\"");
    expect_refused("\"url\":\"https://cdn/b\"", "\"url\":\"\"");
    expect_refused("\"url\":\"https://cdn/b\"", "\"url\":5");
    expect_refused("\"xorbs\":{", "\"xorbz\":{");
}

TEST(test_a_xorb_listed_twice_in_different_case_is_refused)
{
    static const char text[] =
        "{\"offset_into_first_range\":0,\"terms\":[],\"xorbs\":{"
        "\"abababababababababababababababababababababababababababababababab\":[],"
        "\"ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB\":[]}}";
    struct cas_plan *plan = NULL;
    assert_err(parse_text(text, PLAN_V2, &plan), ERR_BAD_ANSWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_v2_plan_is_read),
        cmocka_unit_test(test_a_v1_plan_gives_the_same_struct),
        cmocka_unit_test(test_an_empty_plan_is_a_plan),
        cmocka_unit_test(test_plans_of_impossible_shape_are_refused),
        cmocka_unit_test(test_a_xorb_listed_twice_in_different_case_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
