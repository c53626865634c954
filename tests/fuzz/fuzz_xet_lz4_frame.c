// SPDX-License-Identifier: Apache-2.0
// A frame from outside: never a byte past the declared length, and the same frame always
// gives the same answer, also from a decoder that a broken frame was fed to before.

#include "tests/fuzz/fuzz_target.h"
#include "xet/lz4_frame.h"

enum { OUT_MAX = 70000 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 3) {
        return 0;
    }
    // In memory of exactly the declared length, so that the sanitizer sees each byte.
    size_t out_len = (size_t)(bytes[0] | bytes[1] << 8 | (bytes[2] & 1) << 16) % OUT_MAX;
    uint8_t *first = calloc(1, out_len + 1);
    uint8_t *second = calloc(1, out_len + 1);
    struct lz4_frame *used = lz4_frame_new();
    struct lz4_frame *fresh = lz4_frame_new();
    fuzz_require(first && second && used && fresh);
    (void)!lz4_frame_decode(used, bytes + len / 2, len - len / 2, first, out_len);
    enum err err = lz4_frame_decode(used, bytes + 3, len - 3, first, out_len);
    fuzz_require(err == lz4_frame_decode(fresh, bytes + 3, len - 3, second, out_len));
    fuzz_require(err != ERR_NONE || memcmp(first, second, out_len) == 0);
    fuzz_require(first[out_len] == 0);
    lz4_frame_free(used);
    lz4_frame_free(fresh);
    free(first);
    free(second);
    return 0;
}
