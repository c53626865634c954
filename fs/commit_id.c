// SPDX-License-Identifier: Apache-2.0
// RFC 9562, version 4.
#include "fs/commit_id.h"

void commit_id_new(char out[COMMIT_ID_SIZE])
{
    uint8_t bytes[16];
    random_bytes(bytes, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    char *at = out;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        at += snprintf(at, 3, "%02x", bytes[i]);
    }
}

void commit_trailer(const char *id, char out[COMMIT_TRAILER_SIZE])
{
    snprintf(out, COMMIT_TRAILER_SIZE, "Hugfs-Commit: %s", id);
}
