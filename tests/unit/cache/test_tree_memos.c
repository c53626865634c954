// SPDX-License-Identifier: Apache-2.0
// What the tree store remembers under a key.
#include "tree_fixture.h"

TEST(test_a_memo_is_remembered_and_replaced)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    AUTO(buffer) struct buffer out = buffer_init(100);
    int64_t at_s = -7;
    assert_ok(buffer_append_text(&out, "what it held before"));
    assert_err(tree_store_get_memo(store, "key", &out, &at_s), ERR_ABSENT);
    assert_string_equal(buffer_text(&out), "what it held before");
    assert_int_equal(at_s, -7);
    assert_ok(tree_store_put_memo(store, "key", "one\0two", 7, 1234));
    assert_ok(tree_store_get_memo(store, "key", &out, &at_s));
    assert_int_equal(out.len, 7);
    assert_memory_equal(out.bytes, "one\0two", 7);
    assert_int_equal(at_s, 1234);
    assert_ok(tree_store_put_memo(store, "key", "three", 5, -1));
    tree_store_close(store);
    store = open_names(scratch.dir);
    assert_ok(tree_store_get_memo(store, "key", &out, &at_s));
    assert_string_equal(buffer_text(&out), "three");
    assert_int_equal(at_s, -1);
    assert_ok(tree_store_put_memo(store, "key", NULL, 0, 5));
    assert_ok(tree_store_get_memo(store, "key", &out, &at_s));
    assert_int_equal(out.len, 0);
    assert_int_equal(at_s, 5);
    assert_err(tree_store_get_memo(store, "KEY", &out, &at_s), ERR_ABSENT);
    tree_store_close(store);
    scratch_remove(&scratch);
}

TEST(test_a_memo_has_at_most_64_kib_and_fits_its_buffer)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    static uint8_t value[TREE_MEMO_MAX + 1];
    memset(value, 'x', sizeof(value));
    AUTO(buffer) struct buffer large = buffer_init(TREE_MEMO_MAX);
    AUTO(buffer) struct buffer small = buffer_init(TREE_MEMO_MAX - 1);
    int64_t at_s = -7;
    assert_err(tree_store_put_memo(store, "key", value, sizeof(value), 1), ERR_TOO_LARGE);
    assert_err(tree_store_get_memo(store, "key", &large, &at_s), ERR_ABSENT);
    assert_ok(tree_store_put_memo(store, "key", value, TREE_MEMO_MAX, 1));
    assert_ok(buffer_append_text(&small, "kept"));
    assert_err(tree_store_get_memo(store, "key", &small, &at_s), ERR_TOO_LARGE);
    assert_string_equal(buffer_text(&small), "kept");
    assert_int_equal(at_s, -7);
    assert_ok(tree_store_get_memo(store, "key", &large, &at_s));
    assert_ok(tree_store_get_memo(store, "key", &large, &at_s)); // a full one again
    assert_int_equal(large.len, TREE_MEMO_MAX);
    assert_memory_equal(large.bytes, value, TREE_MEMO_MAX);
    tree_store_close(store);
    scratch_remove(&scratch);
}

TEST(test_a_memo_that_was_changed_is_damage)
{
    static const char *const changes[] = {
        "UPDATE memo SET value='evil'",
        "UPDATE memo SET at=at+1",
        "UPDATE memo SET key='key' WHERE key='other'",
        "UPDATE memo SET value=''",
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct scratch scratch = scratch_make();
        struct tree_store *store = open_names(scratch.dir);
        AUTO(buffer) struct buffer out = buffer_init(100);
        int64_t at_s = 0;
        const char *key = i == 2 ? "other" : "key";
        assert_ok(tree_store_put_memo(store, key, "good", 4, 1));
        tree_store_close(store);
        run_sql(scratch.dir, changes[i]);
        store = open_names(scratch.dir);
        assert_err(tree_store_get_memo(store, "key", &out, &at_s), ERR_DAMAGED);
        assert_int_equal(out.len, 0);
        tree_store_close(store);
        scratch_remove(&scratch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_memo_is_remembered_and_replaced),
        cmocka_unit_test(test_a_memo_has_at_most_64_kib_and_fits_its_buffer),
        cmocka_unit_test(test_a_memo_that_was_changed_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
