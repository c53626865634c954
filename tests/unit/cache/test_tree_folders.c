// SPDX-License-Identifier: Apache-2.0
// Whole folders: whether a tree is all here.
#include "tree_fixture.h"

static bool is_whole(struct tree_store *store, uint64_t ino)
{
    bool whole = false;
    assert_ok(tree_store_is_whole(store, ino, &whole));
    return whole;
}

static uint64_t ino_of(struct tree_store *store, uint64_t dir, const char *name)
{
    struct tree_node node;
    assert_ok(tree_store_lookup(store, dir, name, strlen(name), &node));
    return node.ino;
}

TEST(test_a_tree_is_whole_when_every_folder_below_is_complete)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root = root_of(store, 1);
    struct tree_entry top[] = {a_folder("a", 1), a_file("file", 2)};
    struct tree_entry a[] = {a_folder("a/b", 3)};
    struct tree_entry b[] = {a_file("a/b/x", 4)};
    struct tree_entry single = a_folder("a/b/not-listed", 5);
    struct tree_node node;
    bool whole = true;
    assert_false(is_whole(store, root)); // nothing is stored for it
    assert_ok(tree_store_put_page(store, root, top, 2, NULL, NULL));
    assert_false(is_whole(store, root));
    uint64_t ino_a = ino_of(store, root, "a");
    assert_ok(tree_store_put_page(store, ino_a, a, 1, NULL, NULL));
    uint64_t ino_b = ino_of(store, ino_a, "b");
    assert_ok(tree_store_put_page(store, ino_b, b, 1, "next", NULL));
    assert_false(is_whole(store, root));
    assert_false(is_whole(store, ino_a));
    assert_ok(tree_store_put_page(store, ino_b, NULL, 0, NULL, NULL));
    // Known by name, but no page brought it: it is not of the listing.
    assert_ok(tree_store_put_single(store, ino_b, &single, &node));
    assert_true(is_whole(store, root));
    assert_true(is_whole(store, ino_b));
    assert_err(tree_store_is_whole(store, root + 1000, &whole), ERR_STALE);
    assert_err(tree_store_is_whole(store, ino_of(store, root, "file"), &whole),
               ERR_NOT_DIRECTORY);
    assert_true(whole);
    tree_store_close(store);
    scratch_remove(&scratch);
}

TEST(test_folders_that_damage_made_a_circle_of_come_to_an_end)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root = root_of(store, 1);
    struct tree_entry top[] = {a_folder("a", 1)};
    struct tree_entry a[] = {a_folder("a/b", 2)};
    assert_ok(tree_store_put_page(store, root, top, 1, NULL, NULL));
    uint64_t ino_a = ino_of(store, root, "a");
    assert_ok(tree_store_put_page(store, ino_a, a, 1, NULL, NULL));
    tree_store_close(store);
    char sql[128];
    snprintf(sql, sizeof(sql), "UPDATE entry SET ino=dir WHERE dir=%llu",
             (unsigned long long)ino_a);
    run_sql(scratch.dir, sql);
    store = open_names(scratch.dir);
    assert_true(is_whole(store, root)); // what it says does not matter: it returns
    tree_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tree_is_whole_when_every_folder_below_is_complete),
        cmocka_unit_test(test_folders_that_damage_made_a_circle_of_come_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
