// SPDX-License-Identifier: Apache-2.0
// Writes the shard that is uploaded after the xorbs: which chunks make up each new file, and
// what the new xorbs hold. The two sections grow in unnamed files, in any order.
#pragma once

#include "xet/xorb_builder.h"

// The server takes no larger one.
#define SHARD_BYTES_MAX (UINT64_C(64) * 1024 * 1024)

// Chunks [first, end) of a xorb are the next bytes of the file.
struct shard_term {
    struct digest xorb;
    struct digest range_hash; // xet_hash_range() over the chunks' hashes
    uint32_t first;
    uint32_t end;
    uint32_t bytes;
};

struct shard_file {
    struct digest hash;
    struct digest sha256;
    const struct shard_term *terms;
    size_t n;
};

// Whether anybody may ask the server which xorb has this chunk.
bool shard_chunk_is_global(const struct digest *hash, bool is_first);

// What is said about one xorb; `out` is appended to. Needs SHARD_RECORD_BYTES * (n + 1).
NODISCARD enum err shard_encode_xorb(const struct xorb *xorb, struct buffer *out);

struct shard_writer;

NODISCARD enum err shard_writer_new(const char *dir, struct why *why,
                                    struct shard_writer **out);
void shard_writer_free(struct shard_writer *writer);

NODISCARD enum err shard_writer_add_file(struct shard_writer *writer,
                                         const struct shard_file *file, struct why *why);
// `bytes` as shard_encode_xorb() made them.
NODISCARD enum err shard_writer_add_xorb(struct shard_writer *writer,
                                         const uint8_t *bytes, size_t len,
                                         struct why *why);

// Of the shard if it were finished now. Whether it stays below SHARD_BYTES_MAX is the
// caller's business.
uint64_t shard_writer_size(const struct shard_writer *writer);
bool shard_writer_is_empty(const struct shard_writer *writer);

// Puts the shard together in a file of its own, which the caller closes; the writer is empty
// then and may be used again.
NODISCARD enum err shard_writer_finish(struct shard_writer *writer, struct why *why,
                                       int *out_fd, uint64_t *out_len);
