// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/chunk_index.h"

#include <string.h>

static struct digest digest_of(uint64_t seed)
{
    struct digest digest;
    for (size_t i = 0; i < 4; i++) {
        uint64_t word = fake_random(&seed);
        memcpy(digest.bytes + 8 * i, &word, 8);
    }
    return digest;
}

TEST(test_every_chunk_is_found_where_it_is)
{
    enum { CHUNKS = 20000 };
    struct chunk_index *index = chunk_index_new(2 * CHUNKS + 10);
    for (uint32_t i = 0; i < CHUNKS; i++) {
        struct digest digest = digest_of(i);
        chunk_index_add(index, &digest, (struct chunk_place){i / 100, i % 100});
    }
    for (uint32_t i = 0; i < 2 * CHUNKS; i++) {
        struct digest digest = digest_of(i);
        struct chunk_place place;
        assert_int_equal(chunk_index_find(index, &digest, NULL, &place), i < CHUNKS);
        if (i < CHUNKS) {
            assert_int_equal(place.xorb * 100 + place.chunk, i);
        }
    }
    chunk_index_clear(index);
    struct digest digest = digest_of(0);
    struct chunk_place place;
    assert_false(chunk_index_find(index, &digest, NULL, &place));
    chunk_index_free(index);
    chunk_index_free(NULL);
}

TEST(test_of_several_places_the_wanted_one_is_told)
{
    struct chunk_index *index = chunk_index_new(100);
    struct digest digest = digest_of(1);
    struct chunk_place place;
    for (uint32_t i = 0; i < 10; i++) {
        chunk_index_add(index, &digest, (struct chunk_place){7, i});
        chunk_index_add(index, &digest, (struct chunk_place){7, i});
    }
    assert_true(chunk_index_find(index, &digest, &(struct chunk_place){7, 2}, &place));
    assert_int_equal(place.chunk, 2);
    assert_true(chunk_index_find(index, &digest, &(struct chunk_place){8, 2}, &place));
    assert_int_equal(place.xorb, 7);
    chunk_index_free(index);
}

TEST(test_the_oldest_are_forgotten_when_it_is_full)
{
    enum { MAX = 1000 };
    struct chunk_index *index = chunk_index_new(MAX);
    struct chunk_place place;
    for (uint32_t i = 0; i < 10 * MAX; i++) {
        struct digest digest = digest_of(i);
        chunk_index_add(index, &digest, (struct chunk_place){0, i});
    }
    unsigned found = 0;
    for (uint32_t i = 0; i < 10 * MAX; i++) {
        struct digest digest = digest_of(i);
        bool is_found = chunk_index_find(index, &digest, NULL, &place);
        assert_true(is_found || i < 10 * MAX - MAX / 2);
        found += is_found;
    }
    assert_in_range(found, MAX / 2, MAX + 2);
    chunk_index_free(index);
}

static bool is_even(void *ctx, struct chunk_place place)
{
    (void)ctx;
    return place.chunk % 2 == 0;
}

TEST(test_what_a_filter_leaves_is_still_found)
{
    struct chunk_index *index = chunk_index_new(1500);
    struct chunk_place place;
    chunk_index_filter(index, is_even, NULL);
    for (uint32_t i = 0; i < 1000; i++) {
        struct digest digest = digest_of(i);
        chunk_index_add(index, &digest, (struct chunk_place){0, i});
    }
    chunk_index_filter(index, is_even, NULL);
    for (uint32_t i = 0; i < 1000; i++) {
        struct digest digest = digest_of(i);
        assert_int_equal(chunk_index_find(index, &digest, NULL, &place), i % 2 == 0);
    }
    chunk_index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_chunk_is_found_where_it_is),
        cmocka_unit_test(test_of_several_places_the_wanted_one_is_told),
        cmocka_unit_test(test_the_oldest_are_forgotten_when_it_is_full),
        cmocka_unit_test(test_what_a_filter_leaves_is_still_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
