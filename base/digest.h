// SPDX-License-Identifier: Apache-2.0
// Content names: a 32-byte digest (SHA-256 or a Xet hash) and a 20-byte git object id.
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest {
    uint8_t bytes[32];
};

struct oid {
    uint8_t bytes[20];
};

enum { DIGEST_HEX_SIZE = 65, OID_HEX_SIZE = 41 }; // with the final NUL

bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_zero(const struct digest *digest);
bool oid_equal(const struct oid *a, const struct oid *b);
bool oid_is_zero(const struct oid *oid);

// Plain lower-case hex in byte order (SHA-256). Parsing takes exactly 64 hex digits of
// either case, ERR_MALFORMED otherwise.
void digest_to_hex(const struct digest *digest, char out[DIGEST_HEX_SIZE]);
NODISCARD enum err digest_from_hex(const char *text, size_t len, struct digest *out);

// The string form of Xet hashes: four little-endian 64-bit words, each printed as 16 hex
// digits (Xet protocol, "Converting Hashes to Strings").
void digest_to_xet_hex(const struct digest *digest, char out[DIGEST_HEX_SIZE]);
NODISCARD enum err digest_from_xet_hex(const char *text, size_t len, struct digest *out);

void oid_to_hex(const struct oid *oid, char out[OID_HEX_SIZE]);
NODISCARD enum err oid_from_hex(const char *text, size_t len, struct oid *out);
