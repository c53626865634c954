// SPDX-License-Identifier: Apache-2.0
// Stands where hub/'s uploads would be linked: a server in memory that checks every xorb and
// every shard in full, as the real one does, puts files together again, and answers
// deduplication queries with keyed hashes. Its verbs run on the pool.
#pragma once

#include "hub/hub.h"

struct hub *fake_upload_hub_new(struct worker_pool *pool);
void fake_upload_hub_free(struct hub *hub);

// What a file consists of, put together; false when no shard has told of it. `out` needs
// room for all of it.
bool fake_upload_hub_file(struct hub *hub, const struct digest *hash,
                          const struct digest *sha256, struct buffer *out);

enum fake_upload_fault {
    UPLOAD_FAULT_NONE,
    UPLOAD_FAULT_XORB,   // the n-th xorb from now on is refused (ERR_SERVER)
    UPLOAD_FAULT_FORGET, // everything is forgotten before the next shard
    UPLOAD_FAULT_SHARD,  // every shard is refused (ERR_USAGE)
    UPLOAD_FAULT_HANG,   // xorbs are not answered until they are cancelled
    UPLOAD_FAULT_QUERY,  // queries fail
};
void fake_upload_hub_fault(struct hub *hub, enum fake_upload_fault fault, unsigned n);
// Whether queries are answered, and with a key.
void fake_upload_hub_answer(struct hub *hub, bool answers, bool is_keyed);

struct fake_upload_counts {
    unsigned xorbs; // received, also those that were there
    unsigned known; // of those
    unsigned shards;
    unsigned queries;
    unsigned under_way; // the most xorbs at once
    uint64_t raw;       // bytes of the chunks of new xorbs
};
struct fake_upload_counts fake_upload_hub_counts(struct hub *hub);
