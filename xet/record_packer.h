// SPDX-License-Identifier: Apache-2.0
// Writes chunks as the records of a xorb (chunk_record.h), compressed where that helps.
#pragma once

#include "xet/chunk_record.h"

// What packing needs besides input and output; for one thread at a time. Holds about 280 KiB.
struct record_packer {
    uint8_t *grouped;
    uint8_t *packed;
    size_t packed_max;
};
NODISCARD enum err record_packer_init(struct record_packer *packer);
void record_packer_release(struct record_packer *packer);

// The scheme to try on a run of chunks that begins with this one.
enum record_scheme record_packer_choose(const uint8_t *chunk, size_t len);

// Writes one record with a chunk of 1 to CHUNK_BYTES_MAX bytes; stored plain when the scheme
// does not make it smaller. `to` has RECORD_HEADER_BYTES + len places. Returns the record's
// length.
size_t record_packer_pack(struct record_packer *packer, enum record_scheme scheme,
                          const uint8_t *chunk, size_t len, uint8_t *to);
