// SPDX-License-Identifier: Apache-2.0
// A tree.db that is damaged or of another time never shows a wrong node or an old number.
#include "cache/tree_state.h"
#include "tree_fixture.h"

static void overwrite(const char *dir, const char *name, size_t from, size_t len)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    uint8_t noise[4096];
    memset(noise, 0xa5, sizeof(noise));
    assert_true(len <= sizeof(noise));
    assert_int_equal(file_pwrite(fd, noise, len, from), ERR_NONE);
    close(fd);
}

static void delete_all(const char *dir)
{
    static const char *const names[] = {"tree.db",     "tree.db-wal", "tree.db-shm",
                                        "tree.inodes", "tree.users",  "tree.lock"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
}

static void numbers_are_never_given_out_again_after_damage(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    uint64_t greatest = 0;
    for (uint64_t round = 0; round < 4; round++) {
        struct tree_store *store = open_names(scratch.dir);
        uint64_t root = root_of(store, round);
        assert_true(root > greatest);
        struct tree_entry page[] = {a_file("a", 1), a_file("b", 2)};
        struct tree_node node;
        assert_int_equal(tree_store_put_page(store, root, page, 2, NULL, NULL), ERR_NONE);
        assert_int_equal(tree_store_lookup(store, root, "b", 1, &node), ERR_NONE);
        greatest = node.ino;
        tree_store_close(store);
        overwrite(scratch.dir, "tree.db", 0, 100);
    }
    scratch_remove(&scratch);
}

static void flipped_bytes_never_show_a_wrong_node(void **state)
{
    (void)state;
    enum { FILES = 60, ROUNDS = 150 };
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct scratch scratch = scratch_make();
        struct tree_store *store = open_names(scratch.dir);
        uint64_t root = root_of(store, 1);
        char names[FILES][32];
        struct tree_entry page[FILES];
        for (uint64_t i = 0; i < FILES; i++) {
            snprintf(names[i], sizeof(names[i]), "file-%llu", (unsigned long long)i);
            page[i] = a_file(names[i], 100 + i);
        }
        assert_int_equal(tree_store_put_page(store, root, page, FILES, NULL, NULL),
                         ERR_NONE);
        tree_store_close(store);
        overwrite(scratch.dir, "tree.db", 100 + mix(round) % 40000,
                  1 + mix(round * 3) % 60);
        store = open_names(scratch.dir);
        for (uint64_t i = 0; i < FILES; i++) {
            struct tree_node node;
            enum err err =
                tree_store_lookup(store, root, names[i], strlen(names[i]), &node);
            if (err == ERR_NONE) {
                assert_true(digest_equal(&node.xet_hash, &page[i].xet_hash));
                assert_true(oid_equal(&node.oid, &page[i].oid));
            }
        }
        tree_store_close(store);
        scratch_remove(&scratch);
    }
}

static void a_newer_schema_is_refused_with_a_sentence(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    tree_store_close(open_names(scratch.dir));
    run_sql(scratch.dir, "PRAGMA user_version=9");
    struct tree_store *store = NULL;
    struct why why = {{0}};
    assert_int_equal(tree_store_open(scratch.dir, &why, &store), ERR_NEWER_SCHEMA);
    assert_non_null(strstr(why.text, scratch.dir));
    assert_non_null(strstr(why.text, "newer"));
    scratch_remove(&scratch);
}

static void a_number_out_of_its_range_is_damage(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t root = root_of(store, 1);
    tree_store_close(store);
    char sql[128];
    snprintf(sql, sizeof(sql), "UPDATE sqlite_sequence SET seq=%llu WHERE name='node'",
             (1ULL << (INO_STORED_BITS - 1)) - 1);
    run_sql(scratch.dir, sql);
    store = open_names(scratch.dir);
    struct tree_entry page[] = {a_file("a", 1)};
    struct tree_node node;
    assert_err(tree_store_put_page(store, root, page, 1, NULL, NULL), ERR_DAMAGED);
    assert_err(tree_store_lookup(store, root, "a", 1, &node), ERR_ABSENT);
    tree_store_close(store);
    store = open_names(scratch.dir); // begun anew, and with numbers of its own
    assert_true(root_of(store, 1) > root);
    assert_int_equal(root_of(store, 1) >> (INO_STORED_BITS - 1), 0);
    tree_store_close(store);
    snprintf(sql, sizeof(sql), "UPDATE node SET ino=%llu", 1ULL << INO_STORED_BITS);
    run_sql(scratch.dir, sql);
    store = open_names(scratch.dir);
    assert_err(tree_store_node(store, UINT64_C(1) << INO_STORED_BITS, &node),
               ERR_DAMAGED);
    tree_store_close(store);
    scratch_remove(&scratch);
}

// As when the folder of the cache was deleted, and another process began it anew.
static void a_running_store_never_reads_what_another_has_begun_anew(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct tree_store *old = open_names(scratch.dir);
    uint64_t root = root_of(old, 1);
    struct tree_entry mine[] = {a_file("mine", 1)};
    struct tree_entry other[] = {a_file("other", 2)};
    assert_ok(tree_store_put_page(old, root, mine, 1, NULL, NULL));
    delete_all(scratch.dir);
    struct tree_store *anew = open_names(scratch.dir);
    uint64_t other_root = root_of(anew, 2);
    assert_int_equal(other_root, root); // numbers begin anew, too
    assert_ok(tree_store_put_page(anew, other_root, other, 1, NULL, NULL));
    struct tree_conn *held = NULL; // a second reader needs a connection of its own
    struct tree_node node;
    assert_ok(tree_take(old, &held));
    if (held->is_writer) {
        tree_give(old, STEAL_POINTER(held));
    }
    assert_err(tree_store_lookup(old, root, "other", 5, &node), ERR_ABSENT);
    assert_ok(tree_store_lookup(old, root, "mine", 4, &node));
    if (held) {
        tree_give(old, held);
    }
    tree_store_close(anew);
    tree_store_close(old);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_never_given_out_again_after_damage),
        cmocka_unit_test(flipped_bytes_never_show_a_wrong_node),
        cmocka_unit_test(a_newer_schema_is_refused_with_a_sentence),
        cmocka_unit_test(a_number_out_of_its_range_is_damage),
        cmocka_unit_test(a_running_store_never_reads_what_another_has_begun_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
