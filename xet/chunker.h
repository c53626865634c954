// SPDX-License-Identifier: Apache-2.0
// Content-defined chunking (Xet protocol, "Chunking"): the ends of chunks follow from the
// bytes just before them, so an insertion moves the ends near it and no others. Bit-exact
// with the official client; how the bytes are split between calls makes no difference.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK_BYTES_MIN = 8192, CHUNK_BYTES_TARGET = 65536 };

struct chunker {
    uint64_t hash; // over the last 64 bytes
    uint32_t size; // of the chunk that is open
};

void chunker_init(struct chunker *chunker);

// Takes bytes up to the next end of a chunk, or all of them: returns how many. *out_is_end
// tells whether a chunk ends with the last byte taken; the next call then begins a new one.
// What is open when the content ends is its last chunk.
size_t chunker_feed(struct chunker *chunker, const uint8_t *bytes, size_t len,
                    bool *out_is_end);
