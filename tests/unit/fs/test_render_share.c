// SPDX-License-Identifier: Apache-2.0
#include "fs/render.h"
#include "tests/unit/unit_test.h"

#define assert_has(out, words) assert_non_null(strstr(buffer_text(out), words))

TEST(test_a_hundred_percent_is_said_only_of_what_is_here_in_full)
{
    char *folders[] = {(char[]){"later"}};
    struct mount_share_file files[] = {
        {.path = (char[]){"almost"}, .size = 1000000, .cached_bytes = 999999},
        {.path = (char[]){"gated"}, .size = 2048, .gated = true},
        {.path = (char[]){"odd\nname"}, .size = 0, .pinned = true},
    };
    const struct mount_share share = {.path = (char[]){""},
                                      .files = files,
                                      .n_files = 3,
                                      .folders = folders,
                                      .n_folders = 1,
                                      .unlisted_folders = 2,
                                      .files_total = 5,
                                      .files_complete = 3,
                                      .bytes_total = 1002048,
                                      .bytes_cached = 999999};
    AUTO(buffer) struct buffer out = buffer_init(8192);
    assert_ok(render_share_text(&share, &out));
    assert_has(&out, "not listed              later\n... and 1 more folders\n");
    assert_has(&out, "      99 %   976.6 KiB  almost\n");
    assert_has(&out, "       0 %     2.0 KiB  gated  (gated");
    assert_has(&out, "     100 %         0 B  odd?name  (pinned)\n... and 2 more\n");
    assert_has(&out, "here         976.6 KiB of 978.6 KiB, 99 %, 3 of 5 files complete; "
                     "2 folders are not listed\n");
}

TEST(test_json_has_a_line_for_each_file_and_null_for_nothing)
{
    struct mount_share_file files[] = {{.path = (char[]){"a\"b"}, .size = 1}};
    const struct mount_share share = {
        .path = (char[]){"sub"}, .files = files, .n_files = 1, .files_total = 1};
    AUTO(buffer) struct buffer out = buffer_init(8192);
    struct json_writer json = json_writer_init(&out);
    json_open_object(&json, NULL);
    render_share_object(&json, &share);
    render_share_object(&json, NULL);
    json_close_object(&json);
    assert_ok(json_writer_end(&json));
    assert_has(&out, "{\"here\":{\"path\":\"sub\",\"files_total\":1,");
    assert_has(&out, "\n{\"path\":\"a\\\"b\",\"size\":1,\"cached_bytes\":0,"
                     "\"pinned\":false,\"gated\":false}");
    assert_has(&out, "},\"here\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hundred_percent_is_said_only_of_what_is_here_in_full),
        cmocka_unit_test(test_json_has_a_line_for_each_file_and_null_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
