// SPDX-License-Identifier: Apache-2.0
// The published cases (tests/data/xet/README.md), each fed in several ways.

#include "base/base.h"
#include "cache/cache.h"
#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/chunker.h"
#include "xet/gear_table.h"

#include <stdio.h>
#include <string.h>

enum { CASE_BYTES = 65536, ENDS_MAX = 512 };

struct ends {
    size_t n;
    size_t at[ENDS_MAX];
};

static FILE *open_vectors(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/xet/%s", HUGFS_TEST_DATA, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    return file;
}

// Feeds in blocks of `step` bytes, 0 = of random lengths.
static void cut(const uint8_t *bytes, size_t len, size_t step, struct ends *ends)
{
    struct chunker chunker;
    uint64_t seed = 5;
    size_t at = 0;
    ends->n = 0;
    chunker_init(&chunker);
    while (at < len) {
        size_t part = step ? step : (size_t)(fake_random(&seed) % 20000) + 1;
        size_t stop = len - at < part ? len : at + part;
        while (at < stop) {
            bool is_end;
            at += chunker_feed(&chunker, bytes + at, stop - at, &is_end);
            if (is_end) {
                ends->at[ends->n++] = at;
            }
        }
    }
    if (ends->n == 0 || ends->at[ends->n - 1] != len) {
        ends->at[ends->n++] = len;
    }
}

TEST(test_the_table_is_the_published_one)
{
    FILE *file = open_vectors("gear_table.txt");
    char line[512];
    unsigned n = 0;
    while (fgets(line, sizeof(line), file)) {
        unsigned long long word;
        int used;
        const char *at = line[0] == '#' ? "" : line;
        while (sscanf(at, "%llx%n", &word, &used) == 1) {
            at += used;
            at += *at == ',' ? 1 : 0;
            assert_int_equal(GEAR_TABLE[n++], word);
        }
    }
    (void)fclose(file);
    assert_int_equal(n, 256);
}

static void make_case(const uint8_t pattern[128], size_t zeros, uint8_t *to)
{
    memset(to, 0, CASE_BYTES);
    memcpy(to, pattern, 128);
    size_t len = 128 + zeros;
    while (len < CASE_BYTES) {
        size_t more = CASE_BYTES - len < len ? CASE_BYTES - len : len;
        memcpy(to + len, to, more);
        len += more;
    }
}

// A row: number, the byte at 11111, the ends.
static void check_row(const char *row, const uint8_t pattern[128])
{
    static uint8_t bytes[CASE_BYTES];
    static const size_t STEPS[] = {CASE_BYTES, 1, 37, 255, 0};
    int used = 0;
    unsigned number;
    unsigned sample;
    assert_int_equal(sscanf(row, "%u %u%n", &number, &sample, &used), 2);
    make_case(pattern, number, bytes);
    assert_int_equal(bytes[11111], sample);
    for (size_t s = 0; s < 5; s++) {
        struct ends ends;
        cut(bytes, sizeof(bytes), STEPS[s], &ends);
        const char *at = row + used;
        size_t end;
        int more = 0;
        size_t n = 0;
        while (sscanf(at, "%zu%n", &end, &more) == 1) {
            assert_true(n < ends.n);
            assert_int_equal(ends.at[n++], end);
            at += more;
        }
        assert_int_equal(n, ends.n);
    }
}

TEST(test_the_boundary_cases_are_cut_as_published)
{
    FILE *file = open_vectors("chunker_hitting.txt");
    static char line[4096];
    uint8_t pattern[128];
    unsigned rows = 0;
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, "pattern ", 8) == 0) {
            for (size_t i = 0; i < 128; i++) {
                unsigned byte;
                assert_int_equal(sscanf(line + 8 + 2 * i, "%2x", &byte), 1);
                pattern[i] = (uint8_t)byte;
            }
        } else if (line[0] != '#') {
            check_row(line, pattern);
            rows++;
        }
    }
    (void)fclose(file);
    assert_int_equal(rows, 128);
}

static void splitmix(uint8_t *to, size_t len, uint64_t state)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = fake_random(&state);
        for (size_t k = 0; k < 8 && i + k < len; k++) {
            to[i + k] = (uint8_t)(word >> (8 * k));
        }
    }
}

TEST(test_the_generated_inputs_are_cut_as_published)
{
    static const size_t ENDS[] = {84493,  134421, 144853, 243318, 271793, 336457, 467529,
                                  494581, 582000, 596735, 616815, 653164, 678202, 724510,
                                  815591, 827760, 958832, 991092, 1000000};
    AUTO_FREE uint8_t *bytes = malloc(20000000);
    struct ends ends;
    splitmix(bytes, 1000000, 0);
    cut(bytes, 1000000, 0, &ends);
    assert_int_equal(ends.n, 19);
    for (size_t i = 0; i < 19; i++) {
        assert_int_equal(ends.at[i], ENDS[i]);
    }
    splitmix(bytes, 20000000, 7);
    cut(bytes, 20000000, 20000000, &ends);
    assert_int_equal(ends.n, 323);
    memset(bytes, 0x3b, 1000000);
    cut(bytes, 1000000, 1000, &ends);
    assert_int_equal(ends.n, 8);
    assert_int_equal(ends.at[0], CHUNK_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_the_published_one),
        cmocka_unit_test(test_the_boundary_cases_are_cut_as_published),
        cmocka_unit_test(test_the_generated_inputs_are_cut_as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
