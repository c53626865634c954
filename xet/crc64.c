// SPDX-License-Identifier: Apache-2.0
// Portable: eight tables that take eight bytes at a step. On x86-64 four 128-bit lanes are
// folded forward by carry-less multiplication, 64 bytes at a step; what they hold at the end
// is 64 bytes with the same checksum as everything before them, which the tables finish.
//
// A lane is folded over n bits by multiplying its halves with x^(n + 63) and x^(n - 1) modulo
// the polynomial (the product of two reflected words is one bit off, hence the 1). The
// constants are those for 512 bits; tests/unit/xet/test_crc64.c checks them.
#include "xet/crc64.h"

#include "base/base.h"

#include <string.h>

enum { SLICES = 8, BYTE_VALUES = 256 };

static const uint64_t POLYNOMIAL = UINT64_C(0x9a6c9329ac4bc9b5); // reflected

static uint64_t tables[SLICES][BYTE_VALUES];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void compute_tables(void)
{
    for (uint64_t byte = 0; byte < BYTE_VALUES; byte++) {
        uint64_t state = byte;
        for (int bit = 0; bit < 8; bit++) {
            state = (state >> 1) ^ (state & 1 ? POLYNOMIAL : 0);
        }
        tables[0][byte] = state;
    }
    for (uint64_t byte = 0; byte < BYTE_VALUES; byte++) {
        for (int slice = 1; slice < SLICES; slice++) {
            uint64_t before = tables[slice - 1][byte];
            tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
}

static uint64_t by_tables(uint64_t state, const uint8_t *bytes, size_t len)
{
    pthread_once(&tables_once, compute_tables);
    for (; len >= SLICES; bytes += SLICES, len -= SLICES) {
        uint64_t word = load_u64(bytes) ^ state;
        state = 0;
        for (unsigned i = 0; i < SLICES; i++) {
            state ^= tables[SLICES - 1 - i][(word >> (8 * i)) & 0xff];
        }
    }
    for (; len > 0; bytes++, len--) {
        state = (state >> 8) ^ tables[0][(state ^ *bytes) & 0xff];
    }
    return state;
}

#if defined(__x86_64__)

#include <immintrin.h>

enum { LANE_BYTES = 16, FOLD_BYTES = 4 * LANE_BYTES };

__attribute__((target("pclmul"))) static inline __m128i
fold(__m128i lane, __m128i factors, const uint8_t *next)
{
    __m128i low = _mm_clmulepi64_si128(lane, factors, 0x00);
    __m128i high = _mm_clmulepi64_si128(lane, factors, 0x11);
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)next);
    return _mm_xor_si128(_mm_xor_si128(low, high), bytes);
}

// At least FOLD_BYTES of them.
__attribute__((target("pclmul"))) static uint64_t
by_folding(uint64_t state, const uint8_t *bytes, size_t len)
{
    const __m128i factors = _mm_set_epi64x(INT64_C(0x62242240ace5045a),  // x^511
                                           INT64_C(0x0c32cdb31e18a84a)); // x^575
    __m128i lanes[4];
    memcpy(lanes, bytes, FOLD_BYTES);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi64_si128((long long)state));
    bytes += FOLD_BYTES;
    len -= FOLD_BYTES;
    for (; len >= FOLD_BYTES; bytes += FOLD_BYTES, len -= FOLD_BYTES) {
        lanes[0] = fold(lanes[0], factors, bytes);
        lanes[1] = fold(lanes[1], factors, bytes + LANE_BYTES);
        lanes[2] = fold(lanes[2], factors, bytes + 2 * LANE_BYTES);
        lanes[3] = fold(lanes[3], factors, bytes + 3 * LANE_BYTES);
    }
    uint8_t left[FOLD_BYTES];
    memcpy(left, lanes, FOLD_BYTES);
    return by_tables(by_tables(0, left, FOLD_BYTES), bytes, len);
}

#endif

uint64_t crc64nvme_portable(uint64_t crc, const void *bytes, size_t len)
{
    return ~by_tables(~crc, bytes, len);
}

uint64_t crc64nvme(uint64_t crc, const void *bytes, size_t len)
{
#if defined(__x86_64__)
    if (len >= FOLD_BYTES && __builtin_cpu_supports("pclmul")) {
        return ~by_folding(~crc, bytes, len);
    }
#endif
    return crc64nvme_portable(crc, bytes, len);
}
