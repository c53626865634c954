// SPDX-License-Identifier: Apache-2.0
// The bytes of a segment file. All integers are little endian.
//
//   header, 4 KiB     magic 8 | version 4 | crc32c 4 | store uuid 16 | segment id 8 | zeros
//   record            aligned to 64 bytes
//     fixed, 64       magic 8 | crc32c 4 | kind 1 | flags 1 | n 2 | hash 32 | first 4 |
//                     data length 4 | tag 8
//     n x 40          end 4 | crc32c of the chunk 4 | BLAKE3 of the chunk 32
//     data            the chunks, one after another
//   record ...
//
// The record's crc32c covers the rest of the fixed part and the table, not the data: data is
// covered chunk by chunk. With this the index can be rebuilt from the segments alone.
//
// The tag binds a record to its store, segment and offset. A scan that lost its way inside
// data finds the next record by its magic; without the tag a file on the Hub that contains
// bytes shaped like a record could then plant chunks of an object of its choice.
#include "cache/segment_record.h"

static const uint8_t segment_magic[8] = {'h', 'u', 'g', 'f', 's', 's', 'e', 'g'};
static const uint8_t record_magic[8] = {0xf1, 'r', 'u', 'n', 0x8d, '\n', 0x1a, 0xc4};

enum { SEGMENT_VERSION = 1, HEADER_USED_BYTES = 40, HEADER_CRC_FROM = 16 };
enum { RECORD_CRC_AT = 8, RECORD_CRC_FROM = 12, FLAG_HASHES = 1 };

static uint64_t place_tag(const struct record_place *place)
{
    uint64_t secret = load_u64(place->uuid->bytes) ^ load_u64(place->uuid->bytes + 8);
    uint64_t where = (place->segment * UINT64_C(0x9e3779b97f4a7c15)) ^ place->offset;
    return secret ^ where;
}

void segment_header_encode(uint8_t out[SEGMENT_HEADER_BYTES],
                           const struct store_uuid *uuid, uint64_t segment)
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    memcpy(out, segment_magic, sizeof(segment_magic));
    store_u32(out + 8, SEGMENT_VERSION);
    memcpy(out + 16, uuid->bytes, STORE_UUID_BYTES);
    store_u64(out + 32, segment);
    store_u32(out + 12,
              crc32c(0, out + HEADER_CRC_FROM, HEADER_USED_BYTES - HEADER_CRC_FROM));
}

enum err segment_header_parse(const uint8_t *bytes, size_t len,
                              struct store_uuid *out_uuid, uint64_t *out_segment)
{
    struct cursor cursor = cursor_init(bytes, len);
    const uint8_t *magic = NULL;
    const uint8_t *uuid = NULL;
    uint32_t version = 0;
    uint32_t crc = 0;
    uint64_t segment = 0;
    if (cursor_take_bytes(&cursor, 8, &magic) || cursor_take_u32(&cursor, &version) ||
        cursor_take_u32(&cursor, &crc) ||
        cursor_take_bytes(&cursor, STORE_UUID_BYTES, &uuid) ||
        cursor_take_u64(&cursor, &segment)) {
        return ERR_MALFORMED;
    }
    if (memcmp(magic, segment_magic, sizeof(segment_magic)) != 0 ||
        crc != crc32c(0, bytes + HEADER_CRC_FROM, HEADER_USED_BYTES - HEADER_CRC_FROM)) {
        return ERR_MALFORMED;
    }
    if (version > SEGMENT_VERSION) {
        return ERR_NEWER_SCHEMA;
    }
    memcpy(out_uuid->bytes, uuid, STORE_UUID_BYTES);
    *out_segment = segment;
    return ERR_NONE;
}

size_t record_head_bytes(uint32_t n)
{
    return RECORD_FIXED_BYTES + (size_t)n * RECORD_ENTRY_BYTES;
}

uint64_t record_bytes(uint32_t n, uint32_t data_len)
{
    uint64_t bytes = record_head_bytes(n) + (uint64_t)data_len;
    return (bytes + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

void record_encode(uint8_t *out, const struct record *record,
                   const struct record_place *place)
{
    memcpy(out, record_magic, sizeof(record_magic));
    out[12] = (uint8_t)record->object.kind;
    out[13] = record->has_hashes ? FLAG_HASHES : 0;
    store_u16(out + 14, (uint16_t)record->n);
    memcpy(out + 16, record->object.hash.bytes, sizeof(record->object.hash.bytes));
    store_u32(out + 48, record->first);
    store_u32(out + 52, record->data_len);
    store_u64(out + 56, place_tag(place));
    uint8_t *entry = out + RECORD_FIXED_BYTES;
    for (uint32_t i = 0; i < record->n; i++) {
        store_u32(entry, record->ends[i]);
        store_u32(entry + 4, record->crcs[i]);
        memcpy(entry + 8, record->hashes[i].bytes, sizeof(record->hashes[i].bytes));
        entry += RECORD_ENTRY_BYTES;
    }
    size_t head = record_head_bytes(record->n);
    store_u32(out + RECORD_CRC_AT,
              crc32c(0, out + RECORD_CRC_FROM, head - RECORD_CRC_FROM));
}

bool record_magic_matches(const uint8_t *bytes)
{
    return memcmp(bytes, record_magic, sizeof(record_magic)) == 0;
}

static enum err parse_fixed(struct cursor *cursor, const struct record_place *place,
                            struct record *out, uint32_t *out_crc)
{
    const uint8_t *magic = NULL;
    const uint8_t *hash = NULL;
    uint8_t kind = 0;
    uint8_t flags = 0;
    uint16_t n = 0;
    uint64_t tag = 0;
    if (cursor_take_bytes(cursor, 8, &magic) || cursor_take_u32(cursor, out_crc) ||
        cursor_take_u8(cursor, &kind) || cursor_take_u8(cursor, &flags) ||
        cursor_take_u16(cursor, &n) || cursor_take_bytes(cursor, 32, &hash) ||
        cursor_take_u32(cursor, &out->first) || cursor_take_u32(cursor, &out->data_len) ||
        cursor_take_u64(cursor, &tag)) {
        return ERR_MALFORMED;
    }
    if (!record_magic_matches(magic) || tag != place_tag(place) ||
        (kind != OBJECT_XORB && kind != OBJECT_BLOB) || n == 0 || n > RUN_CHUNKS_MAX ||
        out->first >= CHUNK_NUMBER_LIMIT - n) {
        return ERR_MALFORMED;
    }
    out->object.kind = (enum object_kind)kind;
    memcpy(out->object.hash.bytes, hash, sizeof(out->object.hash.bytes));
    out->n = n;
    out->has_hashes = (flags & FLAG_HASHES) != 0;
    return ERR_NONE;
}

static enum err parse_table(struct cursor *cursor, struct record *out)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < out->n; i++) {
        const uint8_t *hash = NULL;
        if (cursor_take_u32(cursor, &out->ends[i]) ||
            cursor_take_u32(cursor, &out->crcs[i]) ||
            cursor_take_bytes(cursor, sizeof(struct digest), &hash)) {
            return ERR_MALFORMED;
        }
        if (out->ends[i] <= before || out->ends[i] - before > CHUNK_BYTES_MAX) {
            return ERR_MALFORMED;
        }
        memcpy(out->hashes[i].bytes, hash, sizeof(struct digest));
        before = out->ends[i];
    }
    return before == out->data_len ? ERR_NONE : ERR_MALFORMED;
}

enum err record_parse(const uint8_t *bytes, size_t len, const struct record_place *place,
                      struct record *out)
{
    struct cursor cursor = cursor_init(bytes, len);
    uint32_t crc = 0;
    enum err err = parse_fixed(&cursor, place, out, &crc);
    if (err) {
        return err;
    }
    size_t head = record_head_bytes(out->n);
    if (head > len || crc != crc32c(0, bytes + RECORD_CRC_FROM, head - RECORD_CRC_FROM)) {
        return ERR_MALFORMED;
    }
    return parse_table(&cursor, out);
}

void record_init(struct record *record, const struct object_id *object, uint32_t first,
                 const uint32_t *ends, const struct digest *hashes, uint32_t skip,
                 uint32_t n, const uint8_t *const *chunks)
{
    uint32_t base = skip == 0 ? 0 : ends[skip - 1];
    record->object = *object;
    record->first = first + skip;
    record->n = n;
    record->data_len = ends[skip + n - 1] - base;
    record->has_hashes = hashes != NULL;
    uint32_t before = base;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t end = ends[skip + i];
        record->ends[i] = end - base;
        record->crcs[i] = crc32c(0, chunks[skip + i], end - before);
        record->hashes[i] = hashes ? hashes[skip + i] : (struct digest){{0}};
        before = end;
    }
}

bool run_is_legal(const struct object_id *object, uint32_t first, uint32_t n,
                  const uint32_t *ends)
{
    if ((object->kind != OBJECT_XORB && object->kind != OBJECT_BLOB) || n == 0 ||
        n > RUN_CHUNKS_MAX || first >= CHUNK_NUMBER_LIMIT - n) {
        return false;
    }
    uint32_t before = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (ends[i] <= before || ends[i] - before > CHUNK_BYTES_MAX) {
            return false;
        }
        before = ends[i];
    }
    return true;
}
