// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/xet/fake_records.h"

#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>

uint64_t fake_random(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

void fake_content(uint8_t *to, size_t len, int kind, uint64_t seed)
{
    static const char words[] = "the quick brown fox  ";
    uint64_t state = seed;
    for (size_t i = 0; i < len; i++) {
        uint64_t random = fake_random(&state);
        switch (kind) {
        case 0:
            to[i] = (uint8_t)random;
            break;
        case 1:
            to[i] = (uint8_t)words[(random >> 8) % (sizeof(words) - 1)];
            break;
        case 2:
            to[i] = i % 2 ? (uint8_t)(0x3c + random % 3) : (uint8_t)random;
            break;
        default:
            to[i] = 0;
        }
    }
}

void fake_group_bytes(uint8_t *to, const uint8_t *from, size_t len)
{
    size_t at = 0;
    for (size_t group = 0; group < 4; group++) {
        for (size_t i = group; i < len; i += 4) {
            to[at++] = from[i];
        }
    }
}

static LZ4F_preferences_t preferences(int form, size_t len)
{
    LZ4F_preferences_t wanted = {0};
    wanted.frameInfo.blockMode = form == 0 ? LZ4F_blockIndependent : LZ4F_blockLinked;
    wanted.frameInfo.blockSizeID = form == 2                  ? LZ4F_max4MB
                                   : len > 65536 && form == 0 ? LZ4F_max256KB
                                                              : LZ4F_max64KB;
    if (form == 2) {
        wanted.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
        wanted.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
        wanted.frameInfo.contentSize = len;
    }
    return wanted;
}

static size_t compress(uint8_t *to, size_t room, int form, const uint8_t *from,
                       size_t len)
{
    LZ4F_preferences_t wanted = preferences(form, len);
    size_t packed = LZ4F_compressFrame(to, room, from, len, &wanted);
    return LZ4F_isError(packed) ? SIZE_MAX : packed;
}

void fake_append_record(struct buffer *to, enum record_scheme scheme, int form,
                        const uint8_t *chunk, size_t len)
{
    size_t room = 2 * len + 4096;
    uint8_t *packed = malloc(room);
    uint8_t *grouped = malloc(len + 1);
    if (!packed || !grouped) {
        abort();
    }
    size_t packed_len = len;
    const uint8_t *bytes = chunk;
    if (scheme != RECORD_PLAIN) {
        if (scheme == RECORD_BG4_LZ4) {
            fake_group_bytes(grouped, chunk, len);
        }
        packed_len =
            compress(packed, room, form, scheme == RECORD_LZ4 ? chunk : grouped, len);
        bytes = packed;
    }
    if (packed_len >= len) {
        scheme = RECORD_PLAIN;
        packed_len = len;
        bytes = chunk;
    }
    uint8_t header[RECORD_HEADER_BYTES] = {0};
    store_u24(header + 1, (uint32_t)packed_len);
    header[4] = (uint8_t)scheme;
    store_u24(header + 5, (uint32_t)len);
    if (buffer_append(to, header, sizeof(header)) ||
        buffer_append(to, bytes, packed_len)) {
        abort();
    }
    free(packed);
    free(grouped);
}
