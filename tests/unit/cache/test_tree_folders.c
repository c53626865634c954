// SPDX-License-Identifier: Apache-2.0
// Whole folders: a recursive listing comes in, and whether a tree is all here.
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

static bool is_complete(struct tree_store *store, uint64_t ino)
{
    struct tree_dir dir = {0};
    enum err err = tree_store_dir(store, ino, &dir);
    assert_true(err == ERR_NONE || err == ERR_ABSENT);
    return dir.complete;
}

#define FOLDER(path, entries)                                                            \
    {                                                                                    \
        path, entries, sizeof(entries) / sizeof((entries)[0])                            \
    }

TEST(test_folders_within_folders_of_the_same_call_are_stored)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root = root_of(store, 1);
    struct tree_entry top[] = {a_folder("a", 1), a_file("file", 2), a_folder("empty", 3)};
    struct tree_entry a[] = {a_file("a/x", 4), a_folder("a/b", 5), a_file("other/y", 6)};
    struct tree_entry b[] = {a_file("a/b/deep", 7)};
    struct tree_folder folders[] = {
        FOLDER("", top), FOLDER("a", a), FOLDER("a/b", b), {"empty", NULL, 0}};
    assert_ok(tree_store_put_folders(store, root, folders, 4));
    tree_store_close(store);
    store = open_names(scratch.dir);
    uint64_t ino_b = ino_of(store, ino_of(store, root, "a"), "b");
    struct tree_node node;
    struct tree_dir dir;
    assert_ok(tree_store_lookup(store, ino_b, "deep", 4, &node));
    assert_int_equal(node.size, 7);
    assert_int_equal(node.mtime_s, 1001);
    assert_ok(tree_store_dir(store, ino_of(store, root, "a"), &dir));
    assert_int_equal(dir.entries, 2); // what is not of the folder was left out
    assert_true(dir.complete);
    assert_true(is_whole(store, root));
    uint64_t files = 0;
    uint64_t bytes = 0;
    assert_ok(tree_store_totals(store, node.repo, &files, &bytes));
    assert_int_equal(files, 3);
    assert_int_equal(bytes, 2 + 4 + 7);
    tree_store_close(store);
    scratch_remove(&scratch);
}

TEST(test_a_complete_folder_is_left_alone_and_a_partial_one_completed)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root = root_of(store, 1);
    struct tree_entry top[] = {a_folder("a", 1), a_folder("b", 2)};
    struct tree_entry old_a[] = {a_file("a/x", 3)};
    struct tree_entry new_a[] = {a_file("a/x", 4), a_file("a/y", 5)};
    struct tree_entry old_b[] = {a_file("b/x", 6)};
    struct tree_entry new_b[] = {a_file("b/x", 6), a_file("b/y", 7)};
    struct tree_dir dir;
    struct tree_node node;
    assert_ok(tree_store_put_page(store, root, top, 2, NULL, NULL));
    uint64_t ino_a = ino_of(store, root, "a");
    uint64_t ino_b = ino_of(store, root, "b");
    assert_ok(tree_store_put_page(store, ino_a, old_a, 1, NULL, NULL));
    assert_ok(tree_store_put_page(store, ino_b, old_b, 1, "next", NULL));
    assert_false(is_whole(store, root));
    struct tree_folder folders[] = {FOLDER("a", new_a), FOLDER("b", new_b)};
    assert_ok(tree_store_put_folders(store, root, folders, 2));
    assert_err(tree_store_lookup(store, ino_a, "y", 1, &node), ERR_ABSENT);
    assert_ok(tree_store_lookup(store, ino_a, "x", 1, &node));
    assert_int_equal(node.size, 3);
    assert_ok(tree_store_dir(store, ino_b, &dir));
    assert_true(dir.complete);
    assert_int_equal(dir.entries, 2);
    assert_true(is_whole(store, root));
    tree_store_close(store);
    scratch_remove(&scratch);
}

TEST(test_a_path_that_leads_nowhere_is_left_out)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root = root_of(store, 1);
    struct tree_entry top[] = {a_folder("a", 1), a_file("file", 2)};
    struct tree_entry in_file[] = {a_file("file/x", 3)};
    struct tree_entry a[] = {a_file("a/x", 4)};
    struct tree_folder folders[] = {
        FOLDER("a", a), // before the listing that brings it
        FOLDER("", top), FOLDER("file", in_file), FOLDER("nowhere", a),   FOLDER("a/", a),
        FOLDER("/a", a), FOLDER("../a", a),       FOLDER("a/nowhere", a),
    };
    assert_ok(tree_store_put_folders(store, root, folders, 8));
    uint64_t ino_a = ino_of(store, root, "a");
    assert_true(is_complete(store, root));
    assert_false(is_complete(store, ino_a));
    assert_false(is_complete(store, ino_of(store, root, "file")));
    assert_ok(tree_store_put_folders(store, root, folders, 0));
    assert_err(tree_store_put_folders(store, root + 1000, folders, 2), ERR_STALE);
    assert_err(tree_store_put_folders(store, ino_a, folders, 2), ERR_NOT_DIRECTORY);
    assert_false(is_complete(store, ino_a));
    assert_ok(tree_store_put_folders(store, root, folders, 1));
    assert_true(is_complete(store, ino_a));
    tree_store_close(store);
    scratch_remove(&scratch);
}

TEST(test_a_call_that_meets_damage_stores_nothing)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root = root_of(store, 1);
    struct tree_entry top[] = {a_folder("a", 1), a_folder("b", 2), a_folder("b/a", 3)};
    struct tree_entry b[] = {a_folder("b/a", 3)};
    struct tree_entry a[] = {a_file("a/x", 4)};
    assert_ok(tree_store_put_page(store, root, top, 2, NULL, NULL));
    uint64_t ino_b = ino_of(store, root, "b");
    assert_ok(tree_store_put_single(store, ino_b, b, &(struct tree_node){0}));
    uint64_t other = ino_of(store, ino_b, "a");
    tree_store_close(store);
    // The entry "a" names the folder "b/a": both end in that name.
    char sql[128];
    snprintf(sql, sizeof(sql), "UPDATE entry SET ino=%llu WHERE dir=%llu AND pos=1",
             (unsigned long long)other, (unsigned long long)root);
    run_sql(scratch.dir, sql);
    store = open_names(scratch.dir);
    struct tree_folder folders[] = {FOLDER("b", b), FOLDER("a", a)};
    assert_err(tree_store_put_folders(store, root, folders, 2), ERR_DAMAGED);
    assert_false(is_complete(store, other));
    assert_false(is_complete(store, ino_b));
    tree_store_close(store);
    scratch_remove(&scratch);
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
    struct tree_folder folders[] = {FOLDER("", top), FOLDER("a", a)};
    assert_ok(tree_store_put_folders(store, root, folders, 2));
    uint64_t ino_a = ino_of(store, root, "a");
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
        cmocka_unit_test(test_folders_within_folders_of_the_same_call_are_stored),
        cmocka_unit_test(
            test_a_complete_folder_is_left_alone_and_a_partial_one_completed),
        cmocka_unit_test(test_a_path_that_leads_nowhere_is_left_out),
        cmocka_unit_test(test_a_call_that_meets_damage_stores_nothing),
        cmocka_unit_test(test_a_tree_is_whole_when_every_folder_below_is_complete),
        cmocka_unit_test(test_folders_that_damage_made_a_circle_of_come_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
