// SPDX-License-Identifier: Apache-2.0
// CRC-32C with ARMv8's instruction, which is optional in v8.0 and there in every later one.
// CMakeLists.txt compiles this one file for processors that have it.

#include "base/crc32c_cpu.h"

#if defined(__aarch64__)

#include "base/cursor.h"

#include <arm_acle.h>
#include <sys/auxv.h>

bool crc32c_arm_is_usable(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

uint32_t crc32c_arm(uint32_t state, const uint8_t *bytes, size_t len)
{
    for (; len >= 8; bytes += 8, len -= 8) {
        state = __crc32cd(state, load_u64(bytes));
    }
    for (; len > 0; bytes++, len--) {
        state = __crc32cb(state, *bytes);
    }
    return state;
}

#endif
