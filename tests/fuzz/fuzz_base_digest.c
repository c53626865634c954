// SPDX-License-Identifier: Apache-2.0
// Hex digests: what is accepted comes back as the same digits in lower case.

#include "base/digest.h"
#include "tests/fuzz/fuzz_target.h"

#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    struct digest digest;
    struct oid oid;
    char hex[DIGEST_HEX_SIZE];
    if (digest_from_hex(text, len, &digest) == ERR_NONE) {
        digest_to_hex(&digest, hex);
        fuzz_require(len == 64 && strncasecmp(hex, text, len) == 0);
        fuzz_require(digest_from_xet_hex(text, len, &digest) == ERR_NONE);
        digest_to_xet_hex(&digest, hex);
        fuzz_require(strncasecmp(hex, text, len) == 0);
    } else {
        fuzz_require(digest_from_xet_hex(text, len, &digest) != ERR_NONE);
    }
    if (oid_from_hex(text, len, &oid) == ERR_NONE) {
        oid_to_hex(&oid, hex);
        fuzz_require(len == 40 && strncasecmp(hex, text, len) == 0);
    }
    return 0;
}
