// SPDX-License-Identifier: Apache-2.0
// The bytes of a shard (Xet protocol, "Shard"): 48-byte records, little endian.
//
//   header      tag[32], u64 version 2, u64 length of the footer (0 in an upload)
//   files       for each: hash[32], u32 flags, u32 n, u64 0
//                         n x  xorb[32], u32 0, u32 bytes, u32 first chunk, u32 end chunk
//                         n x  range hash[32], 16 zeros      where flags has VERIFICATION
//                              SHA-256[32], 16 zeros         where flags has METADATA
//   bookend     32 x ff, 16 zeros
//   xorbs       for each: hash[32], u32 0, u32 n, u32 bytes of its chunks, u32 of its records
//                         n x  chunk[32], u32 offset, u32 bytes, u32 flags, u32 0
//   bookend
//   footer      200 bytes, in answers only: version 1, ..., key[32] at 72, u64 expiry at 112
#pragma once

#include <stdint.h>

enum {
    SHARD_RECORD_BYTES = 48,
    SHARD_FOOTER_BYTES = 200,
    SHARD_VERSION = 2,
    SHARD_FOOTER_VERSION = 1,
    SHARD_KEY_AT = 72,
    SHARD_EXPIRY_AT = 112,
};

#define SHARD_FILE_VERIFICATION (UINT32_C(1) << 31)
#define SHARD_FILE_METADATA (UINT32_C(1) << 30)
#define SHARD_CHUNK_GLOBAL (UINT32_C(1) << 31) // may be asked for by anybody

extern const uint8_t SHARD_TAG[32];
extern const uint8_t SHARD_BOOKEND[SHARD_RECORD_BYTES];
