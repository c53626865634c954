// SPDX-License-Identifier: Apache-2.0
// Reads the shard that answers a global deduplication query: xorbs that hold the chunk asked
// for and its neighbours, their chunks named by keyed hashes. Bytes from outside.
#pragma once

#include "base/base.h"

#include <stddef.h>
#include <stdint.h>

struct shard_answer {
    bool is_keyed;
    struct digest key;  // a chunk's name is keyed BLAKE3 of its hash, where keyed
    uint64_t expires_s; // Unix time after which nothing of it may be used; 0 = never
    struct cursor left; // the xorbs that have not been taken yet
};

struct shard_answer_xorb {
    struct digest hash;
    uint32_t n;
    const uint8_t *chunks;
};

// Checks the whole of it: ERR_MALFORMED, or ERR_UNSUPPORTED for a version of the future. The
// bytes are kept and not copied.
NODISCARD enum err shard_answer_open(const uint8_t *bytes, size_t len,
                                     struct shard_answer *out);
// The next xorb; false when there are no more.
bool shard_answer_next(struct shard_answer *answer, struct shard_answer_xorb *out);
// Chunk i < xorb->n.
void shard_answer_chunk(const struct shard_answer_xorb *xorb, uint32_t i,
                        struct digest *out_name, uint32_t *out_len);
