// SPDX-License-Identifier: Apache-2.0
// The published vectors (tests/data/xet/README.md says where they come from).

#include "base/base.h"
#include "tests/unit/unit_test.h"
#include "xet/xet.h"
#include "xet/xet_hash.h"

#include <stdio.h>

static FILE *open_vectors(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/xet/%s", HUGFS_TEST_DATA, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    return file;
}

static struct digest parse(const char *hex)
{
    struct digest digest;
    assert_ok(digest_from_xet_hex(hex, 64, &digest));
    return digest;
}

static void assert_digest(const struct digest *digest, const char *hex)
{
    char text[DIGEST_HEX_SIZE];
    digest_to_xet_hex(digest, text);
    assert_string_equal(text, hex);
}

TEST(test_a_chunk_is_named_by_its_keyed_hash)
{
    struct digest digest;
    xet_hash_chunk("Hello World!", 12, &digest);
    assert_digest(&digest,
                  "d8d408e608fb9ca213b9909a65d86d725f2de4d8d540324be8a363e7a6e228cb");
    xet_hash_chunk("", 0, &digest);
    assert_digest(&digest,
                  "e0f2cf784e7e5f10c34f84af150e9a5ff9664216debad915364d741049870f67");
}

TEST(test_two_chunks_make_the_published_node_and_range_hash)
{
    struct digest chunks[2] = {
        parse("c28f58387a60d4aa200c311cda7c7f77f686614864f5869eadebf765d0a14a69"),
        parse("6e4e3263e073ce2c0e78cc770c361e2778db3b054b98ab65e277fc084fa70f22"),
    };
    struct hash_tree tree;
    struct digest digest;
    hash_tree_init(&tree);
    hash_tree_add(&tree, &chunks[0], 100);
    hash_tree_add(&tree, &chunks[1], 200);
    hash_tree_root(&tree, &digest);
    assert_digest(&digest,
                  "be64c7003ccd3cf4357364750e04c9592b3c36705dee76a71590c011766b6c14");
    xet_hash_range(chunks, 2, &digest);
    assert_digest(&digest,
                  "eb06a8ad81d588ac05d1d9a079232d9c1e7d0b07232fa58091caa7bf333a2768");
}

TEST(test_an_empty_file_is_named_by_zeros)
{
    struct hash_tree tree;
    struct digest digest;
    hash_tree_init(&tree);
    hash_tree_file(&tree, &digest);
    assert_true(digest_is_zero(&digest));
}

// One case: "n", n lines "hash size", the root, then lines "salt filehash"; the wire uses the
// zero salt only.
static bool check_case(FILE *file)
{
    unsigned n;
    if (fscanf(file, "%u", &n) != 1) {
        return false;
    }
    static struct hash_tree tree;
    static struct hash_tree again;
    hash_tree_init(&tree);
    for (unsigned i = 0; i < n; i++) {
        char hex[DIGEST_HEX_SIZE];
        unsigned long long size;
        assert_int_equal(fscanf(file, "%64s %llu", hex, &size), 2);
        struct digest hash = parse(hex);
        hash_tree_add(&tree, &hash, size);
    }
    again = tree;
    char root[DIGEST_HEX_SIZE];
    struct digest digest;
    assert_int_equal(fscanf(file, "%64s", root), 1);
    hash_tree_root(&tree, &digest);
    assert_digest(&digest, root);
    for (int line = 0; line < 3; line++) {
        char salt[DIGEST_HEX_SIZE];
        char name[DIGEST_HEX_SIZE];
        assert_int_equal(fscanf(file, "%64s %64s", salt, name), 2);
        if (line == 0) {
            hash_tree_file(&again, &digest);
            assert_digest(&digest, name);
        }
    }
    return true;
}

TEST(test_every_published_tree_has_the_root_and_the_file_hash_that_it_should)
{
    FILE *file = open_vectors("agg_cases.txt");
    unsigned cases = 0;
    while (check_case(file)) {
        cases++;
    }
    (void)fclose(file);
    assert_int_equal(cases, 18);
}

// The generated inputs of splitmix_and_const.txt.
static void splitmix(uint8_t *to, size_t len, uint64_t state)
{
    for (size_t i = 0; i < len; i += 8) {
        state += UINT64_C(0x9E3779B97F4A7C15);
        uint64_t z = state;
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        z ^= z >> 31;
        for (size_t k = 0; k < 8 && i + k < len; k++) {
            to[i + k] = (uint8_t)(z >> (8 * k));
        }
    }
}

struct listed {
    struct hash_tree tree;
    struct digest chunks[64];
    uint32_t n;
};

// Reads the section's chunk lines up to its xorb hash and compares each with `data`.
static void check_chunks(FILE *file, const char *title, const uint8_t *data,
                         struct listed *listed)
{
    char line[256];
    do {
        assert_non_null(fgets(line, sizeof(line), file));
    } while (strncmp(line, title, strlen(title)) != 0);
    size_t at = 0;
    hash_tree_init(&listed->tree);
    listed->n = 0;
    char hex[DIGEST_HEX_SIZE];
    unsigned len;
    while (fgets(line, sizeof(line), file) &&
           sscanf(line, " %64[0-9a-f] %u", hex, &len) == 2) {
        struct digest *digest = &listed->chunks[listed->n++];
        xet_hash_chunk(data + at, len, digest);
        assert_digest(digest, hex);
        hash_tree_add(&listed->tree, digest, len);
        at += len;
    }
}

static void check_section(const char *title, const uint8_t *data, const char *xorb,
                          const char *name, const char *range)
{
    static struct listed listed;
    static struct hash_tree again;
    FILE *file = open_vectors("splitmix_and_const.txt");
    check_chunks(file, title, data, &listed);
    (void)fclose(file);
    struct digest digest;
    again = listed.tree;
    hash_tree_root(&listed.tree, &digest);
    assert_digest(&digest, xorb);
    hash_tree_file(&again, &digest);
    assert_digest(&digest, name);
    xet_hash_range(listed.chunks, listed.n, &digest);
    assert_digest(&digest, range);
}

TEST(test_the_generated_inputs_have_the_published_hashes)
{
    enum { BYTES = 1000000 };
    AUTO_FREE uint8_t *data = malloc(BYTES);
    splitmix(data, BYTES, 0);
    check_section("== splitmix64 seed0 n=1000000", data,
                  "6f2ce16ca5e317f0100ff0e7e5bf40a0de9032e9ee1ad04b6b8ff4e36cdfbf6c",
                  "3d17b2d7d64a0e011b6717a52d9a16bd2c3f05b743fa8adf52a7d75dafab6d89",
                  "6daf15a7ed258b91f607e8f5e6723a8564292d12c8104c156f7bad9c255a0180");
    splitmix(data, 256000, 1);
    check_section("== splitmix64 seed1 n=256000", data,
                  "335db8e272cac859dec35783bbc12c7f433bbcea50528d154cb07bf36888a51f",
                  "116cd39641ee392863a30c2a5bd6ab04676177a75604729bb98cfc4052fc3131",
                  "db0e3fdc8c0a0b63ce07b032b785022faa8f6a4eea1e6aebdac3a77dc8471fb3");
    memset(data, 0x3b, BYTES);
    check_section("== const59 n=1000000", data,
                  "a6b5a7f0bb38b6fd5fb39031eb7564e18ea0e7a0b7bea87de54ed1db8bc85884",
                  "53f845640fcd1c7440befff65bd93434c83a30c6559a705597d61f2ef64e2f88",
                  "966713ec6609aa2aa74c90a2fa7771f6068114b4ea12cf569142b436d6e3676c");
    check_section("== one byte 59 n=1", data,
                  "a5821c3868509151d4f5c17e43aa599f7fe53d3349280ca59c66b566de0a88de",
                  "05b7b9477e2310fbd868bb225608dcda380a5e4301eba93f6ce92ed79ac13088",
                  "51fb3e767540518ab2fe692c3c889db8ff6327cf833fc4b8cc693d0b54072ba0");
}

TEST(test_blake3_runs_on_vector_instructions_on_every_64_bit_machine)
{
#if defined(__x86_64__) || defined(__aarch64__)
    assert_string_not_equal(xet_blake3_implementation(), "scalar");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_chunk_is_named_by_its_keyed_hash),
        cmocka_unit_test(test_two_chunks_make_the_published_node_and_range_hash),
        cmocka_unit_test(test_an_empty_file_is_named_by_zeros),
        cmocka_unit_test(
            test_every_published_tree_has_the_root_and_the_file_hash_that_it_should),
        cmocka_unit_test(test_the_generated_inputs_have_the_published_hashes),
        cmocka_unit_test(test_blake3_runs_on_vector_instructions_on_every_64_bit_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
