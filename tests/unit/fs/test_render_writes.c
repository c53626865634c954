// SPDX-License-Identifier: Apache-2.0
// What status and diff say about changes that are not on the Hub: fs/render_writes.c.
#include "fs/render.h"
#include "tests/unit/unit_test.h"

static void assert_has(const struct buffer *text, const char *part)
{
    if (strstr(buffer_text(text), part) == NULL) {
        print_error("'%s' is not in:\n%s\n", part, buffer_text(text));
    }
    assert_non_null(strstr(buffer_text(text), part));
}

static void assert_text(const struct mount_writes *writes, const char *expected)
{
    AUTO(buffer) struct buffer text = buffer_init(8192);
    assert_ok(render_writes_text(writes, &text));
    assert_string_equal(buffer_text(&text), expected);
}

TEST(test_who_does_not_want_to_write_hears_nothing_of_it)
{
    assert_text(&(struct mount_writes){.is_writable = false}, "");
}

TEST(test_a_mount_that_cannot_write_says_why)
{
    const struct mount_writes writes = {.read_only_reason = "a/b@v1 is a tag"};
    AUTO(buffer) struct buffer bytes = buffer_init(8192);
    struct json_writer json = json_writer_init(&bytes);
    assert_text(&writes, "writes       read-only: a/b@v1 is a tag\n");
    json_open_object(&json, NULL);
    render_writes_object(&json, &writes);
    json_close_object(&json);
    assert_ok(json_writer_end(&json));
    assert_has(&bytes, "\"writes\":{\"writable\":false,\"read_only_reason\":"
                       "\"a/b@v1 is a tag\",\"waiting\":0");
    assert_has(&bytes, "\"doing\":null");
}

TEST(test_all_is_said_to_be_committed_when_nothing_waits)
{
    assert_text(
        &(struct mount_writes){.is_writable = true, .branch = "main", .commits = 2},
        "writes       everything is committed\ncommits      2 to main\n");
}

TEST(test_each_kind_is_counted_in_words)
{
    const struct mount_writes writes = {.is_writable = true,
                                        .waiting = 2,
                                        .bytes_waiting = 1536,
                                        .on_their_way = 1,
                                        .dirty = 1,
                                        .conflicts = 1,
                                        .failed = 3,
                                        .local = 4,
                                        .doing = "the next commit begins in 2 s",
                                        .trouble = "no network",
                                        .branch = "refs/pr/1",
                                        .pull_url = "https://h/a/b/discussions/1"};
    assert_text(
        &writes,
        "writes       2 files wait (1.5 KiB), 1 is on its way, 1 file is open for "
        "writing, 1 conflict, 3 were refused, 4 stay here\n"
        "             the next commit begins in 2 s\n"
        "trouble      no network\n"
        "commits      0 to refs/pr/1, https://h/a/b/discussions/1\n");
}

TEST(test_an_upload_has_a_bar)
{
    const struct mount_writes writes = {.is_writable = true,
                                        .on_their_way = 1,
                                        .doing = "uploading",
                                        .sent_bytes = 512,
                                        .sending_bytes = 1024,
                                        .sending_path = "m\x1b.bin"};
    assert_text(&writes,
                "writes       1 is on its way\n"
                "upload       [##########..........] 50 %, 512 B of 1.0 KiB, m?.bin\n");
}

static struct mount_change changes[] = {
    {"a.txt", 'A', "waits", 12, 0, ""},
    {"b\x1b.txt", 'M', "conflict", 2048, 1024, "somebody else\nhas changed it"},
    {"c.txt", 'D', "on its way", 0, 5, ""},
    {"d.txt", 'R', "refused", 7, 7, "no"},
};
static const struct mount_changes list = {changes, 4};

TEST(test_changes_are_lines_with_their_sizes)
{
    AUTO(buffer) struct buffer text = buffer_init(8192);
    assert_ok(render_changes(&list, RENDER_TEXT, &text));
    assert_string_equal(buffer_text(&text),
                        "A          - ->       12 B  waits       a.txt\n"
                        "M    1.0 KiB ->    2.0 KiB  conflict    b?.txt\n"
                        "  somebody else?has changed it\n"
                        "D        5 B ->          -  on its way  c.txt\n"
                        "R        7 B ->        7 B  refused     d.txt\n"
                        "  no\n"
                        "4 changes: 1 added, 1 deleted, 1 modified, 1 moved\n");
}

TEST(test_changes_are_objects_for_programs)
{
    AUTO(buffer) struct buffer text = buffer_init(8192);
    assert_ok(render_changes(&list, RENDER_JSON, &text));
    assert_has(&text, "{\"path\":\"a.txt\",\"status\":\"A\",\"state\":\"waits\","
                      "\"old_size\":null,\"new_size\":12,\"reason\":null}");
    assert_has(&text, "\"status\":\"D\",\"state\":\"on its way\",\"old_size\":5,"
                      "\"new_size\":null");
}

TEST(test_a_long_list_is_cut_in_status_alone)
{
    enum { MANY = 300 };
    static struct mount_change many[MANY];
    AUTO(buffer) struct buffer cut = buffer_init(1 << 20);
    AUTO(buffer) struct buffer whole = buffer_init(1 << 20);
    for (size_t i = 0; i < MANY; i++) {
        many[i] = changes[0];
    }
    const struct mount_changes long_list = {many, MANY};
    assert_ok(render_changes_text(&long_list, &cut));
    assert_has(&cut, "... and 100 more: 'hugfs diff' lists them\n");
    assert_ok(render_changes(&long_list, RENDER_TEXT, &whole));
    assert_has(&whole, "300 changes: 300 added");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_does_not_want_to_write_hears_nothing_of_it),
        cmocka_unit_test(test_a_mount_that_cannot_write_says_why),
        cmocka_unit_test(test_all_is_said_to_be_committed_when_nothing_waits),
        cmocka_unit_test(test_each_kind_is_counted_in_words),
        cmocka_unit_test(test_an_upload_has_a_bar),
        cmocka_unit_test(test_changes_are_lines_with_their_sizes),
        cmocka_unit_test(test_changes_are_objects_for_programs),
        cmocka_unit_test(test_a_long_list_is_cut_in_status_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
