// SPDX-License-Identifier: Apache-2.0
// Nothing that a header says is believed before it has been compared with a limit: the
// lengths bound every buffer that the record will touch.
#include "xet/chunk_record.h"

#include "xet/byte_grouping.h"

#include <string.h>

enum err chunk_record_parse(const uint8_t header[RECORD_HEADER_BYTES], struct why *why,
                            struct chunk_record *out)
{
    uint32_t packed_len = load_u24(header + 1);
    uint32_t len = load_u24(header + 5);
    if (header[0] != 0) {
        return why_set(why, ERR_UNSUPPORTED,
                       "its record has version %u, and this hugfs knows only version 0",
                       header[0]);
    }
    if (header[4] > RECORD_BG4_LZ4) {
        return why_set(why, ERR_UNSUPPORTED,
                       "it is compressed with scheme %u, which this hugfs does not know; "
                       "a newer one may",
                       header[4]);
    }
    if (len == 0 || len > CHUNK_BYTES_MAX) {
        return why_set(why, ERR_MALFORMED,
                       "its length of %u bytes is not within 1 and %d", len,
                       CHUNK_BYTES_MAX);
    }
    if (packed_len == 0 || packed_len > RECORD_PACKED_MAX) {
        return why_set(why, ERR_MALFORMED,
                       "its packed length of %u bytes is not within 1 and %d", packed_len,
                       RECORD_PACKED_MAX);
    }
    if (header[4] == RECORD_PLAIN && packed_len != len) {
        return why_set(why, ERR_MALFORMED,
                       "it is stored plain, but as %u instead of %u bytes", packed_len,
                       len);
    }
    *out = (struct chunk_record){(enum record_scheme)header[4], packed_len, len};
    return ERR_NONE;
}

enum err record_decoder_init(struct record_decoder *decoder)
{
    decoder->lz4 = lz4_frame_new();
    decoder->grouped = malloc(CHUNK_BYTES_MAX);
    if (!decoder->lz4 || !decoder->grouped) {
        record_decoder_release(decoder);
        return ERR_NO_MEMORY;
    }
    return ERR_NONE;
}

void record_decoder_release(struct record_decoder *decoder)
{
    lz4_frame_free(decoder->lz4);
    free(decoder->grouped);
    *decoder = (struct record_decoder){0};
}

enum err chunk_record_decode(struct record_decoder *decoder,
                             const struct chunk_record *record, const uint8_t *packed,
                             struct why *why, uint8_t *to)
{
    uint8_t *unpacked = record->scheme == RECORD_BG4_LZ4 ? decoder->grouped : to;
    if (record->scheme == RECORD_PLAIN) {
        memcpy(to, packed, record->len);
        return ERR_NONE;
    }
    if (lz4_frame_decode(decoder->lz4, packed, record->packed_len, unpacked,
                         record->len)) {
        return why_set(why, ERR_MALFORMED,
                       "its packed bytes are not one LZ4 frame of exactly %u bytes",
                       record->len);
    }
    if (record->scheme == RECORD_BG4_LZ4) {
        byte_grouping_undo(to, unpacked, record->len);
    }
    return ERR_NONE;
}
