// SPDX-License-Identifier: Apache-2.0
#include "hub/base64.h"
#include "hub/commit_body.h"
#include "tests/unit/unit_test.h"

#include <string.h>
#include <unistd.h>

enum { LONG_FILE = 200001 };

static enum err read_pattern(void *ctx, uint64_t offset, void *to, size_t len,
                             struct why *why)
{
    const uint64_t *fails_at = ctx;
    uint8_t *bytes = to;
    if (fails_at != NULL && offset + len > *fails_at) {
        return why_set(why, ERR_SYSTEM, "no more");
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)((offset + i) * 7);
    }
    return ERR_NONE;
}

// All of it, as text.
static void read_body(const struct hub_commit_body *body, struct buffer *out)
{
    int fd = -1;
    uint64_t size = 0;
    uint8_t *space = NULL;
    assert_ok(commit_body_dup(body, &fd, &size));
    assert_int_equal(size, hub_commit_body_size(body));
    *out = buffer_init(1 << 20);
    assert_ok(buffer_reserve(out, (size_t)size, &space));
    assert_ok(file_pread(fd, space, (size_t)size, 0));
    out->len = (size_t)size;
    close(fd);
}

TEST(test_base64_is_the_standards)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"ab", "YWI="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xef\xbe", "/+++"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char text[20] = "";
        size_t len = strlen(pairs[i][0]);
        base64_encode((const uint8_t *)pairs[i][0], len, text);
        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(base64_length(len), strlen(pairs[i][1]));
    }
}

TEST(test_each_operation_is_a_line)
{
    struct hub_commit_body *body = NULL;
    struct digest sha256 = {{0xab}};
    struct oid parent = {{1}};
    struct buffer text;
    assert_ok(
        hub_commit_body_new("/tmp", "a \"title\"", "two\nlines", &parent, NULL, &body));
    assert_ok(hub_commit_body_add_file(body, "d/\xc3\xa4", 4, read_pattern, NULL, NULL));
    assert_ok(hub_commit_body_add_file(body, "empty", 0, read_pattern, NULL, NULL));
    assert_ok(hub_commit_body_add_lfs(body, "w", &sha256, 1ull << 40, NULL));
    assert_ok(hub_commit_body_delete_file(body, "x", NULL));
    assert_ok(hub_commit_body_delete_folder(body, "y", NULL));
    read_body(body, &text);
    assert_string_equal(
        buffer_text(&text),
        "{\"key\":\"header\",\"value\":{\"summary\":\"a \\\"title\\\"\",\"description\":"
        "\"two\\nlines\",\"parentCommit\":\"0100000000000000000000000000000000000000\"}}"
        "\n"
        "{\"key\":\"file\",\"value\":{\"path\":\"d/\xc3\xa4\",\"encoding\":\"base64\","
        "\"content\":\"AAcOFQ==\"}}\n"
        "{\"key\":\"file\",\"value\":{\"path\":\"empty\",\"encoding\":\"base64\","
        "\"content\":\"\"}}\n"
        "{\"key\":\"lfsFile\",\"value\":{\"path\":\"w\",\"algo\":\"sha256\",\"oid\":"
        "\"ab00000000000000000000000000000000000000000000000000000000000000\","
        "\"size\":1099511627776}}\n"
        "{\"key\":\"deletedFile\",\"value\":{\"path\":\"x\"}}\n"
        "{\"key\":\"deletedFolder\",\"value\":{\"path\":\"y\"}}\n");
    buffer_release(&text);
    hub_commit_body_free(body);
}

TEST(test_long_files_are_encoded_without_a_seam)
{
    struct hub_commit_body *body = NULL;
    struct buffer text;
    AUTO_FREE uint8_t *bytes = malloc(LONG_FILE);
    AUTO_FREE char *encoded = malloc(base64_length(LONG_FILE) + 1);
    assert_ok(read_pattern(NULL, 0, bytes, LONG_FILE, NULL));
    base64_encode(bytes, LONG_FILE, encoded);
    encoded[base64_length(LONG_FILE)] = '\0';
    assert_ok(hub_commit_body_new(NULL, "t", "", NULL, NULL, &body));
    assert_ok(hub_commit_body_add_file(body, "f", LONG_FILE, read_pattern, NULL, NULL));
    read_body(body, &text);
    assert_non_null(strstr(buffer_text(&text), encoded));
    buffer_release(&text);
    hub_commit_body_free(body);
}

TEST(test_an_addition_that_fails_leaves_nothing_behind)
{
    struct hub_commit_body *body = NULL;
    struct why why = {0};
    struct buffer text;
    uint64_t fails_at = 100000;
    assert_ok(hub_commit_body_new(NULL, "t", "", NULL, NULL, &body));
    uint64_t before = hub_commit_body_size(body);
    assert_err(
        hub_commit_body_add_file(body, "f", LONG_FILE, read_pattern, &fails_at, &why),
        ERR_SYSTEM);
    assert_string_equal(why.text, "no more");
    assert_err(hub_commit_body_delete_file(body, "a\xff", &why), ERR_USAGE);
    assert_err(hub_commit_body_delete_file(body, "", &why), ERR_USAGE);
    assert_int_equal(hub_commit_body_size(body), before);
    assert_ok(hub_commit_body_delete_file(body, "x", NULL));
    read_body(body, &text);
    assert_string_equal(
        buffer_text(&text),
        "{\"key\":\"header\",\"value\":{\"summary\":\"t\",\"description\":\"\"}}\n"
        "{\"key\":\"deletedFile\",\"value\":{\"path\":\"x\"}}\n");
    buffer_release(&text);
    hub_commit_body_free(body);
}

TEST(test_a_folder_that_is_not_there_is_told)
{
    struct hub_commit_body *body = NULL;
    struct why why = {0};
    assert_true(hub_commit_body_new("/nonexistent", "t", "", NULL, &why, &body) !=
                ERR_NONE);
    assert_non_null(strstr(why.text, "/nonexistent"));
    hub_commit_body_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_is_the_standards),
        cmocka_unit_test(test_each_operation_is_a_line),
        cmocka_unit_test(test_long_files_are_encoded_without_a_seam),
        cmocka_unit_test(test_an_addition_that_fails_leaves_nothing_behind),
        cmocka_unit_test(test_a_folder_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
