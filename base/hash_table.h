// SPDX-License-Identifier: Apache-2.0
// uthash, with a hash function of ours: its own expands into a switch that falls through,
// which clang refuses in every file that uses it. Include this instead of <uthash.h>.
#pragma once

#include <stddef.h>
#include <stdint.h>

// FNV-1a, with a final mix so that the low bits, which pick the bucket, depend on all.
static inline uint32_t hash_table_bytes(const void *key, size_t len)
{
    const uint8_t *bytes = key;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return (uint32_t)(hash ^ hash >> 32);
}

#define HASH_FUNCTION(key, len, out) ((out) = hash_table_bytes((key), (len)))
#include <uthash.h>
