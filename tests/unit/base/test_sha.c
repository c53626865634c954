// SPDX-License-Identifier: Apache-2.0

#include "base/sha.h"
#include "tests/unit/unit_test.h"

static void assert_digest(const struct digest *digest, const char *expected)
{
    char hex[DIGEST_HEX_SIZE];
    digest_to_hex(digest, hex);
    assert_string_equal(hex, expected);
}

TEST(test_sha_256_of_the_standards_examples)
{
    struct digest digest;
    sha256_of("abc", 3, &digest);
    assert_digest(&digest,
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_of("", 0, &digest);
    assert_digest(&digest,
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(test_a_hash_in_pieces_is_the_hash_of_the_whole)
{
    struct sha *sha = sha_new(SHA_256);
    struct digest digest;
    sha_update(sha, "a", 1);
    sha_update(sha, "", 0);
    sha_update(sha, "bc", 2);
    sha_final_256(sha, &digest);
    sha_free(sha);
    assert_digest(&digest,
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(test_git_object_ids_are_gits)
{
    struct sha *sha = sha_new_git_object("blob", 12);
    struct oid oid;
    char hex[OID_HEX_SIZE];
    sha_update(sha, "hello world\n", 12);
    sha_final_1(sha, &oid);
    sha_free(sha);
    oid_to_hex(&oid, hex);
    assert_string_equal(hex, "3b18e512dba79e4c8300dd08aeb37f8e728b8dad");
    struct oid at_once;
    assert_ok(sha_of_git_object("blob", "hello world\n", 12, &at_once));
    assert_true(oid_equal(&at_once, &oid));
}

TEST(test_an_unfinished_hash_can_be_freed)
{
    sha_free(sha_new(SHA_1));
    sha_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha_256_of_the_standards_examples),
        cmocka_unit_test(test_a_hash_in_pieces_is_the_hash_of_the_whole),
        cmocka_unit_test(test_git_object_ids_are_gits),
        cmocka_unit_test(test_an_unfinished_hash_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
