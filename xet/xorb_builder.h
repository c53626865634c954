// SPDX-License-Identifier: Apache-2.0
// Collects chunk records into a xorb (Xet protocol, "Xorb"). The records go to an unnamed
// file at once, so that a xorb of 64 MiB costs no memory but the list of its chunks.
#pragma once

#include "base/base.h"

#include <stddef.h>
#include <stdint.h>

// Official limits: 8192 chunks, and 64 MiB of records. Chunks that don't compress must fit
// with their headers, so the limit that is kept is on their plain bytes.
enum { XORB_CHUNKS_MAX = 8192, XORB_RECORDS_MAX = 64 * 1024 * 1024 };
enum { XORB_RAW_MAX = XORB_RECORDS_MAX - 8 * XORB_CHUNKS_MAX };

struct xorb_chunk {
    struct digest hash;
    uint32_t len;
    bool is_first; // of a file
};

struct xorb_builder;

// `dir` is where the unnamed file is made.
NODISCARD enum err xorb_builder_new(const char *dir, struct why *why,
                                    struct xorb_builder **out);
void xorb_builder_free(struct xorb_builder *builder);

// Appends chunks, whose records stand one after the other in `records`. ERR_TOO_LARGE past a
// limit; ERR_NO_SPACE and other errors of the disk end the xorb.
NODISCARD enum err xorb_builder_add(struct xorb_builder *builder,
                                    const struct xorb_chunk *chunks, size_t n,
                                    const uint8_t *records, size_t records_len,
                                    struct why *why);

// A finished xorb. Ours until xorb_release().
struct xorb {
    struct digest hash;
    int fd;
    uint64_t len; // of the records
    uint64_t crc64nvme;
    uint64_t raw; // bytes of the chunks
    size_t n;
    struct xorb_chunk *chunks;
};
// Takes everything out of the builder, which must hold a chunk and can only be freed then.
void xorb_builder_finish(struct xorb_builder *builder, struct xorb *out);
void xorb_release(struct xorb *xorb);

// O_TMPFILE in `dir`.
NODISCARD enum err unnamed_file_open(const char *dir, struct why *why, int *out_fd);
