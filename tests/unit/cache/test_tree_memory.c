// SPDX-License-Identifier: Apache-2.0
// Where the disk refuses tree.db, before or in the middle, the tree goes on in memory.
#include "tree_fixture.h"

#include <inttypes.h>
#include <stdatomic.h>

static void on_an_empty_read_only_disk_the_tree_begins_in_memory(void **state)
{
    (void)state;
    struct scratch disk = disk_make(MS_RDONLY);
    struct tree_store *store = open_names(disk.dir);
    uint64_t root = root_of(store, 1);
    struct tree_entry page[] = {a_file("a", 1), a_file("b", 2)};
    struct tree_node node;
    assert_int_equal(tree_store_put_page(store, root, page, 2, NULL, NULL), ERR_NONE);
    assert_int_equal(tree_store_lookup(store, root, "b", 1, &node), ERR_NONE);
    assert_true(node.ino >= INO_STORED_FIRST);
    tree_store_close(store);
    disk_remove(&disk);
}

// `alone`: without the files beside it, as somebody copied it who knew no better.
static void check_read_only_tree(bool alone)
{
    struct scratch disk = disk_make(0);
    char dir[300];
    snprintf(dir, sizeof(dir), "%s/of #1?%%41",
             disk.dir); // as SQLite's addresses have it
    struct tree_store *store = open_names(dir);
    uint64_t root = root_of(store, 1);
    struct tree_entry old_page[] = {a_file("a", 1), a_file("b", 2)};
    struct tree_entry new_page[] = {a_file("c", 3)};
    struct tree_node before;
    struct tree_node after;
    assert_int_equal(tree_store_put_page(store, root, old_page, 2, NULL, NULL), ERR_NONE);
    assert_int_equal(tree_store_lookup(store, root, "b", 1, &before), ERR_NONE);
    tree_store_close(store);
    char path[512];
    snprintf(path, sizeof(path), "%s/tree.db-wal", dir);
    assert_int_equal(alone ? unlink(path) : 0, 0);
    snprintf(path, sizeof(path), "%s/tree.db-shm", dir);
    assert_int_equal(alone ? unlink(path) : 0, 0);
    assert_int_equal(mount(NULL, disk.dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    store = open_names(dir);
    assert_int_equal(root_of(store, 1), root);
    assert_int_equal(tree_store_lookup(store, root, "b", 1, &after), ERR_NONE);
    assert_int_equal(before.ino, after.ino);
    uint64_t root2 = root_of(store, 2);
    assert_int_equal(tree_store_put_page(store, root2, new_page, 1, NULL, NULL),
                     ERR_NONE);
    assert_int_equal(tree_store_lookup(store, root2, "c", 1, &after), ERR_NONE);
    tree_store_close(store);
    disk_remove(&disk);
}

static void a_tree_on_a_read_only_disk_is_still_read(void **state)
{
    (void)state;
    check_read_only_tree(false);
    check_read_only_tree(true);
}

static void numbers_made_in_memory_are_not_met_again(void **state)
{
    (void)state;
    struct scratch disk = disk_make(MS_RDONLY);
    uint64_t seen[8];
    random_replace(7); // of 2048 places these are different ones
    for (size_t i = 0; i < 8; i++) {
        struct tree_store *store = open_names(disk.dir);
        seen[i] = root_of(store, i);
        // Above all that a file can reach, below the bits that fs/ tags directories with.
        assert_int_equal(seen[i] >> (INO_STORED_BITS - 1), 1);
        assert_int_equal(seen[i] & (INO_STORED_FIRST - 1), 0);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(seen[i], seen[k]);
        }
        tree_store_close(store);
    }
    random_replace(0);
    disk_remove(&disk);
}

struct filling {
    struct tree_store *store;
    uint64_t root;
    _Atomic bool stop;
};

// Puts pages of ten files whose names and contents follow from `from`.
static void put_files(struct tree_store *store, uint64_t root, uint64_t from)
{
    char names[10][32];
    struct tree_entry page[10];
    for (uint64_t i = 0; i < 10; i++) {
        uint64_t number = from + i;
        snprintf(names[i], sizeof(names[i]), "file-%" PRIu64, number);
        page[i] = a_file(names[i], number);
    }
    assert_int_equal(tree_store_put_page(store, root, page, 10, "next", NULL), ERR_NONE);
}

static uint64_t number_of(struct tree_store *store, uint64_t root, uint64_t file)
{
    char name[32];
    struct tree_node node;
    int len = snprintf(name, sizeof(name), "file-%llu", (unsigned long long)file);
    assert_int_equal(tree_store_lookup(store, root, name, (size_t)len, &node), ERR_NONE);
    struct oid want = oid_number(file);
    assert_true(oid_equal(&node.oid, &want));
    return node.ino;
}

static void *look_up_all_the_time(void *ctx)
{
    struct filling *filling = ctx;
    uint64_t ino = number_of(filling->store, filling->root, 3);
    while (!atomic_load(&filling->stop)) {
        assert_int_equal(number_of(filling->store, filling->root, 3), ino);
    }
    return NULL;
}

static void when_the_disk_fills_up_listing_goes_on(void **state)
{
    (void)state;
    struct scratch disk = disk_make(0);
    struct filling filling = {.store = open_names(disk.dir)};
    struct tree_store *store = filling.store;
    filling.root = root_of(store, 1);
    put_files(store, filling.root, 0);
    uint64_t ino = number_of(store, filling.root, 5);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, look_up_all_the_time, &filling), 0);
    sleep_ms(20);
    fill_up(disk.dir);
    for (uint64_t page = 1; page < 200; page++) {
        put_files(store, filling.root, page * 10);
    }
    for (uint64_t file = 0; file < 2000; file++) {
        assert_true(number_of(store, filling.root, file) >= INO_STORED_FIRST);
    }
    assert_int_equal(number_of(store, filling.root, 5), ino);
    atomic_store(&filling.stop, true);
    pthread_join(thread, NULL);
    assert_true(root_of(store, 2) >= INO_STORED_FIRST);
    tree_store_close(store);
    store = open_names(disk.dir); // still full
    assert_int_equal(number_of(store, root_of(store, 1), 5), ino);
    tree_store_close(store);
    disk_remove(&disk);
}

static void when_the_disk_becomes_read_only_listing_goes_on(void **state)
{
    (void)state;
    struct scratch disk = disk_make(0);
    struct tree_store *store = open_names(disk.dir);
    uint64_t root = root_of(store, 1);
    put_files(store, root, 0);
    uint64_t ino = number_of(store, root, 5);
    // A disk with files open for writing is not remounted: hide it under one that is.
    assert_int_equal(mount(disk.dir, disk.dir, NULL, MS_BIND, NULL), 0);
    assert_int_equal(mount(NULL, disk.dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL),
                     0);
    for (uint64_t page = 1; page < 5; page++) {
        put_files(store, root, page * 10);
    }
    assert_int_equal(number_of(store, root, 5), ino);
    assert_true(number_of(store, root, 42) >= INO_STORED_FIRST);
    tree_store_close(store);
    assert_int_equal(umount(disk.dir), 0);
    disk_remove(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_an_empty_read_only_disk_the_tree_begins_in_memory),
        cmocka_unit_test(a_tree_on_a_read_only_disk_is_still_read),
        cmocka_unit_test(numbers_made_in_memory_are_not_met_again),
        cmocka_unit_test(when_the_disk_fills_up_listing_goes_on),
        cmocka_unit_test(when_the_disk_becomes_read_only_listing_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
