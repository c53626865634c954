// SPDX-License-Identifier: Apache-2.0
// folder_stack.c on a real tree store.
#include "fs/folder_stack.h"

#include "fs/git_tree_id.h"
#include "tests/unit/unit_test.h"

#include <dirent.h>
#include <unistd.h>

struct world {
    char dir[64];
    struct tree_store *tree;
    uint64_t root;
    struct folder_stack stack;
};

static int setup(void **state)
{
    static struct world world;
    struct repo_id repo = {.kind = REPO_MODEL, .name = "alice/m"};
    struct oid commit = {{1}};
    int64_t row = 0;
    world = (struct world){.dir = "/tmp/hugfs-folders-XXXXXX"};
    *state = &world;
    if (mkdtemp(world.dir) == NULL ||
        tree_store_open(world.dir, NULL, &world.tree) != ERR_NONE ||
        tree_store_repo(world.tree, "http://hub", &repo, "", &row) != ERR_NONE ||
        tree_store_root(world.tree, row, &commit, 1, &world.root) != ERR_NONE) {
        return -1;
    }
    folder_stack_init(&world.stack, world.tree);
    return folder_stack_begin(&world.stack, world.root, "") == ERR_NONE ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *world = *state;
    folder_stack_release(&world->stack);
    tree_store_close(world->tree);
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

// What the repository holds: ids of folders are those of all that is here. A path that ends in a
// slash is a folder.
static const char *const tree[] = {"b/",  "b/y", "b/x/", "b/x/1", "b/z",   "f",    "a/",
                                   "a/1", "c/",  "c/1",  "two/",  "two/1", "two/2"};

enum { N_TREE = sizeof(tree) / sizeof(tree[0]) };

static void make_entry(const char *path, char copy[64], struct tree_entry *out);

static struct oid folder_id(const char *path, size_t len)
{
    struct tree_entry entries[N_TREE];
    char copies[N_TREE][64];
    struct oid id;
    size_t n = 0;
    for (size_t i = 0; i < N_TREE; i++) {
        const char *name = tree[i] + len;
        if (strncmp(tree[i], path, len) == 0 && *name != '\0' &&
            name[strcspn(name, "/")] ==
                (tree[i][strlen(tree[i]) - 1] == '/' ? '/' : '\0') &&
            name[strcspn(name, "/") + (strchr(name, '/') != NULL)] == '\0') {
            make_entry(tree[i], copies[n], &entries[n]);
            n++;
        }
    }
    assert_int_equal(git_tree_id(entries, n, &id), ERR_NONE);
    return id;
}

static void make_entry(const char *path, char copy[64], struct tree_entry *out)
{
    size_t len = strlen(path);
    bool is_folder = path[len - 1] == '/';
    snprintf(copy, 64, "%.*s", (int)(len - is_folder), path);
    *out = (struct tree_entry){.path = copy,
                               .kind = is_folder ? ENTRY_DIRECTORY : ENTRY_FILE};
    if (is_folder) {
        out->oid = folder_id(path, len);
    } else {
        uint32_t hash = hash_table_bytes(copy, strlen(copy));
        memcpy(out->oid.bytes, &hash, sizeof(hash));
    }
}

static enum err put(struct world *world, const char *path)
{
    char copy[64];
    struct tree_entry entry;
    make_entry(path, copy, &entry);
    return folder_stack_put(&world->stack, &entry);
}

static uint64_t find(struct world *world, const char *path)
{
    struct tree_node node = {.ino = world->root};
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        assert_int_equal(tree_store_lookup(world->tree, node.ino, path, len, &node),
                         ERR_NONE);
        path += len + (path[len] == '/');
    }
    return node.ino;
}

static bool append_name(void *ctx, uint64_t position, const char *name,
                        const struct tree_node *node)
{
    char *names = ctx;
    size_t len = strlen(names);
    (void)position;
    (void)node;
    snprintf(names + len, 128 - len, "%s ", name);
    return true;
}

static void assert_listed(struct world *world, const char *path, const char *names)
{
    char got[128] = "";
    struct tree_dir dir;
    uint64_t ino = find(world, path);
    assert_int_equal(tree_store_dir(world->tree, ino, &dir), ERR_NONE);
    assert_true(dir.complete);
    assert_int_equal(tree_store_list(world->tree, ino, 0, append_name, got), ERR_NONE);
    assert_string_equal(got, names);
}

static bool is_complete(struct world *world, const char *path)
{
    struct tree_dir dir = {.complete = false};
    return tree_store_dir(world->tree, find(world, path), &dir) == ERR_NONE &&
           dir.complete;
}

static void all_folders_are_complete_at_the_end_in_the_order_of_arrival(void **state)
{
    struct world *world = *state;
    const char *const paths[] = {"b/", "b/y", "b/x/", "b/x/1", "b/z", "f", "c/", "c/1"};
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(put(world, paths[i]), ERR_NONE);
    }
    assert_int_equal(folder_stack_end(&world->stack), ERR_NONE);
    assert_listed(world, "", "b f c ");
    assert_listed(world, "b", "y x z ");
    assert_listed(world, "b/x", "1 ");
    assert_listed(world, "c", "1 ");
}

static void a_folder_is_complete_as_soon_as_something_else_follows(void **state)
{
    struct world *world = *state;
    assert_int_equal(put(world, "a/"), ERR_NONE);
    assert_int_equal(put(world, "a/1"), ERR_NONE);
    assert_false(is_complete(world, "a"));
    assert_int_equal(put(world, "f"), ERR_NONE);
    assert_true(is_complete(world, "a"));
    assert_false(is_complete(world, ""));
}

static void breadth_first_order_stores_nothing_wrong(void **state)
{
    struct world *world = *state;
    assert_int_equal(put(world, "a/"), ERR_NONE);
    assert_int_equal(put(world, "b/"), ERR_UNSUPPORTED);
    assert_false(is_complete(world, "a"));
    assert_false(is_complete(world, ""));
}

static void
an_entry_of_a_folder_that_is_closed_is_noticed_and_nothing_wrong_is_stored(void **state)
{
    struct world *world = *state;
    assert_int_equal(put(world, "two/"), ERR_NONE);
    assert_int_equal(put(world, "two/1"), ERR_NONE);
    assert_int_equal(put(world, "a/"), ERR_NONE);
    assert_int_equal(put(world, "a/1"), ERR_NONE);
    assert_int_equal(put(world, "f"), ERR_NONE);
    assert_false(is_complete(world, "two"));
    assert_int_equal(put(world, "two/2"), ERR_UNSUPPORTED);
    assert_false(is_complete(world, "two"));
    assert_true(is_complete(world, "a"));
}

static void a_folder_of_another_id_is_complete_when_the_listing_has_ended(void **state)
{
    struct world *world = *state;
    const char *const paths[] = {"two/", "two/1", "b/", "b/x/", "b/x/1", "f"};
    for (size_t i = 0; i < 6; i++) { // as if the rest were executables
        assert_int_equal(put(world, paths[i]), ERR_NONE);
    }
    assert_false(is_complete(world, "two"));
    assert_false(is_complete(world, "b"));
    assert_true(is_complete(world, "b/x"));
    assert_int_equal(folder_stack_end(&world->stack), ERR_NONE);
    assert_listed(world, "two", "1 ");
    assert_listed(world, "b", "x ");
}

static void where_ids_are_always_others_it_ends(void **state)
{
    struct world *world = *state;
    enum err err = ERR_NONE;
    for (int i = 0; i < 1000 && err == ERR_NONE; i++) {
        char folder[32];
        char file[32];
        snprintf(folder, sizeof(folder), "%04d", i);
        snprintf(file, sizeof(file), "%04d/x", i);
        struct tree_entry top = {.path = folder, .kind = ENTRY_DIRECTORY, .oid = {{5}}};
        struct tree_entry in = {.path = file, .kind = ENTRY_FILE, .oid = {{6}}};
        memcpy(top.oid.bytes + 1, &i, sizeof(i));
        err = folder_stack_put(&world->stack, &top);
        err = err == ERR_NONE ? folder_stack_put(&world->stack, &in) : err;
    }
    assert_int_equal(err, ERR_UNSUPPORTED);
    assert_false(is_complete(world, "0000"));
}

static void an_entry_of_a_folder_that_was_never_told_is_noticed(void **state)
{
    struct world *world = *state;
    assert_int_equal(put(world, "a/"), ERR_NONE);
    assert_int_equal(put(world, "a/1"), ERR_NONE);
    assert_int_equal(put(world, "a/b/c"), ERR_UNSUPPORTED);
    assert_false(is_complete(world, "a"));
}

static void a_listing_that_ends_with_an_empty_folder_is_noticed(void **state)
{
    struct world *world = *state;
    assert_int_equal(put(world, "a/"), ERR_NONE);
    assert_int_equal(folder_stack_end(&world->stack), ERR_UNSUPPORTED);
    assert_false(is_complete(world, "a"));
}

static void an_empty_repository_is_complete(void **state)
{
    struct world *world = *state;
    assert_int_equal(folder_stack_end(&world->stack), ERR_NONE);
    assert_listed(world, "", "");
}

static void what_was_listed_before_stays_as_it_is(void **state)
{
    struct world *world = *state;
    struct tree_entry early = {.path = "z", .kind = ENTRY_FILE, .oid = {{9}}};
    size_t duplicates = 0;
    assert_int_equal(
        tree_store_put_page(world->tree, world->root, &early, 1, NULL, &duplicates),
        ERR_NONE);
    assert_int_equal(put(world, "a"), ERR_NONE);
    assert_int_equal(folder_stack_end(&world->stack), ERR_NONE);
    assert_true(is_complete(world, ""));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(all_folders_are_complete_at_the_end_in_the_order_of_arrival),
        IN_WORLD(a_folder_is_complete_as_soon_as_something_else_follows),
        IN_WORLD(breadth_first_order_stores_nothing_wrong),
        IN_WORLD(
            an_entry_of_a_folder_that_is_closed_is_noticed_and_nothing_wrong_is_stored),
        IN_WORLD(a_folder_of_another_id_is_complete_when_the_listing_has_ended),
        IN_WORLD(where_ids_are_always_others_it_ends),
        IN_WORLD(an_entry_of_a_folder_that_was_never_told_is_noticed),
        IN_WORLD(a_listing_that_ends_with_an_empty_folder_is_noticed),
        IN_WORLD(an_empty_repository_is_complete),
        IN_WORLD(what_was_listed_before_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
