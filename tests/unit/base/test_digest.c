// SPDX-License-Identifier: Apache-2.0

#include "base/digest.h"
#include "tests/unit/unit_test.h"

#include <string.h>

static const char PLAIN_HEX[] =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
// The example of the Xet protocol, "Converting Hashes to Strings".
static const char XET_HEX[] =
    "07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918";

static struct digest counting(void)
{
    struct digest digest;
    for (size_t i = 0; i < sizeof(digest.bytes); i++) {
        digest.bytes[i] = (uint8_t)i;
    }
    return digest;
}

TEST(test_plain_hex_is_in_byte_order)
{
    struct digest digest = counting();
    struct digest parsed = {{0}};
    char hex[DIGEST_HEX_SIZE];
    digest_to_hex(&digest, hex);
    assert_string_equal(hex, PLAIN_HEX);
    assert_ok(digest_from_hex(hex, 64, &parsed));
    assert_true(digest_equal(&digest, &parsed));
}

TEST(test_xet_hex_reverses_every_group_of_eight_bytes)
{
    struct digest digest = counting();
    struct digest parsed = {{0}};
    char hex[DIGEST_HEX_SIZE];
    digest_to_xet_hex(&digest, hex);
    assert_string_equal(hex, XET_HEX);
    assert_ok(digest_from_xet_hex(hex, 64, &parsed));
    assert_true(digest_equal(&digest, &parsed));
}

TEST(test_digits_of_either_case_are_taken)
{
    struct digest lower = {{0}};
    struct digest upper = {{0}};
    char text[DIGEST_HEX_SIZE];
    memset(text, 'a', 64);
    assert_ok(digest_from_hex(text, 64, &lower));
    memset(text, 'A', 64);
    assert_ok(digest_from_hex(text, 64, &upper));
    assert_true(digest_equal(&lower, &upper));
    assert_int_equal(lower.bytes[31], 0xaa);
}

TEST(test_a_wrong_length_or_digit_is_malformed_and_changes_nothing)
{
    struct digest digest = counting();
    struct oid oid = {{7}};
    char text[DIGEST_HEX_SIZE];
    memcpy(text, PLAIN_HEX, sizeof(text));
    assert_err(digest_from_hex(text, 63, &digest), ERR_MALFORMED);
    assert_err(digest_from_hex(text, 65, &digest), ERR_MALFORMED);
    assert_err(digest_from_hex(text, 0, &digest), ERR_MALFORMED);
    assert_err(oid_from_hex(text, 64, &oid), ERR_MALFORMED);
    for (size_t i = 0; i < 64; i += 9) {
        text[i] = "gG/:@`{\xff"[i / 9];
        assert_err(digest_from_hex(text, 64, &digest), ERR_MALFORMED);
        assert_err(digest_from_xet_hex(text, 64, &digest), ERR_MALFORMED);
        memcpy(text, PLAIN_HEX, sizeof(text));
    }
    struct digest expected = counting();
    assert_true(digest_equal(&digest, &expected));
    assert_int_equal(oid.bytes[0], 7);
}

TEST(test_oids_go_to_hex_and_back)
{
    struct oid oid = {{0}};
    char hex[OID_HEX_SIZE];
    assert_ok(oid_from_hex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", 40, &oid));
    oid_to_hex(&oid, hex);
    assert_string_equal(hex, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    struct oid other = oid;
    assert_true(oid_equal(&oid, &other));
    other.bytes[19] ^= 1;
    assert_false(oid_equal(&oid, &other));
}

TEST(test_zero_means_every_byte)
{
    struct digest digest = {{0}};
    struct oid oid = {{0}};
    assert_true(digest_is_zero(&digest));
    assert_true(oid_is_zero(&oid));
    for (size_t i = 0; i < sizeof(digest.bytes); i++) {
        digest.bytes[i] = 1;
        assert_false(digest_is_zero(&digest));
        digest.bytes[i] = 0;
    }
    oid.bytes[19] = 0x80;
    assert_false(oid_is_zero(&oid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_hex_is_in_byte_order),
        cmocka_unit_test(test_xet_hex_reverses_every_group_of_eight_bytes),
        cmocka_unit_test(test_digits_of_either_case_are_taken),
        cmocka_unit_test(test_a_wrong_length_or_digit_is_malformed_and_changes_nothing),
        cmocka_unit_test(test_oids_go_to_hex_and_back),
        cmocka_unit_test(test_zero_means_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
