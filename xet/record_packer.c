// SPDX-License-Identifier: Apache-2.0
// LZ4 means a frame: independent blocks, no checksums, no content size, one block where the
// chunk fits into one of 64 KiB or else 256 KiB. That is what the official client writes, so
// every reader knows it.
#include "xet/record_packer.h"

#include "xet/byte_grouping.h"
#include "xet/byte_prediction.h"

#include <lz4frame.h>
#include <string.h>

static LZ4F_preferences_t preferences(size_t len)
{
    return (LZ4F_preferences_t){
        .frameInfo = {.blockSizeID = len <= 65536 ? LZ4F_max64KB : LZ4F_max256KB,
                      .blockMode = LZ4F_blockIndependent},
    };
}

enum err record_packer_init(struct record_packer *packer)
{
    LZ4F_preferences_t largest = preferences(CHUNK_BYTES_MAX);
    packer->packed_max = LZ4F_compressFrameBound(CHUNK_BYTES_MAX, &largest);
    packer->packed = malloc(packer->packed_max);
    packer->grouped = malloc(CHUNK_BYTES_MAX);
    if (!packer->packed || !packer->grouped) {
        record_packer_release(packer);
        return ERR_NO_MEMORY;
    }
    return ERR_NONE;
}

void record_packer_release(struct record_packer *packer)
{
    free(packer->packed);
    free(packer->grouped);
    *packer = (struct record_packer){0};
}

enum record_scheme record_packer_choose(const uint8_t *chunk, size_t len)
{
    return byte_grouping_pays(chunk, len) ? RECORD_BG4_LZ4 : RECORD_LZ4;
}

static size_t write_record(enum record_scheme scheme, const uint8_t *payload,
                           size_t payload_len, size_t len, uint8_t *to)
{
    to[0] = 0;
    store_u24(to + 1, (uint32_t)payload_len);
    to[4] = (uint8_t)scheme;
    store_u24(to + 5, (uint32_t)len);
    memcpy(to + RECORD_HEADER_BYTES, payload, payload_len);
    return RECORD_HEADER_BYTES + payload_len;
}

size_t record_packer_pack(struct record_packer *packer, enum record_scheme scheme,
                          const uint8_t *chunk, size_t len, uint8_t *to)
{
    const uint8_t *input = chunk;
    if (scheme == RECORD_BG4_LZ4) {
        byte_grouping_do(packer->grouped, chunk, len);
        input = packer->grouped;
    }
    if (scheme != RECORD_PLAIN) {
        LZ4F_preferences_t wanted = preferences(len);
        size_t packed_len =
            LZ4F_compressFrame(packer->packed, packer->packed_max, input, len, &wanted);
        if (!LZ4F_isError(packed_len) && packed_len < len) {
            return write_record(scheme, packer->packed, packed_len, len, to);
        }
    }
    return write_record(RECORD_PLAIN, chunk, len, len, to);
}
