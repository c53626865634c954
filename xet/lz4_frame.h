// SPDX-License-Identifier: Apache-2.0
// One LZ4 frame into exactly as many bytes as its chunk record declares.
#pragma once

#include "base/base.h"

#include <stddef.h>
#include <stdint.h>

// A decoder that is used again and again by one thread at a time; NULL when out of memory.
struct lz4_frame;
struct lz4_frame *lz4_frame_new(void);
void lz4_frame_free(struct lz4_frame *frame);

// Decodes the frame that `packed` must consist of into exactly `len` bytes at `to`; any
// legal frame is taken (linked or independent blocks, any block size, checksums, which are
// checked). ERR_MALFORMED when it is none, or ends early, or has more to give: never a byte
// is written past `len`.
NODISCARD enum err lz4_frame_decode(struct lz4_frame *frame, const uint8_t *packed,
                                    size_t packed_len, uint8_t *to, size_t len);
