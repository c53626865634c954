// SPDX-License-Identifier: Apache-2.0
// What commits are called; who waits for them.
#include "fs/commit_title.h"

#include "fs/commit_id.h"
#include "fs/commit_upload.h"
#include "fs/commit_waits.h"
#include "tests/unit/unit_test.h"

static char title[COMMIT_TITLE_MAX];

static const char *title_of(const struct overlay_item *items, size_t n)
{
    const struct overlay_item *list[16];
    for (size_t i = 0; i < n; i++) {
        list[i] = &items[i];
    }
    commit_title_of(list, n, title);
    return title;
}

TEST(test_one_change_is_told_by_its_name)
{
    struct overlay_item item = {.op = OVERLAY_PUT, .path = (char[]){"data/README.md"}};
    assert_string_equal(title_of(&item, 1), "Add data/README.md");
    item.under_exists = true;
    assert_string_equal(title_of(&item, 1), "Update data/README.md");
    item.op = OVERLAY_DELETE_FILE;
    assert_string_equal(title_of(&item, 1), "Delete data/README.md");
    item.op = OVERLAY_DELETE_FOLDER;
    assert_string_equal(title_of(&item, 1), "Delete folder data/README.md");
}

TEST(test_a_move_is_a_rename)
{
    struct overlay_item items[] = {
        {.op = OVERLAY_DELETE_FILE, .path = (char[]){"a"}, .under_exists = true},
        {.op = OVERLAY_PUT,
         .path = (char[]){"b"},
         .has_version = true,
         .version = {.path = (char[]){"a"}}},
    };
    assert_string_equal(title_of(items, 2), "Rename a to b");
    items[1].version.path = (char[]){"c"};
    assert_string_equal(title_of(items, 2), "Add 1 file, delete 1");
}

TEST(test_many_changes_are_counted)
{
    struct overlay_item items[5] = {{.op = OVERLAY_PUT},
                                    {.op = OVERLAY_PUT},
                                    {.op = OVERLAY_PUT, .under_exists = true},
                                    {.op = OVERLAY_DELETE_FILE, .under_exists = true},
                                    {.op = OVERLAY_DELETE_FILE, .under_exists = true}};
    assert_string_equal(title_of(items, 5), "Add 2 files, update 1, delete 2");
    assert_string_equal(title_of(items, 2), "Add 2 files");
    assert_string_equal(title_of(items + 2, 3), "Update 1 file, delete 2");
    assert_string_equal(title_of(items + 3, 2), "Delete 2 files");
}

TEST(test_long_and_odd_names_make_short_plain_titles)
{
    char path[600];
    memset(path, 'x', sizeof(path));
    path[300] = '/';
    path[310] = '\0';
    struct overlay_item item = {.op = OVERLAY_PUT, .path = path};
    assert_string_equal(title_of(&item, 1), "Add xxxxxxxxx");
    item.path = (char[]){"a\nb\x7f"};
    assert_string_equal(title_of(&item, 1), "Add a?b?");
}

TEST(test_names_are_never_cut_inside_a_character)
{
    char path[200] = "";
    for (size_t i = 0; i < 60; i++) {
        memcpy(path + 3 * i, "\xe2\x82\xac", 4);
    }
    struct overlay_item item = {.op = OVERLAY_PUT, .path = path};
    size_t len = strlen(title_of(&item, 1));
    assert_int_equal((len - strlen("Add ")) % 3, 0);
    assert_true(len < COMMIT_TITLE_MAX);
}

TEST(test_the_first_line_of_a_message_is_the_title)
{
    const char *rest = NULL;
    size_t len = 0;
    commit_message_split("\n  Fix it \r\n\n\nBecause\nof this.\n\n", title, &rest, &len);
    assert_string_equal(title, "Fix it ");
    assert_int_equal(len, strlen("Because\nof this."));
    assert_memory_equal(rest, "Because\nof this.", len);
    commit_message_split(" \n ", title, &rest, &len);
    assert_string_equal(title, "");
    assert_int_equal(len, 0);
}

// ------------------------------------------------------------------------------------- ids

TEST(test_ids_differ_and_are_found_by_their_trailer)
{
    char one[COMMIT_ID_SIZE];
    char two[COMMIT_ID_SIZE];
    char trailer[COMMIT_TRAILER_SIZE];
    commit_id_new(one);
    commit_id_new(two);
    assert_int_equal(strlen(one), 36);
    assert_int_equal(one[14], '4');
    assert_string_not_equal(one, two);
    commit_trailer(one, trailer);
    assert_int_equal(strncmp(trailer, "Hugfs-Commit: ", 14), 0);
    assert_string_equal(trailer + 14, one);
}

// `git hash-object` of a pointer file.
TEST(test_the_id_of_an_lfs_file_is_that_of_its_pointer)
{
    struct digest sha256;
    struct oid oid;
    char hex[OID_HEX_SIZE];
    sha256_of("hello\n", 6, &sha256);
    assert_ok(commit_pointer_oid(&sha256, 6, &oid));
    oid_to_hex(&oid, hex);
    assert_string_equal(hex, "fa61e1ef71c9908c0926776a4aa3504b3a27f159");
}

// ---------------------------------------------------------------------------------- waits

struct heard {
    unsigned n;
    enum err err;
};

static void on_heard(void *ctx, enum err err, const struct why *why)
{
    struct heard *heard = ctx;
    (void)why;
    heard->n++;
    heard->err = err;
}

TEST(test_who_waits_for_a_file_hears_of_it_alone)
{
    struct commit_waits waits = {NULL};
    struct heard file = {0};
    struct heard newer = {0};
    struct heard all = {0};
    struct overlay_item item = {.op = OVERLAY_PUT, .id = 7, .generation = 3};
    assert_ok(commit_waits_add(&waits, 7, 3, true, on_heard, &file));
    assert_ok(commit_waits_add(&waits, 7, 4, true, on_heard, &newer));
    assert_ok(commit_waits_add(&waits, 0, 0, false, on_heard, &all));
    commit_waits_call(commit_waits_settle(&waits, &item, ERR_NONE, NULL), ERR_NONE, NULL);
    assert_int_equal(file.n, 1);
    assert_err(file.err, ERR_NONE);
    assert_int_equal(newer.n + all.n, 0);
    item.generation = 4;
    commit_waits_call(commit_waits_settle(&waits, &item, ERR_CONFLICT, NULL), ERR_NONE,
                      NULL);
    assert_err(newer.err, ERR_CONFLICT);
    assert_int_equal(all.n, 0);
    commit_waits_call(commit_waits_take(&waits), ERR_NONE, NULL);
    assert_int_equal(all.n, 1);
    assert_err(all.err, ERR_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_change_is_told_by_its_name),
        cmocka_unit_test(test_a_move_is_a_rename),
        cmocka_unit_test(test_many_changes_are_counted),
        cmocka_unit_test(test_long_and_odd_names_make_short_plain_titles),
        cmocka_unit_test(test_names_are_never_cut_inside_a_character),
        cmocka_unit_test(test_the_first_line_of_a_message_is_the_title),
        cmocka_unit_test(test_ids_differ_and_are_found_by_their_trailer),
        cmocka_unit_test(test_the_id_of_an_lfs_file_is_that_of_its_pointer),
        cmocka_unit_test(test_who_waits_for_a_file_hears_of_it_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
