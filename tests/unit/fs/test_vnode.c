// SPDX-License-Identifier: Apache-2.0
// Virtual nodes: found again by name while the kernel remembers them, gone afterwards, and
// never more rendered bytes than there is room for.
#include "fs/vnode.h"

#include "fs/ino.h"
#include "tests/unit/unit_test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const struct vnode_type folder = {.name = "folder", .mode = S_IFDIR | 0555};
static const struct vnode_type other_folder = {.name = "other", .mode = S_IFDIR | 0555};
static const struct vnode_type file = {.name = "file", .mode = S_IFREG | 0444};

static struct vnodes *made(void)
{
    struct vnodes *vnodes = NULL;
    assert_ok(vnodes_new(&vnodes));
    return vnodes;
}

static struct vnode *enter(struct vnodes *vnodes, uint64_t parent, const char *name,
                           const struct vnode_type *type, const char *text)
{
    struct vnode *node = NULL;
    assert_ok(vnodes_enter(vnodes, parent, name, strlen(name), type, NULL, text, &node));
    return node;
}

static struct vnode *render(struct vnodes *vnodes, const char *text)
{
    AUTO(buffer) struct buffer bytes = buffer_init(1 << 20);
    struct vnode *node = NULL;
    assert_ok(buffer_append(&bytes, text, strlen(text)));
    assert_ok(vnodes_render(vnodes, INO_ROOT, &file, &bytes, &node));
    vnodes_put(vnodes, node); // the kernel remembers it
    return node;
}

TEST(test_a_name_leads_to_the_same_node_while_it_is_remembered)
{
    struct vnodes *vnodes = made();
    const struct vnode *node = enter(vnodes, INO_ROOT, "models", &folder, NULL);
    uint64_t ino = node->ino;
    assert_ptr_equal(enter(vnodes, INO_ROOT, "models", &folder, NULL), node);
    assert_true(ino > INO_ROOT && !ino_is_stored(ino));
    assert_int_equal(vnodes_count(vnodes), 1);
    vnodes_forget(vnodes, ino, 1);
    assert_int_equal(vnodes_count(vnodes), 1);
    vnodes_forget(vnodes, ino, 1);
    assert_int_equal(vnodes_count(vnodes), 0);
    assert_null(vnodes_get(vnodes, ino));
    vnodes_free(vnodes);
}

TEST(test_a_name_in_another_folder_is_another_node)
{
    struct vnodes *vnodes = made();
    const struct vnode *here = enter(vnodes, 2, "acme", &folder, NULL);
    assert_int_not_equal(enter(vnodes, 3, "acme", &folder, NULL)->ino, here->ino);
    assert_int_not_equal(enter(vnodes, 2, "acm", &folder, NULL)->ino, here->ino);
    assert_int_equal(vnodes_count(vnodes), 3);
    vnodes_free(vnodes);
}

TEST(test_a_node_keeps_what_it_is_about)
{
    struct vnodes *vnodes = made();
    struct vnode_subject subject = {
        .repo = {REPO_DATASET, "acme"}, .dir = 17, .number = 3, .text = "main"};
    struct vnode *node = NULL;
    assert_ok(vnodes_enter(vnodes, INO_ROOT, "x", 1, &folder, &subject, NULL, &node));
    struct vnode *got = vnodes_get(vnodes, node->ino);
    assert_ptr_equal(got, node);
    assert_string_equal(got->subject.repo.name, "acme");
    assert_int_equal(got->subject.repo.kind, REPO_DATASET);
    assert_int_equal(got->subject.dir, 17);
    assert_string_equal(got->subject.text, "main");
    assert_int_equal(got->parent, INO_ROOT);
    vnodes_put(vnodes, got);
    vnodes_free(vnodes);
}

TEST(test_a_name_that_became_something_else_is_a_new_node_and_the_old_one_stays)
{
    struct vnodes *vnodes = made();
    uint64_t old = enter(vnodes, 2, "m", &folder, NULL)->ino;
    uint64_t new = enter(vnodes, 2, "m", &other_folder, NULL)->ino;
    assert_int_not_equal(old, new);
    struct vnode *kept = vnodes_get(vnodes, old);
    assert_non_null(kept);
    assert_ptr_equal(kept->type, &folder);
    vnodes_put(vnodes, kept);
    assert_int_equal(enter(vnodes, 2, "m", &other_folder, NULL)->ino, new);
    vnodes_forget(vnodes, old, 1);
    assert_int_equal(enter(vnodes, 2, "m", &other_folder, NULL)->ino, new);
    assert_int_equal(vnodes_count(vnodes), 1);
    vnodes_free(vnodes);
}

TEST(test_a_symlink_to_elsewhere_is_a_new_node)
{
    struct vnodes *vnodes = made();
    const struct vnode *first = enter(vnodes, 2, "old", &vnode_symlink, "new");
    const struct vnode *second = enter(vnodes, 2, "old", &vnode_symlink, "../bob/new");
    assert_int_not_equal(first->ino, second->ino);
    assert_string_equal(first->text, "new");
    assert_int_equal(second->size, strlen("../bob/new"));
    assert_ptr_equal(enter(vnodes, 2, "old", &vnode_symlink, "new"), first);
    vnodes_free(vnodes);
}

// A text is part of what a node is found by, and no part of its name.
TEST(test_a_name_and_a_text_are_told_apart)
{
    struct vnodes *vnodes = made();
    uint64_t inos[] = {
        enter(vnodes, 2, "a", &vnode_symlink, "bc")->ino,
        enter(vnodes, 2, "ab", &vnode_symlink, "c")->ino,
        enter(vnodes, 2, "abc", &vnode_symlink, "")->ino,
        enter(vnodes, 2, "abc", &folder, NULL)->ino,
    };
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(inos[i], inos[j]);
        }
    }
    vnodes_free(vnodes);
}

TEST(test_a_node_that_somebody_works_on_outlives_the_kernels_memory)
{
    struct vnodes *vnodes = made();
    uint64_t ino = enter(vnodes, 2, "acme", &folder, NULL)->ino;
    struct vnode *held = vnodes_get(vnodes, ino);
    vnodes_forget(vnodes, ino, 1);
    assert_ptr_equal(held->type, &folder);
    // Named again meanwhile, it is the same one.
    assert_ptr_equal(enter(vnodes, 2, "acme", &folder, NULL), held);
    vnodes_put(vnodes, held);
    assert_int_equal(vnodes_count(vnodes), 1);
    vnodes_forget(vnodes, ino, 7); // more than were told
    assert_int_equal(vnodes_count(vnodes), 0);
    vnodes_free(vnodes);
}

TEST(test_the_root_is_number_1_for_good)
{
    struct vnodes *vnodes = made();
    assert_ok(vnodes_make_root(vnodes, &folder));
    vnodes_forget(vnodes, INO_ROOT, 3);
    struct vnode *root = vnodes_get(vnodes, INO_ROOT);
    assert_non_null(root);
    vnodes_put(vnodes, root);
    assert_non_null(vnodes_get(vnodes, INO_ROOT));
    vnodes_free(vnodes);
}

// ------------------------------------------------------------------------- rendered files

TEST(test_a_file_is_new_each_time_it_is_rendered)
{
    struct vnodes *vnodes = made();
    const struct vnode *first = render(vnodes, "one\n");
    const struct vnode *second = render(vnodes, "one\n");
    assert_int_not_equal(first->ino, second->ino);
    assert_int_equal(first->size, 4);
    assert_string_equal(second->text, "one\n");
    assert_int_equal(render(vnodes, "")->size, 0);
    vnodes_free(vnodes);
}

TEST(test_of_too_many_rendered_files_those_used_least_lately_go)
{
    struct vnodes *vnodes = made();
    enum { MANY = 5000 };
    uint64_t first = render(vnodes, "first")->ino;
    uint64_t second = render(vnodes, "second")->ino;
    struct vnode *held = vnodes_get(vnodes, render(vnodes, "held")->ino);
    enter(vnodes, 2, "acme", &folder, NULL); // folders stay
    for (int i = 0; i < MANY; i++) {
        struct vnode *used = vnodes_get(vnodes, first);
        assert_non_null(used);
        vnodes_put(vnodes, used);
        render(vnodes, "x");
    }
    size_t n = vnodes_count(vnodes);
    assert_true(n > 100 && n < MANY);
    assert_null(vnodes_get(vnodes, second));
    assert_string_equal(held->text, "held");
    vnodes_put(vnodes, held);
    vnodes_forget(vnodes, second, 1); // the kernel does not know
    assert_int_equal(vnodes_count(vnodes), n);
    vnodes_free(vnodes);
}

TEST(test_rendered_files_in_use_are_kept_and_more_are_refused)
{
    struct vnodes *vnodes = made();
    AUTO(buffer) struct buffer bytes = buffer_init(16);
    struct vnode *node = NULL;
    struct vnode *first = NULL;
    enum err err = ERR_NONE;
    assert_ok(buffer_append(&bytes, "x", 1));
    assert_ok(vnodes_render(vnodes, INO_ROOT, &file, &bytes, &first));
    for (size_t n = 0; n < 100000 && err == ERR_NONE; n++) {
        err = vnodes_render(vnodes, INO_ROOT, &file, &bytes, &node);
    }
    assert_err(err, ERR_BUSY);
    vnodes_put(vnodes, first);
    assert_ok(vnodes_render(vnodes, INO_ROOT, &file, &bytes, &node));
    assert_err(vnodes_render(vnodes, INO_ROOT, &file, &bytes, &node), ERR_BUSY);
    vnodes_free(vnodes);
}

TEST(test_large_rendered_files_are_kept_while_they_may_be_read)
{
    struct vnodes *vnodes = made();
    enum { MIB = 1 << 20, CEILING_MIB = 64 };
    AUTO(buffer) struct buffer bytes = buffer_init(MIB);
    AUTO_FREE char *block = calloc(1, MIB);
    struct vnode *node = NULL;
    uint64_t last = 0;
    size_t n = 0;
    assert_non_null(block);
    memset(block, 'x', MIB);
    assert_ok(buffer_append(&bytes, block, MIB));
    while (n < CEILING_MIB &&
           vnodes_render(vnodes, INO_ROOT, &file, &bytes, &node) == ERR_NONE) {
        last = node->ino;
        vnodes_put(vnodes, node);
        n++;
    }
    assert_true(n > 0 && n < CEILING_MIB);
    vnodes_forget(vnodes, last, 1);
    assert_ok(vnodes_render(vnodes, INO_ROOT, &file, &bytes, &node));
    vnodes_free(vnodes);
}

// -------------------------------------------------------------------------------- threads

static void *work(void *ctx)
{
    struct vnodes *vnodes = ctx;
    for (int i = 0; i < 2000; i++) {
        struct vnode *node = NULL;
        char name[] = {'m', (char)('0' + i % 3)};
        if (vnodes_enter(vnodes, 2, name, sizeof(name), &folder, NULL, NULL, &node) !=
            ERR_NONE) {
            return ctx;
        }
        struct vnode *held = vnodes_get(vnodes, node->ino);
        if (held != node || held->type != &folder) {
            return ctx;
        }
        vnodes_forget(vnodes, node->ino, 1);
        vnodes_put(vnodes, held);
    }
    return NULL;
}

TEST(test_a_node_lives_while_one_of_several_threads_has_it)
{
    struct vnodes *vnodes = made();
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, vnodes), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(vnodes_count(vnodes), 0);
    vnodes_free(vnodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_leads_to_the_same_node_while_it_is_remembered),
        cmocka_unit_test(test_a_name_in_another_folder_is_another_node),
        cmocka_unit_test(test_a_node_keeps_what_it_is_about),
        cmocka_unit_test(
            test_a_name_that_became_something_else_is_a_new_node_and_the_old_one_stays),
        cmocka_unit_test(test_a_symlink_to_elsewhere_is_a_new_node),
        cmocka_unit_test(test_a_name_and_a_text_are_told_apart),
        cmocka_unit_test(test_a_node_that_somebody_works_on_outlives_the_kernels_memory),
        cmocka_unit_test(test_the_root_is_number_1_for_good),
        cmocka_unit_test(test_a_file_is_new_each_time_it_is_rendered),
        cmocka_unit_test(test_of_too_many_rendered_files_those_used_least_lately_go),
        cmocka_unit_test(test_rendered_files_in_use_are_kept_and_more_are_refused),
        cmocka_unit_test(test_large_rendered_files_are_kept_while_they_may_be_read),
        cmocka_unit_test(test_a_node_lives_while_one_of_several_threads_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
