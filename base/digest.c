// SPDX-License-Identifier: Apache-2.0
// Hex, in the two byte orders that exist: as the bytes stand (SHA-256, git), and as Xet
// prints its hashes: the bytes taken as four little-endian words, each printed as a number,
// so that within every group of eight the bytes come out in reverse.

#include "base/digest.h"

#include <string.h>

enum { XET_WORD_BYTES = 8 };

static bool all_zero(const uint8_t *bytes, size_t len)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < len; i++) {
        seen |= bytes[i];
    }
    return seen == 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

static void to_hex(const uint8_t *bytes, size_t count, char *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = DIGITS[bytes[i] >> 4];
        out[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
    out[2 * count] = '\0';
}

static enum err from_hex(const char *text, size_t len, uint8_t *out, size_t count)
{
    uint8_t bytes[sizeof(struct digest)];
    if (len != 2 * count) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < count; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return ERR_MALFORMED;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(out, bytes, count);
    return ERR_NONE;
}

// Its own inverse: from digest order to printed order and back.
static struct digest reverse_words(const struct digest *digest)
{
    struct digest reversed;
    for (size_t i = 0; i < sizeof(digest->bytes); i++) {
        size_t word = i / XET_WORD_BYTES * XET_WORD_BYTES;
        reversed.bytes[i] = digest->bytes[word + XET_WORD_BYTES - 1 - i % XET_WORD_BYTES];
    }
    return reversed;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool digest_is_zero(const struct digest *digest)
{
    return all_zero(digest->bytes, sizeof(digest->bytes));
}

bool oid_equal(const struct oid *a, const struct oid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool oid_is_zero(const struct oid *oid)
{
    return all_zero(oid->bytes, sizeof(oid->bytes));
}

void digest_to_hex(const struct digest *digest, char out[DIGEST_HEX_SIZE])
{
    to_hex(digest->bytes, sizeof(digest->bytes), out);
}

enum err digest_from_hex(const char *text, size_t len, struct digest *out)
{
    return from_hex(text, len, out->bytes, sizeof(out->bytes));
}

void digest_to_xet_hex(const struct digest *digest, char out[DIGEST_HEX_SIZE])
{
    struct digest printed = reverse_words(digest);
    digest_to_hex(&printed, out);
}

enum err digest_from_xet_hex(const char *text, size_t len, struct digest *out)
{
    struct digest printed;
    enum err err = digest_from_hex(text, len, &printed);
    if (err == ERR_NONE) {
        *out = reverse_words(&printed);
    }
    return err;
}

void oid_to_hex(const struct oid *oid, char out[OID_HEX_SIZE])
{
    to_hex(oid->bytes, sizeof(oid->bytes), out);
}

enum err oid_from_hex(const char *text, size_t len, struct oid *out)
{
    return from_hex(text, len, out->bytes, sizeof(out->bytes));
}
