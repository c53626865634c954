// SPDX-License-Identifier: Apache-2.0
// The tree store as its callers see it.
#include "tree_fixture.h"

static void a_listing_comes_back_in_order_of_arrival(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root = root_of(store, 1);
    assert_true(root >= INO_STORED_FIRST);
    struct tree_dir dir;
    assert_int_equal(tree_store_dir(store, root, &dir), ERR_ABSENT);
    struct tree_entry page1[] = {a_file("zebra", 10), a_folder("apple", 11)};
    struct tree_entry page2[] = {a_file("middle", 12), a_file("zebra", 13),
                                 a_file("a b#%?", 14)};
    size_t duplicates = 99;
    char next[64];
    assert_int_equal(tree_store_put_page(store, root, page1, 2, "cursor=2", &duplicates),
                     ERR_NONE);
    assert_int_equal(duplicates, 0);
    assert_int_equal(tree_store_dir(store, root, &dir), ERR_NONE);
    assert_false(dir.complete);
    assert_int_equal(tree_store_dir_next(store, root, next, sizeof(next)), ERR_NONE);
    assert_string_equal(next, "cursor=2");
    assert_int_equal(tree_store_put_page(store, root, page2, 3, NULL, &duplicates),
                     ERR_NONE);
    assert_int_equal(duplicates, 1);
    tree_store_close(store);

    store = open_names(scratch.dir);
    assert_int_equal(root_of(store, 1), root);
    assert_int_equal(tree_store_dir(store, root, &dir), ERR_NONE);
    assert_true(dir.complete);
    assert_int_equal(dir.entries, 4);
    struct tree_node node;
    assert_int_equal(tree_store_lookup(store, root, "zebra", 5, &node), ERR_NONE);
    assert_int_equal(node.size, 10);
    assert_int_equal(node.mtime_s, 1001);
    assert_int_equal(tree_store_lookup(store, root, "nothing", 7, &node), ERR_ABSENT);
    char *path = NULL;
    assert_int_equal(tree_store_lookup(store, root, "a b#%?", 6, &node), ERR_NONE);
    assert_int_equal(tree_store_path(store, node.ino, &path), ERR_NONE);
    assert_string_equal(path, "a b#%?");
    free(path);
    tree_store_close(store);
    scratch_remove(&scratch);
}

struct listed {
    char text[512];
    uint64_t last;
    size_t stop_after;
    size_t n;
};

static bool collect(void *ctx, uint64_t position, const char *name,
                    const struct tree_node *node)
{
    struct listed *listed = ctx;
    (void)node;
    assert_true(position > listed->last);
    listed->last = position;
    size_t len = strlen(listed->text);
    snprintf(listed->text + len, sizeof(listed->text) - len, "%s ", name);
    return ++listed->n != listed->stop_after;
}

static void listing_goes_on_after_a_position_and_stops_when_told(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root = root_of(store, 1);
    struct tree_entry page[] = {a_file("d", 1), a_file("c", 2), a_file("b", 3),
                                a_file("a", 4)};
    assert_int_equal(tree_store_put_page(store, root, page, 4, NULL, NULL), ERR_NONE);
    struct listed listed = {.stop_after = 3};
    assert_int_equal(tree_store_list(store, root, 0, collect, &listed), ERR_NONE);
    assert_string_equal(listed.text, "d c b ");
    struct listed rest = {.stop_after = 99};
    assert_int_equal(tree_store_list(store, root, listed.last, collect, &rest), ERR_NONE);
    assert_string_equal(rest.text, "a ");
    tree_store_close(store);
    scratch_remove(&scratch);
}

static void a_version_keeps_its_number_across_commits(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root1 = root_of(store, 1);
    uint64_t root2 = root_of(store, 2);
    assert_int_not_equal(root1, root2);
    struct tree_entry one[] = {a_file("weights", 10), a_file("README", 11),
                               a_folder("sub", 12)};
    struct tree_entry two[] = {a_file("weights", 10), a_file("README", 21),
                               a_folder("sub", 12)};
    struct tree_entry sub[] = {a_file("sub/x", 30), a_file("other/y", 31),
                               a_file("sub/z/deep", 3)};
    assert_int_equal(tree_store_put_page(store, root1, one, 3, NULL, NULL), ERR_NONE);
    struct tree_node old;
    assert_int_equal(tree_store_lookup(store, root1, "sub", 3, &old), ERR_NONE);
    assert_int_equal(tree_store_put_page(store, old.ino, sub, 3, NULL, NULL), ERR_NONE);
    assert_int_equal(tree_store_put_page(store, root2, two, 3, NULL, NULL), ERR_NONE);
    struct tree_node new;
    struct tree_dir dir;
    assert_int_equal(tree_store_lookup(store, root1, "weights", 7, &old), ERR_NONE);
    assert_int_equal(tree_store_lookup(store, root2, "weights", 7, &new), ERR_NONE);
    assert_int_equal(old.ino, new.ino);
    assert_int_equal(new.mtime_s, 1001); // first seen with commit 1
    assert_int_equal(tree_store_lookup(store, root1, "README", 6, &old), ERR_NONE);
    assert_int_equal(tree_store_lookup(store, root2, "README", 6, &new), ERR_NONE);
    assert_int_not_equal(old.ino, new.ino);
    assert_int_equal(new.mtime_s, 1002);
    // The unchanged folder is listed already, and only what is in it.
    assert_int_equal(tree_store_lookup(store, root2, "sub", 3, &new), ERR_NONE);
    assert_int_equal(tree_store_dir(store, new.ino, &dir), ERR_NONE);
    assert_true(dir.complete);
    assert_int_equal(dir.entries, 1);
    uint64_t files = 0;
    uint64_t bytes = 0;
    assert_int_equal(tree_store_totals(store, new.repo, &files, &bytes), ERR_NONE);
    assert_int_equal(files, 4);
    assert_int_equal(bytes, 10 + 11 + 30 + 21);
    tree_store_close(store);
    scratch_remove(&scratch);
}

static void an_entry_asked_for_by_name_is_listed_when_its_page_comes(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root = root_of(store, 1);
    struct tree_entry late = a_file("late", 5);
    struct tree_entry page[] = {a_file("early", 4), late};
    struct tree_node single;
    struct tree_node found;
    assert_int_equal(tree_store_put_single(store, root, &late, &single), ERR_NONE);
    assert_int_equal(tree_store_lookup(store, root, "late", 4, &found), ERR_NONE);
    assert_int_equal(single.ino, found.ino);
    struct listed listed = {.stop_after = 99};
    assert_int_equal(tree_store_list(store, root, 0, collect, &listed), ERR_NONE);
    assert_string_equal(listed.text, "");
    size_t duplicates = 0;
    assert_int_equal(tree_store_put_page(store, root, page, 2, NULL, &duplicates),
                     ERR_NONE);
    assert_int_equal(duplicates, 0);
    assert_int_equal(tree_store_list(store, root, 0, collect, &listed), ERR_NONE);
    assert_string_equal(listed.text, "early late ");
    assert_int_equal(tree_store_lookup(store, root, "late", 4, &found), ERR_NONE);
    assert_int_equal(single.ino, found.ino);
    tree_store_close(store);
    scratch_remove(&scratch);
}

static void a_gated_node_is_filled_in_when_access_was_granted(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root1 = root_of(store, 1);
    uint64_t root2 = root_of(store, 2);
    struct tree_entry open_entry = a_file("model", 5);
    struct tree_entry masked = open_entry;
    masked.has_xet = false;
    masked.masked = true;
    assert_int_equal(tree_store_put_page(store, root1, &masked, 1, NULL, NULL), ERR_NONE);
    struct tree_node node;
    assert_int_equal(tree_store_lookup(store, root1, "model", 5, &node), ERR_NONE);
    assert_true(node.masked);
    assert_false(node.has_xet);
    assert_int_equal(tree_store_put_page(store, root2, &open_entry, 1, NULL, NULL),
                     ERR_NONE);
    uint64_t ino = node.ino;
    assert_int_equal(tree_store_lookup(store, root1, "model", 5, &node), ERR_NONE);
    assert_int_equal(node.ino, ino);
    assert_true(node.has_xet);
    assert_false(node.masked);
    tree_store_close(store);
    scratch_remove(&scratch);
}

static void refs_are_kept_per_credential(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    struct repo_id repo = a_repo();
    int64_t mine = 0;
    int64_t theirs = 0;
    assert_int_equal(tree_store_repo(store, "https://hub", &repo, "a", &mine), ERR_NONE);
    assert_int_equal(tree_store_repo(store, "https://hub", &repo, "b", &theirs),
                     ERR_NONE);
    assert_int_not_equal(mine, theirs);
    struct tree_ref ref = {oid_number(1), 123, 456, "org/Name", true};
    struct tree_ref got;
    assert_int_equal(tree_store_get_ref(store, mine, "main", &got), ERR_ABSENT);
    assert_int_equal(tree_store_put_ref(store, mine, "main", &ref), ERR_NONE);
    assert_int_equal(tree_store_get_ref(store, mine, "main", &got), ERR_NONE);
    assert_true(oid_equal(&ref.sha, &got.sha));
    assert_int_equal(got.checked_at_s, 123);
    assert_int_equal(got.date_s, 456);
    assert_string_equal(got.canonical, "org/Name");
    assert_true(got.gated);
    assert_int_equal(tree_store_get_ref(store, theirs, "main", &got), ERR_ABSENT);
    tree_store_close(store);
    scratch_remove(&scratch);
}

static void the_time_of_a_node_is_set_once(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    struct repo_id repo = a_repo();
    struct oid sha = oid_number(1);
    int64_t id = 0;
    uint64_t root = 0;
    struct tree_node node;
    assert_int_equal(tree_store_repo(store, "e", &repo, "", &id), ERR_NONE);
    assert_int_equal(tree_store_root(store, id, &sha, -1, &root), ERR_NONE);
    assert_int_equal(tree_store_set_mtime(store, root, 77), ERR_NONE);
    assert_int_equal(tree_store_set_mtime(store, root, 88), ERR_NONE);
    assert_int_equal(tree_store_node(store, root, &node), ERR_NONE);
    assert_int_equal(node.mtime_s, 77);
    assert_int_equal(tree_store_node(store, root + 1000, &node), ERR_STALE);
    tree_store_close(store);
    scratch_remove(&scratch);
}

struct worker {
    struct tree_store *store;
    uint64_t root;
    uint64_t seed;
};

static void *list_and_look_up(void *ctx)
{
    struct worker *worker = ctx;
    for (uint64_t i = 0; i < 40; i++) {
        char names[20][40];
        struct tree_entry page[20];
        for (uint64_t k = 0; k < 20; k++) {
            uint64_t number = worker->seed * 10000 + i * 20 + k;
            snprintf(names[k], sizeof(names[k]), "f%llu", (unsigned long long)number);
            page[k] = a_file(names[k], number);
        }
        assert_int_equal(
            tree_store_put_page(worker->store, worker->root, page, 20, "x", NULL),
            ERR_NONE);
        for (uint64_t k = 0; k < 20; k++) {
            struct tree_node node;
            assert_int_equal(tree_store_lookup(worker->store, worker->root, names[k],
                                               strlen(names[k]), &node),
                             ERR_NONE);
            assert_true(oid_equal(&node.oid, &page[k].oid));
        }
    }
    return NULL;
}

static void several_threads_store_and_look_up_at_once(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    struct worker workers[4];
    pthread_t threads[4];
    for (uint64_t i = 0; i < 4; i++) {
        workers[i] = (struct worker){store, root_of(store, 1), i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, list_and_look_up, &workers[i]),
                         0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    struct tree_dir dir;
    assert_int_equal(tree_store_dir(store, workers[0].root, &dir), ERR_NONE);
    assert_int_equal(dir.entries, 4 * 40 * 20);
    tree_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_comes_back_in_order_of_arrival),
        cmocka_unit_test(listing_goes_on_after_a_position_and_stops_when_told),
        cmocka_unit_test(a_version_keeps_its_number_across_commits),
        cmocka_unit_test(an_entry_asked_for_by_name_is_listed_when_its_page_comes),
        cmocka_unit_test(a_gated_node_is_filled_in_when_access_was_granted),
        cmocka_unit_test(refs_are_kept_per_credential),
        cmocka_unit_test(the_time_of_a_node_is_set_once),
        cmocka_unit_test(several_threads_store_and_look_up_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
