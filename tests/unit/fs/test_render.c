// SPDX-License-Identifier: Apache-2.0
// What a mount tells, as text, JSON and metrics: fs/render_*.c.
#include "fs/render.h"
#include "fs/render_metrics.h"
#include "tests/unit/unit_test.h"

static struct mount_path_info sample_info(void)
{
    struct mount_path_info info = {
        .repo = {REPO_DATASET, "owner/name"},
        .path = "a\x1b[31m b",
        .node = {.kind = ENTRY_FILE, .has_sha256 = true, .size = 200, .executable = true},
        .cached_bytes = 199,
        .verified = VERIFIED_GOOD,
        .pinned = true,
    };
    memset(info.commit.bytes, 0xab, sizeof info.commit.bytes);
    return info;
}

static void assert_has(const struct buffer *text, const char *part)
{
    if (strstr(buffer_text(text), part) == NULL) {
        fail_msg("'%s' is not in: %s", part, buffer_text(text));
    }
}

TEST(test_info_as_text_is_printable_and_never_says_100_too_early)
{
    const struct mount_path_info info = sample_info();
    AUTO(buffer) struct buffer out = buffer_init(8192);
    assert_ok(render_info(&info, RENDER_TEXT, &out));
    assert_has(&out, "repository   datasets/owner/name\n");
    assert_has(&out, "commit       abababab");
    assert_has(&out, "path         a?[31m b\n");
    assert_has(&out, "kind         file, executable\n");
    assert_has(&out, "cached       199 B, 99 %, pinned\n");
    assert_null(strstr(buffer_text(&out), "xet hash"));
}

TEST(test_info_as_json_has_all_keys_and_null_for_what_is_not_there)
{
    struct mount_path_info info = sample_info();
    info.last_error = why_set(&info.why, ERR_DAMAGED, "the content is \"wrong\"");
    AUTO(buffer) struct buffer out = buffer_init(8192);
    assert_ok(render_info(&info, RENDER_JSON, &out));
    assert_has(&out, "\"repo\":\"datasets/owner/name\"");
    assert_has(&out, "\"path\":\"a\\u001b[31m b\"");
    assert_has(&out, "\"xet_hash\":null");
    assert_has(&out, "\"size\":200,\"cached_bytes\":199,\"verified\":\"good\"");
    assert_has(&out, "\"error\":\"the content is \\\"wrong\\\"\"");
    assert_null(strchr(buffer_text(&out), '\n'));
}

TEST(test_a_trace_line_has_no_secret_and_no_control_character)
{
    const struct hub_trace http = {
        .what = "xorb",
        .reason = "read",
        .target = "/xorbs/a\nb?Signature=hf_abcdefghijklmnopqrstuvwxyz012345",
        .class = HUB_AHEAD,
        .status = 206,
        .bytes = 5,
        .connection_reused = true,
        .request_id = "",
    };
    const struct mount_trace trace = {.http = &http};
    AUTO(buffer) struct buffer text = buffer_init(4096);
    AUTO(buffer) struct buffer json = buffer_init(4096);
    assert_ok(render_trace(&trace, RENDER_TEXT, &text));
    assert_ok(render_trace(&trace, RENDER_JSON, &json));
    assert_has(&text, "AHEAD    xorb         206");
    assert_has(&text, "5 B  reused  for read");
    assert_has(&json, "\"event\":\"http\",\"class\":\"AHEAD\"");
    assert_null(strchr(buffer_text(&text), '\n'));
    assert_null(strstr(buffer_text(&text), "abcdefghijkl"));
    assert_null(strstr(buffer_text(&json), "abcdefghijkl"));
}

TEST(test_a_kernel_request_that_waited_is_a_line_too)
{
    const struct mount_trace trace = {
        .operation = "read", .ino = 7, .waited_ms = 12, .err = ERR_TIMEOUT};
    AUTO(buffer) struct buffer text = buffer_init(4096);
    AUTO(buffer) struct buffer json = buffer_init(4096);
    assert_ok(render_trace(&trace, RENDER_TEXT, &text));
    assert_ok(render_trace(&trace, RENDER_JSON, &json));
    assert_has(&text, "waited 12 ms  inode 7  the deadline has passed");
    assert_has(
        &json,
        "\"operation\":\"read\",\"ino\":7,\"waited_ms\":12,\"error\":\"ERR_TIMEOUT\"");
}

static char mount_point[] = "/mnt/with \"quotes\"";
static char cache_dir[] = "/cache";
static char endpoint[] = "https://huggingface.co";

static struct mount_options sample_options(void)
{
    return (struct mount_options){
        .address = {.repo = {REPO_MODEL, "owner/name"}, .revision = "refs/pr/1"},
        .mount_point = mount_point,
        .cache_dir = cache_dir,
        .endpoint = endpoint,
    };
}

TEST(test_status_tells_the_same_in_text_and_json)
{
    struct mount_options options = sample_options();
    struct mount_status status = {.repo = {REPO_MODEL, "owner/name"},
                                  .commit_date_s = -1,
                                  .head_checked_s = -1,
                                  .follows_branch = true,
                                  .parked = 1,
                                  .hub = {.offline = true, .quota_left = -1}};
    why_set(&status.refresh_error, ERR_OFFLINE, "no network");
    AUTO(buffer) struct buffer text = buffer_init(8192);
    AUTO(buffer) struct buffer json = buffer_init(8192);
    assert_ok(render_status(&status, &options, RENDER_TEXT, &text));
    assert_ok(render_status(&status, &options, RENDER_JSON, &json));
    assert_has(&text, "source       owner/name@refs/pr/1\n");
    assert_has(&text, "state        offline, 1 request waiting\n");
    assert_has(&text, "the branch cannot be asked for news: no network\n");
    assert_has(&text, "date not known, never compared with the Hub");
    assert_has(&json, "\"source\":\"owner/name@refs/pr/1\",\"state\":\"offline\"");
    assert_has(&json, "\"commit_date\":null");
    assert_has(&json, "\"quota_left\":null");
    assert_has(&json, "\"cache\":{\"dir\":\"/cache\"");
}

TEST(test_metrics_escape_their_labels)
{
    struct mount_options options = sample_options();
    const struct mount_status status = {.parked = 3};
    AUTO(buffer) struct buffer out = buffer_init(8192);
    assert_ok(render_status(&status, &options, RENDER_METRICS, &out));
    assert_has(&out, "hugfs_requests_waiting{mount=\"/mnt/with \\\"quotes\\\"\","
                     "source=\"owner/name@refs/pr/1\"} 3\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info_as_text_is_printable_and_never_says_100_too_early),
        cmocka_unit_test(test_info_as_json_has_all_keys_and_null_for_what_is_not_there),
        cmocka_unit_test(test_a_trace_line_has_no_secret_and_no_control_character),
        cmocka_unit_test(test_a_kernel_request_that_waited_is_a_line_too),
        cmocka_unit_test(test_status_tells_the_same_in_text_and_json),
        cmocka_unit_test(test_metrics_escape_their_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
