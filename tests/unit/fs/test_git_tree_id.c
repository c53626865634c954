// SPDX-License-Identifier: Apache-2.0
// git_tree_id.c against ids that `git mktree` gave.
#include "fs/git_tree_id.h"

#include "tests/unit/unit_test.h"

#define BLOB_A "78981922613b2afb6025042ff6bd878ac1994e85"
#define BLOB_B "61780798228d17af2d34fce4cfbdf35556832472"
#define TREE_A "8748a00aa34eacc083824b8ae08ba912f315bf7f" // x, which is BLOB_A
#define EMPTY "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

static struct tree_entry entry(const char *path, enum entry_kind kind, const char *oid)
{
    struct tree_entry made = {.path = path, .kind = kind};
    assert_ok(oid_from_hex(oid, strlen(oid), &made.oid));
    return made;
}

static void assert_id(const struct tree_entry *entries, size_t n, const char *wanted)
{
    struct oid id;
    struct oid right;
    assert_ok(git_tree_id(entries, n, &id));
    assert_ok(oid_from_hex(wanted, strlen(wanted), &right));
    assert_true(oid_equal(&id, &right));
}

TEST(test_a_folder_has_the_id_that_git_gives_it)
{
    struct tree_entry one[] = {entry("deep/er/x", ENTRY_FILE, BLOB_A)};
    assert_id(one, 1, TREE_A);
    assert_id(NULL, 0, EMPTY);
}

TEST(test_names_are_in_gits_order_whatever_order_they_come_in)
{
    struct tree_entry some[] = {
        entry("a", ENTRY_DIRECTORY, TREE_A), entry("a-b", ENTRY_FILE, BLOB_A),
        entry("\xc3\xa4", ENTRY_FILE, BLOB_B), entry("a0", ENTRY_FILE, BLOB_B),
        entry("a.b", ENTRY_FILE, BLOB_A)};
    assert_id(some, 5, "d8d5b84440a4f2232c19536801b7ff32a352d67c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_folder_has_the_id_that_git_gives_it),
        cmocka_unit_test(test_names_are_in_gits_order_whatever_order_they_come_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
