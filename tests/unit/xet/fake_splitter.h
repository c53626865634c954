// SPDX-License-Identifier: Apache-2.0
// Runs bytes through splitter and decoder, cut in any way, and collects what comes out: what
// the unit test and the fuzz target of the splitter compare.
#pragma once

#include "xet/decoder.h"

struct fake_split {
    struct block_pool *pool;
    struct decoder *decoder;
    struct decoder_pool *decoders;
    struct record_run *held; // runs not decoded yet, newest first
    bool holds;              // keep runs until the pool is empty, as a slow decoder does
    struct buffer out;       // decoded bytes, in order
    uint32_t next;           // index that the next run must begin with
    unsigned runs;
    unsigned parked;
    enum err decode_err;
};

// A pool of `blocks` blocks.
void fake_split_begin(struct fake_split *split, size_t blocks);
void fake_split_end(struct fake_split *split);
// Feeds `bytes` in pieces of up to `step` bytes chosen by `seed` (0 = all at once), for a
// stream of chunks [first, end); `blob_len` > 0: of a blob of that length instead. Returns
// the first error.
enum err fake_split_run(struct fake_split *split, uint32_t first, uint32_t end,
                        uint64_t blob_len, const uint8_t *bytes, size_t len, size_t step,
                        uint64_t seed, bool is_eager);
