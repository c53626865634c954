// SPDX-License-Identifier: Apache-2.0
// The lines of the control socket: fs/control_protocol.c.
#include "fs/control_protocol.h"
#include "tests/unit/unit_test.h"

static enum err parse(const char *line, struct control_request *out)
{
    struct why why = {""};
    return control_request_parse(line, strlen(line), &why, out);
}

TEST(test_requests_survive_the_way_there)
{
    const struct control_request requests[] = {
        {.verb = CONTROL_HELLO},
        {.verb = CONTROL_STATUS, .format = RENDER_METRICS},
        {.verb = CONTROL_STATUS, .has_path = true, .path = "a b"},
        {.verb = CONTROL_STATUS, .has_path = true, .path = ""}, // not the same as none
        {.verb = CONTROL_INFO, .format = RENDER_JSON, .path = "a b/c%d\n\xff e"},
        {.verb = CONTROL_LOG, .format = RENDER_JSON, .path = "a"},
        {.verb = CONTROL_REVISIONS, .path = ""},
        {.verb = CONTROL_DIFF,
         .format = RENDER_JSON,
         .path = "a b",
         .from = "refs/pr/1",
         .to = "100%\xc3\xa9"},
        {.verb = CONTROL_CHANGES, .format = RENDER_JSON, .path = "a b"},
        {.verb = CONTROL_COMMIT},
        {.verb = CONTROL_COMMIT, .has_message = true, .message = "a title\n\n100 %"},
        {.verb = CONTROL_DISCARD, .path = ""},
        {.verb = CONTROL_PREFETCH, .path = ""},
        {.verb = CONTROL_REFRESH, .path = "models/a/b"},
        {.verb = CONTROL_PIN, .path = "x"},
        {.verb = CONTROL_TRACE, .format = RENDER_TEXT},
        {.verb = CONTROL_CACHE_TRIM, .bytes = 123456789012},
        {.verb = CONTROL_CACHE_CLEAR},
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        AUTO(buffer) struct buffer line = buffer_init(CONTROL_LINE_MAX);
        struct control_request out;
        assert_ok(control_request_format(&requests[i], &line));
        assert_int_equal(line.bytes[line.len - 1], '\n');
        assert_null(memchr(line.bytes, '\n', line.len - 1));
        assert_ok(control_request_parse(buffer_text(&line), line.len - 1, NULL, &out));
        assert_int_equal(out.verb, requests[i].verb);
        assert_int_equal(out.format, requests[i].format);
        assert_string_equal(out.path, requests[i].path);
        assert_true(out.has_path == requests[i].has_path);
        assert_true(out.bytes == requests[i].bytes);
        assert_string_equal(out.from, requests[i].from);
        assert_string_equal(out.to, requests[i].to);
        assert_true(out.has_message == requests[i].has_message);
        assert_string_equal(out.message, requests[i].message);
    }
}

TEST(test_the_longest_path_fits_a_line)
{
    static struct control_request request = {.verb = CONTROL_PREFETCH};
    static struct control_request out;
    for (size_t i = 0; i < PATH_BYTES_MAX; i++) {
        request.path[i] = i % 200 == 199 ? '/' : '\x01';
    }
    AUTO(buffer) struct buffer line = buffer_init(CONTROL_LINE_MAX);
    assert_ok(control_request_format(&request, &line));
    assert_ok(control_request_parse(buffer_text(&line), line.len - 1, NULL, &out));
    assert_string_equal(out.path, request.path);
}

TEST(test_the_longest_message_fits_a_line)
{
    static struct control_request request = {.verb = CONTROL_COMMIT, .has_message = true};
    static struct control_request out;
    memset(request.message, '\n', CONTROL_MESSAGE_MAX);
    AUTO(buffer) struct buffer line = buffer_init(CONTROL_LINE_MAX);
    assert_ok(control_request_format(&request, &line));
    assert_ok(control_request_parse(buffer_text(&line), line.len - 1, NULL, &out));
    assert_string_equal(out.message, request.message);
}

TEST(test_wrong_requests_are_refused)
{
    static const char *const wrong[] = {
        "",
        "frob",
        "status",
        "status xml",
        "status text more words",
        "status text ../x",
        "info text",
        "info metrics .",
        "info text /etc",
        "info text ../x",
        "info text a%2",
        "info text a%2g",
        "info text a%00b",
        "log",
        "log metrics .",
        "log text . main",
        "revisions text",
        "diff text a main",
        "diff text a main .",
        "diff text a main dev more",
        "diff text a main a..b",
        "diff text a main%20x dev",
        "changes text",
        "changes metrics .",
        "changes text ../x",
        "commit one two",
        "commit a%2",
        "discard",
        "discard /a",
        "prefetch",
        "cache-trim -5",
        "cache-trim",
        "cache-trim 99999999999999999999",
        "hello x",
        "trace metrics",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct control_request out = {.bytes = 77};
        assert_int_equal(parse(wrong[i], &out), ERR_MALFORMED);
        assert_true(out.bytes == 77);
    }
}

TEST(test_answers_survive_the_way_back)
{
    AUTO(buffer) struct buffer to = buffer_init(1024);
    const struct mount_progress progress = {1000, 10, 5, 1, 2, true};
    assert_ok(control_append_output(&to, "hello  you", 10));
    assert_ok(control_append_progress(&to, &progress));
    assert_ok(control_append_end(&to, 3, "two\nlines"));
    assert_string_equal(buffer_text(&to),
                        "= hello  you\n% 10 1000 1 5 2 1\n. 3 two lines\n");
    struct control_answer answer;
    assert_ok(control_answer_parse("= hello", 7, &answer));
    assert_int_equal(answer.kind, CONTROL_OUTPUT);
    assert_memory_equal(answer.text, "hello", 5);
    assert_ok(control_answer_parse("% 10 1000 1 5 2 1", 17, &answer));
    assert_true(answer.progress.bytes_total == 1000 && answer.progress.bytes_done == 10);
    assert_true(answer.progress.files_failed == 2 && answer.progress.listing);
    assert_ok(control_answer_parse(". 3 two lines", 13, &answer));
    assert_int_equal(answer.status, 3);
    assert_memory_equal(answer.text, "two lines", answer.text_len);
    assert_ok(control_answer_parse(". 0 ", 4, &answer));
    assert_int_equal(answer.text_len, 0);
}

TEST(test_wrong_answers_are_refused)
{
    static const char *const wrong[] = {
        "",   "=",   "=x",      "? x", "% 1 2 3", "% 1 2 3 4 5 2", "% 1 2 3 4 5 1 7",
        ". ", ". x", ". 256 x", ". -1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct control_answer answer;
        assert_int_equal(control_answer_parse(wrong[i], strlen(wrong[i]), &answer),
                         ERR_MALFORMED);
    }
}

TEST(test_a_line_that_does_not_fit_is_not_begun)
{
    AUTO(buffer) struct buffer to = buffer_init(8);
    assert_ok(control_append_output(&to, "abc", 3));
    assert_int_not_equal(control_append_output(&to, "abc", 3), ERR_NONE);
    assert_string_equal(buffer_text(&to), "= abc\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_survive_the_way_there),
        cmocka_unit_test(test_the_longest_path_fits_a_line),
        cmocka_unit_test(test_the_longest_message_fits_a_line),
        cmocka_unit_test(test_wrong_requests_are_refused),
        cmocka_unit_test(test_answers_survive_the_way_back),
        cmocka_unit_test(test_wrong_answers_are_refused),
        cmocka_unit_test(test_a_line_that_does_not_fit_is_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
