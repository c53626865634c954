// SPDX-License-Identifier: Apache-2.0
// The choice of the version, and the portable one: eight tables that take eight bytes at a
// step ("slicing by 8"). They are computed at first use: 8 KiB that x86-64 and ARMv8 never
// touch.

#include "base/crc32c.h"

#include "base/crc32c_cpu.h"
#include "base/cursor.h"

#include <pthread.h>

enum { SLICES = 8, BYTE_VALUES = 256 };

static const uint32_t POLYNOMIAL = 0x82f63b78; // reflected

static uint32_t tables[SLICES][BYTE_VALUES];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void compute_tables(void)
{
    for (uint32_t byte = 0; byte < BYTE_VALUES; byte++) {
        uint32_t state = byte;
        for (int bit = 0; bit < 8; bit++) {
            state = (state >> 1) ^ (state & 1 ? POLYNOMIAL : 0);
        }
        tables[0][byte] = state;
    }
    for (uint32_t byte = 0; byte < BYTE_VALUES; byte++) {
        for (int slice = 1; slice < SLICES; slice++) {
            uint32_t before = tables[slice - 1][byte];
            tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
}

uint32_t crc32c_portable(uint32_t state, const uint8_t *bytes, size_t len)
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

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
#if defined(__x86_64__)
    if (crc32c_x86_is_usable()) {
        return ~crc32c_x86(~crc, bytes, len);
    }
#elif defined(__aarch64__)
    if (crc32c_arm_is_usable()) {
        return ~crc32c_arm(~crc, bytes, len);
    }
#endif
    return ~crc32c_portable(~crc, bytes, len);
}
