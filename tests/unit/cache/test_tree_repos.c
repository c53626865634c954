// SPDX-License-Identifier: Apache-2.0
// What the tree store knows of a repository without being told which: its name from its row,
// its commits, its refs, and which repositories have been looked into.
#include "tree_fixture.h"

struct seen {
    char text[4096];
    uint64_t last;
    size_t n;
    size_t stop_after; // 0 = never
};

static void note(struct seen *seen, const char *text)
{
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof(seen->text) - len, "%s ", text);
}

static bool see_repo(void *ctx, int64_t row, const struct repo_id *repo)
{
    struct seen *seen = ctx;
    assert_true(row > 0);
    note(seen, repo->name);
    return ++seen->n != seen->stop_after;
}

static bool see_ref(void *ctx, const char *revision, const struct tree_ref *ref)
{
    struct seen *seen = ctx;
    struct oid want = oid_number((uint64_t)ref->date_s);
    assert_true(oid_equal(&ref->sha, &want));
    note(seen, revision);
    return ++seen->n != seen->stop_after;
}

static bool see_commit(void *ctx, const struct oid *commit, uint64_t root_ino,
                       int64_t date_s)
{
    struct seen *seen = ctx;
    struct oid want = oid_number((uint64_t)date_s - 1000); // as root_of() makes them
    assert_true(oid_equal(commit, &want));
    assert_true(seen->n == 0 || root_ino < seen->last);
    seen->last = root_ino;
    return ++seen->n != seen->stop_after;
}

TEST(test_a_row_tells_its_repository_and_fingerprint)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    struct repo_id repo = {REPO_DATASET, "org/data"};
    struct repo_id got = {REPO_SPACE, "untouched"};
    char fingerprint[TREE_FINGERPRINT_SIZE] = "untouched";
    int64_t row = 0;
    int64_t found = 77;
    assert_err(tree_store_find_repo(store, "https://hub", &repo, "", &found), ERR_ABSENT);
    assert_int_equal(found, 77);
    assert_ok(tree_store_repo(store, "https://hub", &repo, "0123456789abcdef", &row));
    assert_err(tree_store_repo(store, "https://hub", &repo, "0123456789abcdef0", &found),
               ERR_TOO_LARGE);
    assert_err(tree_store_find_repo(store, "https://hub", &repo, "", &found), ERR_ABSENT);
    assert_ok(
        tree_store_find_repo(store, "https://hub", &repo, "0123456789abcdef", &found));
    assert_int_equal(found, row);
    assert_err(tree_store_get_repo(store, "https://hub", row + 1, &got, fingerprint),
               ERR_STALE);
    assert_err(tree_store_get_repo(store, "https://other", row, &got, fingerprint),
               ERR_STALE);
    assert_string_equal(got.name, "untouched");
    assert_string_equal(fingerprint, "untouched");
    assert_ok(tree_store_get_repo(store, "https://hub", row, &got, fingerprint));
    assert_true(repo_id_equal(&got, &repo));
    assert_string_equal(fingerprint, "0123456789abcdef");
    tree_store_close(store);
    scratch_remove(&scratch);
}

// Changes a name of the file at its `which`th place: in the table or in the index.
static void rename_in_file(const char *dir, const char *from, const char *to,
                           size_t which)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/tree.db", dir);
    AUTO(buffer) struct buffer file = buffer_init(1 << 20);
    assert_ok(file_read_all(path, NULL, &file));
    size_t len = strlen(from);
    size_t at = 0;
    for (; at + len <= file.len; at++) {
        if (memcmp(file.bytes + at, from, len) == 0 && which-- == 0) {
            break;
        }
    }
    assert_true(at + len <= file.len);
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(file_pwrite(fd, to, len, at));
}

TEST(test_a_row_with_a_flipped_bit_does_not_become_another_repository)
{
    for (size_t which = 0; which < 2; which++) {
        struct scratch scratch = scratch_make();
        struct tree_store *store = open_names(scratch.dir);
        struct tree_entry page[] = {a_file("a", 1)};
        int64_t row = row_of(store, "org/name");
        assert_ok(tree_store_put_page(store, root_of(store, 1), page, 1, NULL, NULL));
        tree_store_close(store);
        rename_in_file(scratch.dir, "org/name", "org/mame", which);
        store = open_names(scratch.dir);
        struct repo_id got;
        char fingerprint[TREE_FINGERPRINT_SIZE];
        struct seen seen = {0};
        assert_err(tree_store_get_repo(store, "https://hub", row, &got, fingerprint),
                   ERR_DAMAGED);
        assert_err(
            tree_store_repos(store, "https://hub", "fp", REPO_MODEL, see_repo, &seen),
            ERR_DAMAGED);
        assert_int_equal(seen.n, 0);
        tree_store_close(store);
        scratch_remove(&scratch);
    }
}

static void look_into(struct tree_store *store, const char *endpoint, enum repo_kind kind,
                      const char *name, const char *fingerprint, bool looked)
{
    struct repo_id repo = {.kind = kind};
    struct tree_entry page[] = {a_file("a", 1)};
    struct oid sha = oid_number(9);
    int64_t row = 0;
    uint64_t root = 0;
    snprintf(repo.name, sizeof(repo.name), "%s", name);
    assert_ok(tree_store_repo(store, endpoint, &repo, fingerprint, &row));
    assert_ok(tree_store_root(store, row, &sha, 1, &root));
    if (looked) {
        assert_ok(tree_store_put_page(store, root, page, 1, "next", NULL));
    }
}

TEST(test_repositories_that_were_looked_into_come_in_order_of_name)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    look_into(store, "https://hub", REPO_MODEL, "org/zebra", "fp", true);
    look_into(store, "https://hub", REPO_MODEL, "org/apple", "fp", true);
    look_into(store, "https://hub", REPO_MODEL, "gpt2", "fp", true);
    look_into(store, "https://hub", REPO_MODEL, "org/only-asked", "fp", false);
    look_into(store, "https://hub", REPO_MODEL, "org/of-another", "other", true);
    look_into(store, "https://else", REPO_MODEL, "org/elsewhere", "fp", true);
    look_into(store, "https://hub", REPO_DATASET, "org/data", "fp", true);
    struct seen all = {0};
    struct seen two = {.stop_after = 2};
    struct seen data = {0};
    struct seen none = {0};
    assert_ok(tree_store_repos(store, "https://hub", "fp", REPO_MODEL, see_repo, &all));
    assert_string_equal(all.text, "gpt2 org/apple org/zebra ");
    assert_ok(tree_store_repos(store, "https://hub", "fp", REPO_MODEL, see_repo, &two));
    assert_string_equal(two.text, "gpt2 org/apple ");
    assert_ok(
        tree_store_repos(store, "https://hub", "fp", REPO_DATASET, see_repo, &data));
    assert_string_equal(data.text, "org/data ");
    assert_ok(tree_store_repos(store, "https://hub", "fp", REPO_SPACE, see_repo, &none));
    assert_int_equal(none.n, 0);
    tree_store_close(store);
    scratch_remove(&scratch);
}

TEST(test_the_commit_learned_last_comes_first)
{
    enum { COMMITS = 300 };
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    uint64_t newest = 0;
    for (uint64_t i = 0; i < COMMITS; i++) {
        newest = root_of(store, mix(i) % 1000000); // dates in no order
    }
    int64_t other = row_of(store, "org/other");
    struct seen all = {0};
    struct seen one = {.stop_after = 1};
    struct seen none = {0};
    int64_t row = row_of(store, "org/name");
    assert_ok(tree_store_commits(store, row, see_commit, &all));
    assert_int_equal(all.n, COMMITS);
    assert_ok(tree_store_commits(store, row, see_commit, &one));
    assert_int_equal(one.n, 1);
    assert_int_equal(one.last, newest);
    assert_ok(tree_store_commits(store, other, see_commit, &none));
    assert_int_equal(none.n, 0);
    tree_store_close(store);
    scratch_remove(&scratch);
}

TEST(test_a_commit_with_a_flipped_bit_is_damage_and_not_another_commit)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    root_of(store, 1);
    tree_store_close(store);
    run_sql(scratch.dir, "UPDATE commit_ SET sha=zeroblob(20)");
    store = open_names(scratch.dir);
    struct seen seen = {0};
    assert_err(tree_store_commits(store, row_of(store, "org/name"), see_commit, &seen),
               ERR_DAMAGED);
    assert_int_equal(seen.n, 0);
    tree_store_close(store);
    scratch_remove(&scratch);
}

static void put_ref(struct tree_store *store, int64_t row, const char *name,
                    uint64_t commit)
{
    struct tree_ref ref = {oid_number(commit), 5, (int64_t)commit, "org/Name", false};
    assert_ok(tree_store_put_ref(store, row, name, &ref));
}

TEST(test_refs_come_in_order_of_name_and_can_be_dropped)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    int64_t row = row_of(store, "org/name");
    put_ref(store, row, "v1.0", 1);
    put_ref(store, row, "main", 2);
    put_ref(store, row, "refs/pr/1", 3);
    put_ref(store, row, "Dev", 4);
    put_ref(store, row_of(store, "org/other"), "theirs", 5);
    struct seen all = {0};
    struct seen two = {.stop_after = 2};
    struct seen rest = {0};
    assert_ok(tree_store_refs(store, row, see_ref, &all));
    assert_string_equal(all.text, "Dev main refs/pr/1 v1.0 ");
    assert_ok(tree_store_refs(store, row, see_ref, &two));
    assert_string_equal(two.text, "Dev main ");
    struct tree_ref got;
    assert_ok(tree_store_drop_ref(store, row, "main"));
    assert_ok(tree_store_drop_ref(store, row, "main"));
    assert_ok(tree_store_drop_ref(store, row, "theirs")); // of another repository
    assert_err(tree_store_get_ref(store, row, "main", &got), ERR_ABSENT);
    assert_ok(tree_store_refs(store, row, see_ref, &rest));
    assert_string_equal(rest.text, "Dev refs/pr/1 v1.0 ");
    assert_ok(tree_store_get_ref(store, row_of(store, "org/other"), "theirs", &got));
    tree_store_close(store);
    scratch_remove(&scratch);
}

TEST(test_a_ref_of_impossible_bytes_is_damage)
{
    struct scratch scratch = scratch_make();
    struct tree_store *store = open_names(scratch.dir);
    int64_t row = row_of(store, "org/name");
    put_ref(store, row, "main", 2);
    tree_store_close(store);
    run_sql(scratch.dir, "UPDATE ref SET name=printf('%300d', 1)");
    store = open_names(scratch.dir);
    struct seen seen = {0};
    assert_err(tree_store_refs(store, row, see_ref, &seen), ERR_DAMAGED);
    assert_int_equal(seen.n, 0);
    tree_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_tells_its_repository_and_fingerprint),
        cmocka_unit_test(
            test_a_row_with_a_flipped_bit_does_not_become_another_repository),
        cmocka_unit_test(test_repositories_that_were_looked_into_come_in_order_of_name),
        cmocka_unit_test(test_the_commit_learned_last_comes_first),
        cmocka_unit_test(
            test_a_commit_with_a_flipped_bit_is_damage_and_not_another_commit),
        cmocka_unit_test(test_refs_come_in_order_of_name_and_can_be_dropped),
        cmocka_unit_test(test_a_ref_of_impossible_bytes_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
