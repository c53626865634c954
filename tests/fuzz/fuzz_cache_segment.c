// SPDX-License-Identifier: Apache-2.0
// A segment file of any bytes: parsing heads and scanning never read or write out of bounds,
// never run for ever, and what they accept keeps the format's promises. The first byte says
// whether tags and checksums are made right, so that the fuzzer gets behind them.
#include "cache/segment_scan.h"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Not assert(): the fuzz preset builds with NDEBUG.
static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static const struct store_uuid uuid = {
    {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

enum { SEGMENT_ID = 3, FILE_MAX = 1 << 20 };

static bool check(void *ctx, uint64_t offset, const struct record *record)
{
    uint64_t *last_end = ctx;
    must(offset >= *last_end && offset % RECORD_ALIGN == 0);
    must(record->n >= 1 && record->n <= RUN_CHUNKS_MAX);
    must(record->ends[record->n - 1] == record->data_len);
    must(record->data_len <= RECORD_DATA_MAX);
    uint32_t before = 0;
    for (uint32_t i = 0; i < record->n; i++) {
        must(record->ends[i] > before && record->ends[i] - before <= CHUNK_BYTES_MAX);
        before = record->ends[i];
    }
    *last_end = offset + record_bytes(record->n, record->data_len);
    return true;
}

// Makes every place that has room for a record's fixed part and begins with its magic carry
// the right tag and checksum.
static void mend(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at + RECORD_FIXED_BYTES <= size; at += RECORD_ALIGN) {
        if (!record_magic_matches(bytes + at)) {
            continue;
        }
        uint64_t tag = load_u64(uuid.bytes) ^ load_u64(uuid.bytes + 8);
        tag ^= SEGMENT_ID * UINT64_C(0x9e3779b97f4a7c15) ^ (SEGMENT_HEADER_BYTES + at);
        store_u64(bytes + at + 56, tag);
        size_t head =
            record_head_bytes((uint32_t)bytes[at + 14] | (uint32_t)bytes[at + 15] << 8);
        if (head <= size - at) {
            store_u32(bytes + at + 8, crc32c(0, bytes + at + 12, head - 12));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FILE_MAX) {
        return 0;
    }
    AUTO_FREE uint8_t *bytes = malloc(size);
    AUTO_CLOSE int fd = memfd_create("segment", MFD_CLOEXEC);
    if (!bytes || fd < 0) {
        return 0;
    }
    memcpy(bytes, data + 1, size - 1);
    if (data[0] % 2) {
        mend(bytes, size - 1);
    }
    struct store_uuid parsed;
    uint64_t id = 0;
    if (segment_header_parse(bytes, size - 1, &parsed, &id) == ERR_NONE) {
        uint8_t again[SEGMENT_HEADER_BYTES];
        segment_header_encode(again, &parsed, id);
        must(memcmp(again, bytes, 8) == 0);
    }
    if (file_pwrite(fd, bytes, size - 1, SEGMENT_HEADER_BYTES)) {
        return 0;
    }
    uint64_t last_end = SEGMENT_HEADER_BYTES;
    uint64_t end = 0;
    segment_scan(fd, &uuid, SEGMENT_ID, check, &last_end, &end);
    must(end == last_end);
    return 0;
}
