// SPDX-License-Identifier: Apache-2.0
// CRC-32C with SSE4.2's crc32 instruction. It starts every cycle but takes three, so one
// chain of them uses a third of the machine: long input is cut into three streams that run
// side by side, and carry-less multiplication joins the results.
//
//     |<--- stream --->|<--- stream --->|<--- stream --->|<- 8 ->|
//      a                b                c                 joint
//
// Moving a checksum n bytes on is a multiplication by x^(8n) modulo the polynomial. The
// product is 64 bits wide; instead of reducing it, it is XORed into the 8 bytes of the joint
// and the next crc32 instruction reduces it. That one brings a factor x^32, and a reflected
// product is one bit off, hence the factors x^(8n - 33). (The construction is Peter Cawley's,
// "fast-crc32"; tests/unit/base/test_crc32c.c checks every length around the borders.)

#include "base/crc32c_cpu.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define WITH_CRC32 __attribute__((target("sse4.2,pclmul")))

enum { JOINT_BYTES = 8, LONG_STREAM = 4096, SHORT_STREAM = 336 };

struct fold {
    size_t stream;     // bytes in each stream
    uint32_t factor_a; // x^(8 * (2 * stream + JOINT_BYTES) - 33)
    uint32_t factor_b; // x^(8 * (stream + JOINT_BYTES) - 33)
};

static const struct fold LONG_FOLD = {LONG_STREAM, 0xe040e0ac, 0xc2a5b65e};
static const struct fold SHORT_FOLD = {SHORT_STREAM, 0xe417f38a, 0x8f158014};

bool crc32c_x86_is_usable(void)
{
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

static uint64_t load_word(const uint8_t *from)
{
    uint64_t word = 0;
    memcpy(&word, from, sizeof(word));
    return word;
}

__attribute__((target("pclmul"))) static uint64_t multiply(uint64_t state,
                                                           uint32_t factor)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)state),
                                           _mm_cvtsi32_si128((int)factor), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

static size_t block_bytes(const struct fold *fold)
{
    return 3 * fold->stream + JOINT_BYTES;
}

WITH_CRC32 static uint64_t three_streams(uint64_t state, const uint8_t *bytes,
                                         const struct fold *fold)
{
    uint64_t a = state;
    uint64_t b = 0;
    uint64_t c = 0;
    const uint8_t *end = bytes + fold->stream;
    for (; bytes < end; bytes += 8) {
        a = _mm_crc32_u64(a, load_word(bytes));
        b = _mm_crc32_u64(b, load_word(bytes + fold->stream));
        c = _mm_crc32_u64(c, load_word(bytes + 2 * fold->stream));
    }
    uint64_t moved = multiply(a, fold->factor_a) ^ multiply(b, fold->factor_b);
    return _mm_crc32_u64(c, load_word(bytes + 2 * fold->stream) ^ moved);
}

WITH_CRC32 uint32_t crc32c_x86(uint32_t state, const uint8_t *bytes, size_t len)
{
    uint64_t wide = state;
    for (; len >= block_bytes(&LONG_FOLD); len -= block_bytes(&LONG_FOLD)) {
        wide = three_streams(wide, bytes, &LONG_FOLD);
        bytes += block_bytes(&LONG_FOLD);
    }
    for (; len >= block_bytes(&SHORT_FOLD); len -= block_bytes(&SHORT_FOLD)) {
        wide = three_streams(wide, bytes, &SHORT_FOLD);
        bytes += block_bytes(&SHORT_FOLD);
    }
    for (; len >= 8; bytes += 8, len -= 8) {
        wide = _mm_crc32_u64(wide, load_word(bytes));
    }
    uint32_t narrow = (uint32_t)wide;
    for (; len > 0; bytes++, len--) {
        narrow = _mm_crc32_u8(narrow, *bytes);
    }
    return narrow;
}

#endif
