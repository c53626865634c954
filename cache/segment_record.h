// SPDX-License-Identifier: Apache-2.0
// The format of segment files: pure functions from structs to bytes and back. No file is
// touched here.
#pragma once

#include "cache/store_limits.h"

enum { STORE_UUID_BYTES = 16 };

// What makes records of this store recognisable: random, chosen when the store is created.
struct store_uuid {
    uint8_t bytes[STORE_UUID_BYTES];
};

enum {
    SEGMENT_HEADER_BYTES = 4096,
    RECORD_ALIGN = 64,
    RECORD_FIXED_BYTES = 64,
    RECORD_ENTRY_BYTES = 40,
    RECORD_HEAD_MAX = RECORD_FIXED_BYTES + RUN_CHUNKS_MAX * RECORD_ENTRY_BYTES,
    RECORD_DATA_MAX = RUN_CHUNKS_MAX * CHUNK_BYTES_MAX,
};

// The head of a record: everything but the data.
struct record {
    struct object_id object;
    uint32_t first; // chunk number
    uint32_t n;
    uint32_t data_len;
    bool has_hashes;
    uint32_t ends[RUN_CHUNKS_MAX]; // cumulative, ends[n - 1] == data_len
    uint32_t crcs[RUN_CHUNKS_MAX]; // CRC-32C of each chunk
    struct digest hashes[RUN_CHUNKS_MAX];
};

// Where a record lies. It is part of the record's tag, so bytes that look like a record but
// were not written at this very place by this store are not one.
struct record_place {
    const struct store_uuid *uuid;
    uint64_t segment;
    uint64_t offset;
};

void segment_header_encode(uint8_t out[SEGMENT_HEADER_BYTES],
                           const struct store_uuid *uuid, uint64_t segment);
// ERR_MALFORMED when it is no segment header; ERR_NEWER_SCHEMA when a newer hugfs wrote it.
NODISCARD enum err segment_header_parse(const uint8_t *bytes, size_t len,
                                        struct store_uuid *out_uuid,
                                        uint64_t *out_segment);

// Bytes of the head, of head and data, and of the whole record with its padding.
size_t record_head_bytes(uint32_t n);
uint64_t record_bytes(uint32_t n, uint32_t data_len);

// Writes record_head_bytes(record->n) bytes.
void record_encode(uint8_t *out, const struct record *record,
                   const struct record_place *place);

// Whether a record can begin with these 8 bytes.
bool record_magic_matches(const uint8_t *bytes);

// Parses and checks a head: tag, checksum, bounds, ends that increase by at most
// CHUNK_BYTES_MAX. ERR_MALFORMED otherwise.
NODISCARD enum err record_parse(const uint8_t *bytes, size_t len,
                                const struct record_place *place, struct record *out);

// Makes a head for chunks [skip, skip + n) of the run given by its ends and computes the
// checksums; `chunks` are those of the whole run. hashes may be NULL.
void record_init(struct record *record, const struct object_id *object, uint32_t first,
                 const uint32_t *ends, const struct digest *hashes, uint32_t skip,
                 uint32_t n, const uint8_t *const *chunks);

// Whether the arguments of a put make a run that a record can hold.
bool run_is_legal(const struct object_id *object, uint32_t first, uint32_t n,
                  const uint32_t *ends);
