// SPDX-License-Identifier: Apache-2.0
// Packs made here, byte by byte: whole objects, both kinds of deltas, and broken ones. Then
// the trees in them.
#include "base/base.h"
#include "hub/git_delta.h"
#include "hub/git_pack.h"
#include "hub/git_tree.h"
#include "tests/unit/unit_test.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { OFS_DELTA = 6, REF_DELTA = 7 };

static struct buffer pack_new(uint8_t count)
{
    struct buffer pack = buffer_init(1 << 20);
    const uint8_t header[12] = {'P', 'A', 'C', 'K', 0, 0, 0, 2, 0, 0, 0, count};
    assert_ok(buffer_append(&pack, header, sizeof(header)));
    return pack;
}

static void append_deflated(struct buffer *pack, const void *bytes, size_t len)
{
    uint8_t packed[4096];
    uLongf packed_len = sizeof(packed);
    assert_int_equal(compress2(packed, &packed_len, bytes, len, 9), Z_OK);
    assert_ok(buffer_append(pack, packed, packed_len));
}

// An entry's type and size (< 2048 here); returns its offset.
static size_t append_header(struct buffer *pack, unsigned type, size_t len)
{
    size_t offset = pack->len;
    uint8_t header[2] = {(uint8_t)(0x80 | type << 4 | (len & 15)), (uint8_t)(len >> 4)};
    assert_ok(buffer_append(pack, header, sizeof(header)));
    return offset;
}

static size_t append_object(struct buffer *pack, unsigned type, const void *bytes,
                            size_t len)
{
    size_t offset = append_header(pack, type, len);
    append_deflated(pack, bytes, len);
    return offset;
}

static void finish(struct buffer *pack)
{
    struct sha *sha = sha_new(SHA_1);
    struct oid sum;
    sha_update(sha, pack->bytes, pack->len);
    sha_final_1(sha, &sum);
    sha_free(sha);
    assert_ok(buffer_append(pack, sum.bytes, sizeof(sum.bytes)));
}

static struct oid oid_of(const char *type, const void *bytes, size_t len)
{
    struct oid oid;
    assert_ok(sha_of_git_object(type, bytes, len, &oid));
    return oid;
}

static void expect_blob(const struct git_pack *pack, const char *text)
{
    struct oid oid = oid_of("blob", text, strlen(text));
    struct git_object object;
    assert_true(git_pack_find(pack, &oid, &object));
    assert_int_equal(object.type, GIT_BLOB);
    assert_int_equal(object.len, strlen(text));
    assert_memory_equal(object.bytes, text, object.len);
}

// "hello world" -> "hello there": copy 6 from 0, insert "there".
static const uint8_t delta[] = {11, 11, 0x90, 6, 5, 't', 'h', 'e', 'r', 'e'};

TEST(test_whole_objects_and_deltas_of_both_kinds_are_found)
{
    AUTO(buffer) struct buffer pack = pack_new(4);
    struct oid base = oid_of("blob", "hello world", 11);
    // The delta by id comes before its base.
    append_header(&pack, REF_DELTA, sizeof(delta));
    assert_ok(buffer_append(&pack, base.bytes, sizeof(base.bytes)));
    append_deflated(&pack, delta, sizeof(delta));
    size_t base_at = append_object(&pack, GIT_BLOB, "hello world", 11);
    const uint8_t tail[] = {11, 5, 0x91, 6, 5}; // copy 5 from 6
    size_t at = append_header(&pack, OFS_DELTA, sizeof(tail));
    uint8_t distance = (uint8_t)(at - base_at);
    assert_true(distance < 128);
    assert_ok(buffer_append(&pack, &distance, 1));
    append_deflated(&pack, tail, sizeof(tail));
    append_object(&pack, GIT_BLOB, "", 0);
    finish(&pack);
    struct git_pack *parsed = NULL;
    assert_ok(git_pack_parse(pack.bytes, pack.len, NULL, &parsed));
    expect_blob(parsed, "hello world");
    expect_blob(parsed, "hello there");
    expect_blob(parsed, "world");
    expect_blob(parsed, "");
    struct oid other = {{1}};
    struct git_object object;
    assert_false(git_pack_find(parsed, &other, &object));
    git_pack_free(parsed);
}

struct blob_count {
    unsigned n;
    size_t bytes;
};

static void count_blob(void *ctx, const struct oid *oid, const void *bytes, size_t len)
{
    struct blob_count *count = ctx;
    struct oid right = oid_of("blob", bytes, len);
    assert_true(oid_equal(oid, &right));
    count->n++;
    count->bytes += len;
}

TEST(test_every_blob_is_told_with_its_own_id_and_nothing_else_is)
{
    AUTO(buffer) struct buffer pack = pack_new(4);
    append_object(&pack, GIT_TREE, "", 0);
    size_t base_at = append_object(&pack, GIT_BLOB, "hello world", 11);
    const uint8_t tail[] = {11, 5, 0x91, 6, 5}; // copy 5 from 6
    size_t at = append_header(&pack, OFS_DELTA, sizeof(tail));
    uint8_t distance = (uint8_t)(at - base_at);
    assert_ok(buffer_append(&pack, &distance, 1));
    append_deflated(&pack, tail, sizeof(tail));
    append_object(&pack, GIT_BLOB, "", 0);
    finish(&pack);
    struct git_pack *parsed = NULL;
    struct blob_count count = {0};
    assert_ok(git_pack_parse(pack.bytes, pack.len, NULL, &parsed));
    git_pack_each_blob(parsed, count_blob, &count);
    assert_int_equal(count.n, 3);
    assert_int_equal(count.bytes, 16);
    git_pack_free(parsed);
}

static void expect_refused(struct buffer *pack)
{
    struct git_pack *parsed = NULL;
    struct why why = {0};
    enum err err = git_pack_parse(pack->bytes, pack->len, &why, &parsed);
    assert_true(err == ERR_BAD_ANSWER || err == ERR_TOO_LARGE);
    assert_string_not_equal(why.text, "");
    assert_null(parsed);
}

TEST(test_damaged_and_lying_packs_are_refused)
{
    AUTO(buffer) struct buffer cut = pack_new(1);
    append_object(&cut, GIT_BLOB, "x", 1);
    finish(&cut);
    cut.len--;
    expect_refused(&cut);
    AUTO(buffer) struct buffer short_count = pack_new(2);
    append_object(&short_count, GIT_BLOB, "x", 1);
    finish(&short_count);
    expect_refused(&short_count);
    AUTO(buffer) struct buffer wrong_size = pack_new(1);
    append_header(&wrong_size, GIT_BLOB, 5);
    append_deflated(&wrong_size, "toolong", 7);
    finish(&wrong_size);
    expect_refused(&wrong_size);
    AUTO(buffer) struct buffer orphan = pack_new(1);
    append_header(&orphan, REF_DELTA, sizeof(delta));
    assert_ok(buffer_append(&orphan, "aaaaaaaaaaaaaaaaaaaa", 20));
    append_deflated(&orphan, delta, sizeof(delta));
    finish(&orphan);
    expect_refused(&orphan);
    AUTO(buffer) struct buffer many = buffer_init(1000);
    assert_ok(buffer_append(&many, "PACK\0\0\0\2\xff\xff\xff\xff", 12));
    finish(&many);
    expect_refused(&many);
}

static enum err apply(const uint8_t *bytes, size_t len, size_t max)
{
    AUTO_FREE uint8_t *out = NULL;
    size_t out_len = 0;
    return git_delta_apply((const uint8_t *)"hello world", 11, bytes, len, max, &out,
                           &out_len);
}

TEST(test_deltas_stay_inside_their_base_and_their_result)
{
    assert_ok(apply(delta, sizeof(delta), 11));
    assert_err(apply(delta, sizeof(delta), 10), ERR_TOO_LARGE);
    assert_err(apply(delta, sizeof(delta) - 1, 100), ERR_MALFORMED);
    static const uint8_t wrong_base[] = {12, 1, 1, 'x'};
    static const uint8_t past_base[] = {11, 6, 0x91, 6, 6};
    static const uint8_t past_result[] = {11, 1, 2, 'x', 'y'};
    static const uint8_t too_short[] = {11, 2, 1, 'x'};
    static const uint8_t reserved[] = {11, 0, 0};
    static const uint8_t endless[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff};
    assert_err(apply(wrong_base, sizeof(wrong_base), 100), ERR_MALFORMED);
    assert_err(apply(past_base, sizeof(past_base), 100), ERR_MALFORMED);
    assert_err(apply(past_result, sizeof(past_result), 100), ERR_MALFORMED);
    assert_err(apply(too_short, sizeof(too_short), 100), ERR_MALFORMED);
    assert_err(apply(reserved, sizeof(reserved), 100), ERR_MALFORMED);
    assert_err(apply(endless, sizeof(endless), 100), ERR_MALFORMED);
}

// ------------------------------------------------------------------------------- trees

static void tree_add(struct buffer *tree, const char *mode, const char *name,
                     const struct oid *oid)
{
    assert_ok(buffer_printf(tree, "%s %s", mode, name));
    assert_ok(buffer_append(tree, "\0", 1));
    assert_ok(buffer_append(tree, oid->bytes, sizeof(oid->bytes)));
}

static struct oid add_commit(struct buffer *pack, const struct oid *tree)
{
    char hex[OID_HEX_SIZE];
    char text[100];
    oid_to_hex(tree, hex);
    int len = snprintf(text, sizeof(text), "tree %s\nauthor a\n\nmessage\n", hex);
    append_object(pack, GIT_COMMIT, text, (size_t)len);
    return oid_of("commit", text, (size_t)len);
}

TEST(test_executables_and_links_are_collected_with_their_paths)
{
    struct oid blob = {{7}};
    AUTO(buffer) struct buffer sub = buffer_init(1000);
    AUTO(buffer) struct buffer root = buffer_init(1000);
    AUTO(buffer) struct buffer pack = pack_new(3);
    tree_add(&sub, "100755", "run me", &blob);
    tree_add(&sub, "100644", "plain", &blob);
    struct oid sub_oid = oid_of("tree", sub.bytes, sub.len);
    tree_add(&root, "40000", "dir", &sub_oid);
    tree_add(&root, "120000", "link", &blob);
    tree_add(&root, "160000", "submodule", &blob);
    tree_add(&root, "100755", "..", &blob); // no name: left out
    struct oid root_oid = oid_of("tree", root.bytes, root.len);
    append_object(&pack, GIT_TREE, sub.bytes, sub.len);
    append_object(&pack, GIT_TREE, root.bytes, root.len);
    struct oid commit = add_commit(&pack, &root_oid);
    finish(&pack);
    struct git_pack *parsed = NULL;
    struct git_modes modes;
    assert_ok(git_pack_parse(pack.bytes, pack.len, NULL, &parsed));
    assert_ok(git_modes_collect(parsed, &commit, NULL, &modes));
    assert_int_equal(modes.count, 2);
    assert_string_equal(modes.entries[0].path, "dir/run me");
    assert_true(modes.entries[0].executable && modes.entries[0].kind == ENTRY_FILE);
    assert_string_equal(modes.entries[1].path, "link");
    assert_int_equal(modes.entries[1].kind, ENTRY_SYMLINK);
    assert_true(oid_equal(&modes.entries[1].oid, &blob));
    git_modes_release(&modes);
    assert_err(git_modes_collect(parsed, &root_oid, NULL, &modes),
               ERR_BAD_ANSWER); // no commit
    git_pack_free(parsed);
}

TEST(test_a_missing_or_broken_tree_spoils_the_answer)
{
    struct oid missing = {{9}};
    AUTO(buffer) struct buffer root = buffer_init(1000);
    AUTO(buffer) struct buffer pack = pack_new(4);
    tree_add(&root, "40000", "gone", &missing);
    struct oid root_oid = oid_of("tree", root.bytes, root.len);
    struct oid broken_oid = oid_of("tree", "100644 cut", 10);
    append_object(&pack, GIT_TREE, root.bytes, root.len);
    append_object(&pack, GIT_TREE, "100644 cut", 10);
    struct oid lacks = add_commit(&pack, &root_oid);
    struct oid broken = add_commit(&pack, &broken_oid);
    finish(&pack);
    struct git_pack *parsed = NULL;
    struct git_modes modes;
    assert_ok(git_pack_parse(pack.bytes, pack.len, NULL, &parsed));
    assert_err(git_modes_collect(parsed, &lacks, NULL, &modes), ERR_BAD_ANSWER);
    assert_err(git_modes_collect(parsed, &broken, NULL, &modes), ERR_BAD_ANSWER);
    git_pack_free(parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_objects_and_deltas_of_both_kinds_are_found),
        cmocka_unit_test(test_every_blob_is_told_with_its_own_id_and_nothing_else_is),
        cmocka_unit_test(test_damaged_and_lying_packs_are_refused),
        cmocka_unit_test(test_deltas_stay_inside_their_base_and_their_result),
        cmocka_unit_test(test_executables_and_links_are_collected_with_their_paths),
        cmocka_unit_test(test_a_missing_or_broken_tree_spoils_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
