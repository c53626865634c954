// SPDX-License-Identifier: Apache-2.0
// The answer to a deduplication query: what is accepted can be walked through, and keeps the
// limits that its users rely on.

#include "cache/cache.h"
#include "tests/fuzz/fuzz_target.h"
#include "xet/shard_reader.h"
#include "xet/xorb_builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct shard_answer answer;
    struct shard_answer_xorb xorb;
    uint8_t *copy = malloc(len + 1);
    fuzz_require(copy != NULL);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    // In memory of exactly that size, so that the sanitizer sees each byte.
    uint8_t *exact = realloc(copy, len > 0 ? len : 1);
    fuzz_require(exact != NULL);
    if (!shard_answer_open(exact, len, &answer)) {
        fuzz_require(answer.is_keyed == !digest_is_zero(&answer.key));
        while (shard_answer_next(&answer, &xorb)) {
            fuzz_require(xorb.n <= XORB_CHUNKS_MAX);
            for (uint32_t i = 0; i < xorb.n; i++) {
                struct digest name;
                uint32_t chunk_len;
                shard_answer_chunk(&xorb, i, &name, &chunk_len);
                fuzz_require(chunk_len > 0 && chunk_len <= CHUNK_BYTES_MAX);
            }
        }
    }
    free(exact);
    return 0;
}
