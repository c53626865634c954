// SPDX-License-Identifier: Apache-2.0
// A chunk as it stands in a xorb (Xet protocol, "Xorb"):
//
//      0        1              4         5                8
//      +--------+--------------+---------+----------------+--------- - - -
//      | 0      | packed u24le | scheme  | length u24le   | packed bytes
//      +--------+--------------+---------+----------------+--------- - - -
//
// A range that a plan lists is always a whole number of such records.
#pragma once

#include "base/base.h"
#include "cache/cache.h"
#include "xet/lz4_frame.h"

enum {
    RECORD_HEADER_BYTES = 8,
    RECORD_PACKED_MAX = 262144, // the official reader's limit
};

enum record_scheme { RECORD_PLAIN, RECORD_LZ4, RECORD_BG4_LZ4 };

struct chunk_record {
    enum record_scheme scheme;
    uint32_t packed_len; // 1..RECORD_PACKED_MAX; equal to len when PLAIN
    uint32_t len;        // of the chunk, 1..CHUNK_BYTES_MAX
};

// Reads the 8 bytes of a header. ERR_MALFORMED or, for a scheme or version of the future,
// ERR_UNSUPPORTED; `why` then says which (without naming the xorb).
NODISCARD enum err chunk_record_parse(const uint8_t header[RECORD_HEADER_BYTES],
                                      struct why *why, struct chunk_record *out);

// What decoding needs besides input and output; for one thread at a time.
struct record_decoder {
    struct lz4_frame *lz4;
    uint8_t *grouped; // CHUNK_BYTES_MAX
};
NODISCARD enum err record_decoder_init(struct record_decoder *decoder);
void record_decoder_release(struct record_decoder *decoder);

// Writes the record->len bytes of the chunk to `to`. ERR_MALFORMED when the packed bytes
// give fewer or more.
NODISCARD enum err chunk_record_decode(struct record_decoder *decoder,
                                       const struct chunk_record *record,
                                       const uint8_t *packed, struct why *why,
                                       uint8_t *to);
