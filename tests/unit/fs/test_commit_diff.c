// SPDX-License-Identifier: Apache-2.0
// Chunks that two versions share (fs/diff_chunks.c), and a diff as text and JSON
// (fs/render_diff.c).
#include "fs/commit_diff.h"
#include "fs/render.h"
#include "tests/unit/unit_test.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

// Chunks of 100 bytes.
static struct cas_term term(uint8_t xorb, uint32_t first, uint32_t end)
{
    struct cas_term term = {.chunk_first = first,
                            .chunk_end = end,
                            .unpacked_length = 100ULL * (end - first)};
    memset(term.xorb.bytes, xorb, sizeof term.xorb.bytes);
    return term;
}

static struct chunk_difference compare(const struct cas_term *old_terms, size_t n_old,
                                       const struct cas_term *new_terms, size_t n_new)
{
    struct chunk_difference out = {.bytes = 0};
    assert_ok(diff_chunks_compare(old_terms, n_old, new_terms, n_new, &out));
    return out;
}

TEST(test_the_same_chunks_do_not_differ_however_they_are_cut_into_terms)
{
    const struct cas_term old_terms[] = {term(1, 5, 9), term(1, 0, 5), term(2, 3, 4)};
    const struct cas_term new_terms[] = {term(2, 3, 4), term(1, 2, 8), term(1, 0, 9)};
    struct chunk_difference found =
        compare(old_terms, COUNT(old_terms), new_terms, COUNT(new_terms));
    assert_true(found.bytes == 0 && !found.is_estimate);
}

TEST(test_chunks_of_other_xorbs_differ_exactly)
{
    const struct cas_term old_terms[] = {term(1, 0, 10), term(3, 0, 10)};
    const struct cas_term new_terms[] = {term(1, 0, 4), term(2, 0, 1), term(1, 5, 10),
                                         term(3, 10, 12)};
    struct chunk_difference found =
        compare(old_terms, COUNT(old_terms), new_terms, COUNT(new_terms));
    assert_true(found.bytes == 300 && !found.is_estimate);
}

TEST(test_a_term_that_is_shared_in_part_is_an_estimate)
{
    const struct cas_term old_terms[] = {term(1, 2, 4), term(1, 6, 7)};
    const struct cas_term new_terms[] = {term(1, 0, 8)};
    struct chunk_difference found =
        compare(old_terms, COUNT(old_terms), new_terms, COUNT(new_terms));
    assert_true(found.bytes == 500 && found.is_estimate);
}

TEST(test_without_an_old_plan_everything_differs)
{
    const struct cas_term new_terms[] = {term(1, 0, 8)};
    struct chunk_difference found = compare(NULL, 0, new_terms, 1);
    assert_true(found.bytes == 800 && !found.is_estimate);
    found = compare(new_terms, 1, NULL, 0);
    assert_true(found.bytes == 0 && !found.is_estimate);
}

static char path_modified[] = "a.bin";
static char path_added[] = "new \x1b.txt";
static char path_deleted[] = "old.txt";
static char path_unknown[] = "z.bin";

static struct commit_diff sample(struct commit_change changes[4])
{
    changes[0] = (struct commit_change){.status = CHANGE_MODIFIED,
                                        .old_size = 8 << 20,
                                        .new_size = 8 << 20,
                                        .has_differing = true,
                                        .is_estimate = true,
                                        .differing = 65536,
                                        .path = path_modified};
    changes[1] = (struct commit_change){.status = CHANGE_ADDED,
                                        .new_size = 12,
                                        .has_differing = true,
                                        .differing = 12,
                                        .path = path_added};
    changes[2] = (struct commit_change){.status = CHANGE_DELETED,
                                        .old_size = 7,
                                        .has_differing = true,
                                        .path = path_deleted};
    changes[3] = (struct commit_change){
        .status = CHANGE_MODIFIED, .old_size = 1, .new_size = 1024, .path = path_unknown};
    struct commit_diff diff = {.repo = {REPO_MODEL, "acme/sample"},
                               .from = {.revision = "v1"},
                               .to = {.revision = "main"},
                               .changes = changes,
                               .n = 4};
    memset(diff.to.commit.bytes, 0xab, sizeof diff.to.commit.bytes);
    return diff;
}

TEST(test_a_diff_is_a_line_a_file_and_a_sum)
{
    struct commit_change changes[4];
    struct commit_diff diff = sample(changes);
    AUTO(buffer) struct buffer out = buffer_init(4096);
    assert_ok(render_diff(&diff, RENDER_TEXT, &out));
    assert_string_equal(buffer_text(&out),
                        "M    8.0 MiB ->    8.0 MiB    about 64.0 KiB  a.bin\n"
                        "A          - ->       12 B              12 B  new ?.txt\n"
                        "D        7 B ->          -                 -  old.txt\n"
                        "M        1 B ->    1.0 KiB                 ?  z.bin\n"
                        "4 files differ: 1 added, 1 deleted, 2 modified; "
                        "about 65.0 KiB of 8.0 MiB are new\n");
}

TEST(test_a_diff_as_json_has_null_for_what_is_not_there)
{
    struct commit_change changes[4];
    struct commit_diff diff = sample(changes);
    AUTO(buffer) struct buffer out = buffer_init(4096);
    assert_ok(render_diff(&diff, RENDER_JSON, &out));
    assert_string_equal(
        buffer_text(&out),
        "{\"repo\":\"acme/sample\",\"from\":{\"revision\":\"v1\",\"commit\":"
        "\"0000000000000000000000000000000000000000\"},\"to\":{\"revision\":\"main\","
        "\"commit\":\"abababababababababababababababababababab\"},\"changes\":[\n"
        "{\"path\":\"a.bin\",\"status\":\"M\",\"old_size\":8388608,\"new_size\":8388608,"
        "\"differing_bytes\":65536,\"is_estimate\":true},\n"
        "{\"path\":\"new "
        "\\u001b.txt\",\"status\":\"A\",\"old_size\":null,\"new_size\":12,"
        "\"differing_bytes\":12,\"is_estimate\":false},\n"
        "{\"path\":\"old.txt\",\"status\":\"D\",\"old_size\":7,\"new_size\":null,"
        "\"differing_bytes\":0,\"is_estimate\":false},\n"
        "{\"path\":\"z.bin\",\"status\":\"M\",\"old_size\":1,\"new_size\":1024,"
        "\"differing_bytes\":null,\"is_estimate\":false}],"
        "\"totals\":{\"added\":1,\"deleted\":1,\"modified\":2,\"old_size\":8388616,"
        "\"new_size\":8389644,\"differing_bytes\":66572,\"is_estimate\":true}}");
}

TEST(test_no_difference_is_a_sum_of_nothing)
{
    struct commit_diff diff = {.repo = {REPO_MODEL, "acme/sample"}};
    AUTO(buffer) struct buffer out = buffer_init(4096);
    assert_ok(render_diff(&diff, RENDER_TEXT, &out));
    assert_string_equal(buffer_text(&out),
                        "0 files differ: 0 added, 0 deleted, 0 modified; "
                        "0 B of 0 B are new\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_the_same_chunks_do_not_differ_however_they_are_cut_into_terms),
        cmocka_unit_test(test_chunks_of_other_xorbs_differ_exactly),
        cmocka_unit_test(test_a_term_that_is_shared_in_part_is_an_estimate),
        cmocka_unit_test(test_without_an_old_plan_everything_differs),
        cmocka_unit_test(test_a_diff_is_a_line_a_file_and_a_sum),
        cmocka_unit_test(test_a_diff_as_json_has_null_for_what_is_not_there),
        cmocka_unit_test(test_no_difference_is_a_sum_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
