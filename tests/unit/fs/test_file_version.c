// SPDX-License-Identifier: Apache-2.0
#include "fs/file_version.h"
#include "tests/unit/unit_test.h"

static struct file_version sample(const char *path)
{
    struct file_version version = {
        .executable = true, .has_xet = true, .size = UINT64_C(0x123456789abcdef)};
    memset(version.oid.bytes, 1, sizeof(version.oid.bytes));
    memset(version.sha256.bytes, 2, sizeof(version.sha256.bytes));
    memset(version.xet_hash.bytes, 3, sizeof(version.xet_hash.bytes));
    memset(version.commit.bytes, 4, sizeof(version.commit.bytes));
    version.path = strdup(path);
    assert_non_null(version.path);
    return version;
}

static void encode(const struct file_version *version, struct buffer *out)
{
    *out = buffer_init(JOURNAL_BASE_MAX);
    assert_ok(file_version_encode(version, out));
}

static enum err decode(const void *bytes, size_t len, struct file_version *out)
{
    struct cursor cursor = cursor_init(bytes, len);
    return file_version_decode(&cursor, out);
}

static void assert_same(const struct file_version *a, const struct file_version *b)
{
    assert_int_equal(a->executable, b->executable);
    assert_int_equal(a->has_sha256, b->has_sha256);
    assert_int_equal(a->has_xet, b->has_xet);
    assert_int_equal(a->size, b->size);
    assert_true(oid_equal(&a->oid, &b->oid));
    assert_true(oid_equal(&a->commit, &b->commit));
    assert_memory_equal(&a->sha256, &b->sha256, sizeof(a->sha256));
    assert_memory_equal(&a->xet_hash, &b->xet_hash, sizeof(a->xet_hash));
    assert_string_equal(a->path, b->path);
}

TEST(test_what_was_encoded_is_decoded)
{
    for (unsigned flags = 0; flags < 8; flags++) {
        AUTO(file_version) struct file_version version = sample("folder/file name.bin");
        AUTO(file_version) struct file_version again = {.path = NULL};
        AUTO(buffer) struct buffer bytes;
        version.executable = (flags & 1) != 0;
        version.has_sha256 = (flags & 2) != 0;
        version.has_xet = (flags & 4) != 0;
        encode(&version, &bytes);
        assert_ok(decode(bytes.bytes, bytes.len, &again));
        assert_same(&version, &again);
    }
}

TEST(test_several_are_decoded_one_after_the_other)
{
    AUTO(file_version) struct file_version one = sample("a");
    AUTO(file_version) struct file_version two = sample("b/c");
    AUTO(file_version) struct file_version first = {.path = NULL};
    AUTO(file_version) struct file_version second = {.path = NULL};
    AUTO(buffer) struct buffer bytes;
    encode(&one, &bytes);
    assert_ok(file_version_encode(&two, &bytes));
    struct cursor cursor = cursor_init(bytes.bytes, bytes.len);
    assert_ok(file_version_decode(&cursor, &first));
    assert_ok(file_version_decode(&cursor, &second));
    assert_same(&one, &first);
    assert_same(&two, &second);
}

TEST(test_every_cut_is_noticed)
{
    AUTO(file_version) struct file_version version = sample("folder/file");
    AUTO(buffer) struct buffer bytes;
    encode(&version, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        AUTO_FREE uint8_t *cut = malloc(len + 1); // what lies behind it is watched
        struct file_version out = {.path = NULL};
        assert_non_null(cut);
        memcpy(cut, bytes.bytes, len);
        assert_int_not_equal(decode(cut, len, &out), ERR_NONE);
        assert_null(out.path);
    }
}

TEST(test_unknown_flags_are_malformed)
{
    AUTO(file_version) struct file_version version = sample("a");
    AUTO(buffer) struct buffer bytes;
    encode(&version, &bytes);
    for (unsigned flags = 8; flags < 256; flags++) {
        struct file_version out = {.path = NULL};
        bytes.bytes[0] = (uint8_t)flags;
        assert_err(decode(bytes.bytes, bytes.len, &out), ERR_MALFORMED);
    }
}

TEST(test_a_path_that_is_none_is_malformed)
{
    static const char *const paths[] = {"", "/a", "a/", "a//b", "..", "a/../b", "."};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        AUTO(file_version) struct file_version version = sample(paths[i]);
        AUTO(buffer) struct buffer bytes;
        struct file_version out = {.path = NULL};
        encode(&version, &bytes);
        assert_err(decode(bytes.bytes, bytes.len, &out), ERR_MALFORMED);
    }
    AUTO(file_version) struct file_version version = sample("abc");
    AUTO(buffer) struct buffer bytes;
    struct file_version out = {.path = NULL};
    encode(&version, &bytes);
    bytes.bytes[bytes.len - 2] = '\0';
    assert_err(decode(bytes.bytes, bytes.len, &out), ERR_MALFORMED);
}

TEST(test_a_path_that_is_too_long_is_refused)
{
    AUTO_FREE char *path = malloc(UINT16_MAX + 2);
    assert_non_null(path);
    memset(path, 'a', UINT16_MAX + 1);
    path[UINT16_MAX + 1] = '\0';
    AUTO(file_version) struct file_version version = sample(path);
    AUTO(buffer) struct buffer bytes = buffer_init(UINT32_MAX);
    assert_err(file_version_encode(&version, &bytes), ERR_NAME_TOO_LONG);
    assert_int_equal(bytes.len, 0);
}

TEST(test_a_copy_stands_for_itself)
{
    AUTO(file_version) struct file_version copy = {.path = NULL};
    AUTO(file_version) struct file_version expected = sample("a/b");
    struct file_version version = sample("a/b");
    assert_ok(file_version_copy(&version, &copy));
    file_version_release(&version);
    assert_null(version.path);
    assert_same(&copy, &expected);
}

TEST(test_a_node_becomes_a_version)
{
    AUTO(file_version) struct file_version version = {.path = NULL};
    struct tree_node node = {.size = 7, .has_xet = true, .executable = true};
    struct oid commit = {{5}};
    node.xet_hash.bytes[0] = 9;
    assert_ok(file_version_of(&node, &commit, "x", &version));
    assert_int_equal(version.size, 7);
    assert_true(version.has_xet && version.executable && !version.has_sha256);
    assert_true(oid_equal(&version.commit, &commit));
    struct xet_content content = file_version_content(&version);
    assert_true(content.has_xet && !content.has_sha256);
    assert_int_equal(content.size, 7);
    assert_int_equal(content.xet_hash.bytes[0], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_encoded_is_decoded),
        cmocka_unit_test(test_several_are_decoded_one_after_the_other),
        cmocka_unit_test(test_every_cut_is_noticed),
        cmocka_unit_test(test_unknown_flags_are_malformed),
        cmocka_unit_test(test_a_path_that_is_none_is_malformed),
        cmocka_unit_test(test_a_path_that_is_too_long_is_refused),
        cmocka_unit_test(test_a_copy_stands_for_itself),
        cmocka_unit_test(test_a_node_becomes_a_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
