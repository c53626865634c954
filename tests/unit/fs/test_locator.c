// SPDX-License-Identifier: Apache-2.0
// locator.c, snapshot.c and root_diff.c on a real tree store.
#include "fs/locator.h"
#include "fs/root_diff.h"
#include "fs/snapshot.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    char dir[64];
    struct event_loop *loop;
    struct worker_pool *pool;
    struct hub *hub;
    struct tree_store *tree;
    struct locator *locator;
    int64_t repo;
};

static enum err open_hub(struct world *world)
{
    struct hub_config config = {
        .endpoint = "https://hub.invalid", .offline = true, .user_agent = "test"};
    enum err err = event_loop_new(&world->loop);
    if (err == ERR_NONE) {
        err = worker_pool_new(1, "test", &world->pool);
    }
    if (err == ERR_NONE) {
        err = hub_open(&config, world->loop, world->pool, NULL, &world->hub);
    }
    return err;
}

static int setup(void **state)
{
    static struct world world;
    struct repo_id repo = {.kind = REPO_MODEL, .name = "alice/m"};
    world = (struct world){.dir = "/tmp/hugfs-snapshot-XXXXXX"};
    *state = &world;
    unsetenv("HF_TOKEN");
    setenv("HF_HOME", "/nonexistent", 1);
    if (mkdtemp(world.dir) == NULL || open_hub(&world) != ERR_NONE ||
        tree_store_open(world.dir, NULL, &world.tree) != ERR_NONE ||
        locator_new(world.hub, world.tree, "http://hub", &world.locator) != ERR_NONE) {
        return -1;
    }
    return locator_row(world.locator, &repo, &world.repo) == ERR_NONE ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *world = *state;
    locator_free(world->locator);
    tree_store_close(world->tree);
    hub_close(world->hub);
    worker_pool_free(world->pool);
    event_loop_free(world->loop);
    DIR *dir = opendir(world->dir);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return rmdir(world->dir);
}

static struct oid oid_of(uint8_t first)
{
    return (struct oid){{first}};
}

static struct tree_entry entry_of(const char *path, enum entry_kind kind, uint8_t oid)
{
    return (struct tree_entry){.path = path, .kind = kind, .oid = oid_of(oid), .size = 1};
}

static uint64_t add_commit(struct world *world, uint8_t commit)
{
    uint64_t root = 0;
    struct oid oid = oid_of(commit);
    assert_int_equal(
        tree_store_root(world->tree, world->repo, &oid, 1000 + commit, &root), ERR_NONE);
    return root;
}

static void put(struct world *world, uint64_t dir, const struct tree_entry *entries,
                size_t n)
{
    size_t duplicates = 0;
    assert_int_equal(tree_store_put_page(world->tree, dir, entries, n, NULL, &duplicates),
                     ERR_NONE);
}

static uint64_t lookup(struct world *world, uint64_t dir, const char *name)
{
    struct tree_node node;
    assert_int_equal(tree_store_lookup(world->tree, dir, name, strlen(name), &node),
                     ERR_NONE);
    return node.ino;
}

static uint8_t locate(struct world *world, uint64_t ino, const char *expected_path)
{
    struct location at;
    assert_int_equal(locator_find(world->locator, ino, &at), ERR_NONE);
    assert_string_equal(at.path, expected_path);
    assert_string_equal(at.source.repo.name, "alice/m");
    assert_int_equal(at.row, world->repo);
    location_release(&at);
    return at.source.sha.bytes[0];
}

static void a_node_is_located_at_the_newest_commit_that_has_it(void **state)
{
    struct world *world = *state;
    uint64_t first = add_commit(world, 1);
    struct tree_entry before[] = {entry_of("same", ENTRY_FILE, 10),
                                  entry_of("changed", ENTRY_FILE, 11)};
    put(world, first, before, 2);
    uint64_t second = add_commit(world, 2);
    struct tree_entry after[] = {entry_of("same", ENTRY_FILE, 10),
                                 entry_of("changed", ENTRY_FILE, 12)};
    put(world, second, after, 2);
    assert_int_equal(locate(world, lookup(world, first, "same"), "same"), 2);
    assert_int_equal(locate(world, lookup(world, first, "changed"), "changed"), 1);
    assert_int_equal(locate(world, lookup(world, second, "changed"), "changed"), 2);
    assert_int_equal(locate(world, first, ""), 1);
    assert_int_equal(locate(world, second, ""), 2);
}

static void a_node_below_folders_is_located_with_its_path(void **state)
{
    struct world *world = *state;
    uint64_t root = add_commit(world, 1);
    struct tree_entry top[] = {entry_of("a", ENTRY_DIRECTORY, 20)};
    put(world, root, top, 1);
    uint64_t folder = lookup(world, root, "a");
    struct tree_entry below[] = {entry_of("a/b", ENTRY_FILE, 21)};
    put(world, folder, below, 1);
    assert_int_equal(locate(world, lookup(world, folder, "b"), "a/b"), 1);
}

static void a_node_whose_mode_was_told_later_is_still_located(void **state)
{
    struct world *world = *state;
    uint64_t root = add_commit(world, 1);
    struct tree_entry top[] = {entry_of("run", ENTRY_FILE, 30)};
    put(world, root, top, 1);
    uint64_t old = lookup(world, root, "run");
    struct tree_entry told = entry_of("run", ENTRY_FILE, 30);
    told.executable = true;
    assert_int_equal(tree_store_set_mode(world->tree, root, &told), ERR_NONE);
    uint64_t new = lookup(world, root, "run");
    assert_int_not_equal(old, new);
    assert_int_equal(locate(world, old, "run"), 1);
    assert_int_equal(locate(world, new, "run"), 1);
}

static void a_mode_of_another_version_changes_nothing(void **state)
{
    struct world *world = *state;
    uint64_t root = add_commit(world, 1);
    struct tree_entry top[] = {entry_of("run", ENTRY_FILE, 30)};
    put(world, root, top, 1);
    uint64_t old = lookup(world, root, "run");
    struct tree_entry told = entry_of("run", ENTRY_SYMLINK, 31);
    assert_int_equal(tree_store_set_mode(world->tree, root, &told), ERR_NONE);
    assert_int_equal(lookup(world, root, "run"), old);
    told = entry_of("none", ENTRY_SYMLINK, 31);
    assert_int_equal(tree_store_set_mode(world->tree, root, &told), ERR_ABSENT);
}

static void an_unknown_number_is_stale(void **state)
{
    struct world *world = *state;
    struct location at;
    assert_int_equal(locator_find(world->locator, 12345, &at), ERR_STALE);
}

static void a_commit_that_is_shown_is_preferred_to_a_newer_one(void **state)
{
    struct world *world = *state;
    struct tree_entry same[] = {entry_of("same", ENTRY_FILE, 10)};
    struct oid first_id = oid_of(1);
    uint64_t first = add_commit(world, 1);
    put(world, first, same, 1);
    uint64_t second = add_commit(world, 2);
    put(world, second, same, 1);
    assert_int_equal(locate(world, lookup(world, first, "same"), "same"), 2);
    locator_prefer(world->locator, world->repo, &first_id, first);
    assert_int_equal(locate(world, lookup(world, first, "same"), "same"), 1);
    assert_int_equal(locate(world, second, ""), 2);
}

static void distrust(struct world *world, uint8_t commit)
{
    struct oid oid = oid_of(commit);
    locator_distrust(world->locator, world->repo, &oid);
}

// Commits 1 to n with the same file in each; its number.
static uint64_t add_commits_with_one_file(struct world *world, uint8_t n)
{
    struct tree_entry file[] = {entry_of("same", ENTRY_FILE, 100)};
    uint64_t root = 0;
    for (uint8_t commit = 1; commit <= n; commit++) {
        root = add_commit(world, commit);
        put(world, root, file, 1);
    }
    uint64_t same = lookup(world, root, "same");
    assert_int_equal(locate(world, same, "same"), n);
    return same;
}

static void a_commit_that_the_hub_has_no_more_is_not_chosen(void **state)
{
    struct world *world = *state;
    struct location at;
    uint64_t same = add_commits_with_one_file(world, 3);
    distrust(world, 3);
    assert_int_equal(locate(world, same, "same"), 2);
    distrust(world, 2);
    assert_int_equal(locate(world, same, "same"), 1);
    distrust(world, 1);
    assert_int_equal(locator_find(world->locator, same, &at), ERR_STALE);
}

static void a_commit_that_is_shown_again_is_trusted_again(void **state)
{
    struct world *world = *state;
    struct oid first_id = oid_of(1);
    uint64_t same = add_commits_with_one_file(world, 2);
    uint64_t first = add_commit(world, 1); // known already
    locator_prefer(world->locator, world->repo, &first_id, first);
    assert_int_equal(locate(world, same, "same"), 1);
    distrust(world, 1);
    assert_int_equal(locate(world, same, "same"), 2);
    locator_prefer(world->locator, world->repo, &first_id, first);
    assert_int_equal(locate(world, same, "same"), 1);
    distrust(world, 2);
    assert_int_equal(locate(world, same, "same"), 1);
}

static void only_the_last_eight_that_are_gone_are_remembered(void **state)
{
    struct world *world = *state;
    uint64_t same = add_commits_with_one_file(world, 10);
    for (uint8_t commit = 1; commit <= 10; commit++) {
        distrust(world, commit);
    }
    assert_int_equal(locate(world, same, "same"), 2);
}

static void a_commit_that_is_found_gone_again_and_again_counts_once(void **state)
{
    struct world *world = *state;
    uint64_t same = add_commits_with_one_file(world, 3);
    distrust(world, 3);
    for (int i = 0; i < 20; i++) {
        distrust(world, 2);
    }
    assert_int_equal(locate(world, same, "same"), 1);
}

static void a_node_is_found_behind_a_thousand_newer_commits(void **state)
{
    struct world *world = *state;
    struct tree_entry old[] = {entry_of("old", ENTRY_FILE, 10)};
    struct tree_entry new[] = {entry_of("new", ENTRY_FILE, 11)};
    uint64_t first = add_commit(world, 1);
    put(world, first, old, 1);
    for (int i = 0; i < 1000; i++) {
        struct oid oid = {{2, (uint8_t)(i & 255), (uint8_t)(i >> 8)}};
        uint64_t root = 0;
        assert_int_equal(tree_store_root(world->tree, world->repo, &oid, 1, &root),
                         ERR_NONE);
        put(world, root, new, 1);
    }
    assert_int_equal(locate(world, lookup(world, first, "old"), "old"), 1);
}

static void what_another_token_listed_is_stale(void **state)
{
    struct world *world = *state;
    struct repo_id repo = {.kind = REPO_MODEL, .name = "alice/m"};
    struct oid oid = oid_of(1);
    struct location at;
    int64_t row = 0;
    uint64_t root = 0;
    assert_int_equal(
        tree_store_repo(world->tree, "http://hub", &repo, "0123456789abcdef", &row),
        ERR_NONE);
    assert_int_equal(tree_store_root(world->tree, row, &oid, 1, &root), ERR_NONE);
    assert_int_equal(locator_find(world->locator, root, &at), ERR_STALE);
}

static void what_another_endpoint_listed_is_stale(void **state)
{
    struct world *world = *state;
    struct repo_id repo = {.kind = REPO_MODEL, .name = "alice/m"};
    struct oid oid = oid_of(1);
    struct location at;
    int64_t row = 0;
    uint64_t root = 0;
    assert_int_equal(tree_store_repo(world->tree, "http://other", &repo, "", &row),
                     ERR_NONE);
    assert_int_equal(tree_store_root(world->tree, row, &oid, 1, &root), ERR_NONE);
    assert_int_equal(locator_find(world->locator, root, &at), ERR_STALE);
}

static void a_view_is_what_was_published_last(void **state)
{
    struct snapshot *snapshot = NULL;
    (void)state;
    assert_int_equal(snapshot_new(&snapshot), ERR_NONE);
    struct snapshot_view view = {
        .commit = oid_of(1), .repo_root = 5, .root = 6, .date_s = 7};
    snapshot_publish(snapshot, &view);
    view.root = 8;
    snapshot_publish(snapshot, &view);
    struct snapshot_view got;
    snapshot_current(snapshot, &got);
    assert_int_equal(got.root, 8);
    assert_int_equal(got.date_s, 7);
    snapshot_free(snapshot);
}

static void note_name(void *ctx, const char *name)
{
    char *names = ctx;
    size_t len = strlen(names);
    snprintf(names + len, 64 - len, "%s,", name);
}

static void only_names_that_differ_are_told(void **state)
{
    struct world *world = *state;
    uint64_t first = add_commit(world, 1);
    struct tree_entry before[] = {entry_of("same", ENTRY_FILE, 10),
                                  entry_of("changed", ENTRY_FILE, 11),
                                  entry_of("gone", ENTRY_FILE, 12)};
    put(world, first, before, 3);
    uint64_t second = add_commit(world, 2);
    struct tree_entry after[] = {entry_of("added", ENTRY_FILE, 13),
                                 entry_of("changed", ENTRY_FILE, 14),
                                 entry_of("same", ENTRY_FILE, 10)};
    put(world, second, after, 3);
    char names[64] = "";
    assert_int_equal(root_diff(world->tree, first, second, note_name, names), ERR_NONE);
    assert_int_equal(strlen(names), strlen("changed,gone,added,"));
    assert_non_null(strstr(names, "changed,"));
    assert_non_null(strstr(names, "gone,"));
    assert_non_null(strstr(names, "added,"));
    names[0] = '\0';
    assert_int_equal(root_diff(world->tree, second, second, note_name, names), ERR_NONE);
    assert_string_equal(names, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_node_is_located_at_the_newest_commit_that_has_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_below_folders_is_located_with_its_path,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_whose_mode_was_told_later_is_still_located,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_mode_of_another_version_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_unknown_number_is_stale, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_commit_that_is_shown_is_preferred_to_a_newer_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_commit_that_the_hub_has_no_more_is_not_chosen,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_commit_that_is_shown_again_is_trusted_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_last_eight_that_are_gone_are_remembered,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_commit_that_is_found_gone_again_and_again_counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_is_found_behind_a_thousand_newer_commits,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_another_token_listed_is_stale, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_another_endpoint_listed_is_stale, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_view_is_what_was_published_last, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(only_names_that_differ_are_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
