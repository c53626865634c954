// SPDX-License-Identifier: Apache-2.0
// The set of pinned chunk ranges against a model.
#include "cache/pin_set.h"
#include "store_fixture.h"

enum { OBJECTS = 4, CHUNKS = 300 };

static void random_ranges_agree_with_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        bool model[OBJECTS][CHUNKS] = {{false}};
        struct pin_set *set = NULL;
        struct digest content = object_number(99).hash;
        assert_int_equal(pin_set_new(&set), ERR_NONE);
        assert_int_equal(pin_set_add_content(set, &content), ERR_NONE);
        for (uint64_t i = 0; i < 30; i++) {
            uint64_t random = mix(seed * 100 + i);
            uint32_t first = (uint32_t)(random % CHUNKS);
            uint32_t n = 1 + (uint32_t)(random >> 32) % 20;
            n = first + n > CHUNKS ? CHUNKS - first : n;
            struct object_id object = object_number(random >> 20 & 3);
            assert_int_equal(pin_set_add_range(set, &object, first, n), ERR_NONE);
            for (uint32_t k = first; k < first + n; k++) {
                model[random >> 20 & 3][k] = true;
            }
        }
        for (uint64_t i = 0; i < 300; i++) {
            uint64_t random = mix(seed * 777 + i);
            uint32_t first = (uint32_t)(random % CHUNKS);
            uint32_t n = 1 + (uint32_t)(random >> 32) % 10;
            n = first + n > CHUNKS ? CHUNKS - first : n;
            struct object_id object = object_number(random >> 20 & 3);
            bool want = false;
            for (uint32_t k = first; k < first + n; k++) {
                want = want || model[random >> 20 & 3][k];
            }
            assert_int_equal(pin_set_covers(set, &object, first, n), want);
        }
        pin_set_free(set);
    }
}

static void a_pinned_blob_is_covered_without_ranges(void **state)
{
    (void)state;
    struct pin_set *set = NULL;
    struct object_id blob = object_number(2);
    struct object_id xorb = {OBJECT_XORB, blob.hash};
    assert_int_equal(pin_set_new(&set), ERR_NONE);
    assert_false(pin_set_covers(set, &blob, 0, 1));
    assert_int_equal(pin_set_add_content(set, &blob.hash), ERR_NONE);
    assert_true(pin_set_covers(set, &blob, 7, 1));
    assert_false(pin_set_covers(set, &xorb, 7, 1));
    pin_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_ranges_agree_with_a_model),
        cmocka_unit_test(a_pinned_blob_is_covered_without_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
