// SPDX-License-Identifier: Apache-2.0
// A file on its way through a session: upload_file.c moves it, upload_decide.c decides.
#pragma once

#include "xet/upload_state.h"

struct run {
    struct xet_upload *upload;
    struct upload_file *file;
    const struct xet_chunk_list *listed; // or NULL
    struct term_list terms;
    struct chunker chunker;
    uint64_t read;    // offset of the next byte to read
    uint64_t batched; // of the first byte after the last batch
    size_t next_listed;
    uint64_t filled; // batches so far; the ring holds the last ones
    uint64_t decided;
    uint64_t retired;
    bool base_is_known;
    uint8_t carry[CHUNK_BYTES_MAX]; // the beginning of the chunk that is open
    size_t carry_len;
};

// ---- upload_decide.c

// Decides about the chunks of the next batch, and has what must be sent packed.
NODISCARD enum err run_decide(struct run *run, struct upload_batch *batch);
// Reads the bytes of chunks [from, end) of a batch that a scan has listed; nothing for others.
NODISCARD enum err run_read_listed(struct run *run, struct upload_batch *batch,
                                   uint32_t from, uint32_t end);

// ---- upload_keep.c

// Puts what of a decided batch is not sent into the chunk store. An error is one of reading the file.
NODISCARD enum err run_keep(struct run *run, struct upload_batch *batch);
