// SPDX-License-Identifier: Apache-2.0
// Scanning a segment: after a crash (which records of the open segment did the index not
// hear of?), and when the index is rebuilt.
//
// Records follow each other, but several threads write at once into places reserved in
// order, so a process that was killed can leave a hole before a sound record; and a disk can
// flip bytes of a head. So where no record is found the scan looks for the next one: it hops
// over holes (SEEK_DATA) and tests every 64-byte step of the rest for the magic. The tag in
// the head (segment_record.c) keeps data that looks like a record from being one.
#include "cache/segment_scan.h"

#include <errno.h>

enum { RESYNC_WINDOW = 65536 };

// As many bytes as the file has, up to len.
static size_t read_some(int fd, uint8_t *to, size_t len, uint64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, to + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        done += (size_t)got;
    }
    return done;
}

enum err record_read(int fd, const struct record_place *place, struct record *out)
{
    uint8_t head[RECORD_HEAD_MAX];
    size_t got = read_some(fd, head, sizeof(head), place->offset);
    if (got < RECORD_FIXED_BYTES) {
        return ERR_TRUNCATED;
    }
    return record_parse(head, got, place, out);
}

bool record_data_is_sound(int fd, uint64_t offset, const struct record *record)
{
    AUTO_FREE uint8_t *chunk = malloc(CHUNK_BYTES_MAX);
    if (!chunk) {
        return false;
    }
    uint64_t data = offset + record_head_bytes(record->n);
    uint32_t before = 0;
    for (uint32_t i = 0; i < record->n; i++) {
        uint32_t len = record->ends[i] - before;
        if (file_pread(fd, chunk, len, data + before) ||
            crc32c(0, chunk, len) != record->crcs[i]) {
            return false;
        }
        before = record->ends[i];
    }
    return true;
}

// The next place at or after `offset` where a record may begin; UINT64_MAX at the end.
static uint64_t next_magic(int fd, uint64_t offset)
{
    AUTO_FREE uint8_t *window = malloc(RESYNC_WINDOW);
    while (window) {
        off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
        if (data < 0 && errno == ENXIO) {
            return UINT64_MAX;
        }
        if (data > (off_t)offset) {
            offset = (uint64_t)data / RECORD_ALIGN * RECORD_ALIGN;
        }
        size_t got = read_some(fd, window, RESYNC_WINDOW, offset);
        if (got < RECORD_FIXED_BYTES) {
            return UINT64_MAX;
        }
        for (size_t at = 0; at + RECORD_FIXED_BYTES <= got; at += RECORD_ALIGN) {
            if (record_magic_matches(window + at)) {
                return offset + at;
            }
        }
        offset += got / RECORD_ALIGN * RECORD_ALIGN;
    }
    return UINT64_MAX;
}

void segment_scan(int fd, const struct store_uuid *uuid, uint64_t segment,
                  segment_visit_fn visit, void *ctx, uint64_t *out_end)
{
    uint64_t end = SEGMENT_HEADER_BYTES;
    uint64_t offset = SEGMENT_HEADER_BYTES;
    bool going = true;
    while (going) {
        struct record record;
        struct record_place place = {uuid, segment, offset};
        if (record_read(fd, &place, &record)) {
            offset = next_magic(fd, offset + RECORD_ALIGN);
            if (offset == UINT64_MAX) {
                break;
            }
            continue;
        }
        going = visit(ctx, offset, &record);
        offset += record_bytes(record.n, record.data_len);
        end = offset;
    }
    *out_end = end;
}
