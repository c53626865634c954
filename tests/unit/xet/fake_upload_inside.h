// SPDX-License-Identifier: Apache-2.0
// The inside of the fake server: fake_upload_hub.c has its verbs and its script,
// fake_upload_checks.c what it demands of xorbs and shards.
#pragma once

#include "tests/unit/xet/fake_upload_hub.h"

enum { STORED_MAX = 64, FILES_MAX = 64, HANGING_MAX = 16 };

struct stored {
    struct digest hash;
    uint8_t *bytes; // of the chunks
    uint32_t n;
    uint32_t *ends;
    struct digest *chunks;
};

struct told {
    struct digest hash;
    struct digest sha256;
    size_t n;
    uint8_t *terms; // records
};

enum verb { VERB_QUERY, VERB_XORB, VERB_SHARD };

struct verb_call {
    struct job job; // first
    struct hub *hub;
    enum verb verb;
    hub_ticket ticket;
    struct digest hash;
    int fd;
    uint64_t len;
    uint64_t crc;
    hub_done_fn done;
    cas_chunk_query_fn answer;
    void *ctx;
};

struct hub {
    struct worker_pool *pool;
    struct lock lock;
    struct stored stored[STORED_MAX];
    size_t n_stored;
    struct told told[FILES_MAX];
    size_t n_told;
    struct verb_call *hanging[HANGING_MAX];
    size_t n_hanging;
    enum fake_upload_fault fault;
    unsigned fault_in;
    bool answers;
    bool is_keyed;
    hub_ticket last_ticket;
    unsigned under_way;
    struct fake_upload_counts counts;
};

struct stored *fake_upload_stored(struct hub *hub, const void *hash);
void fake_upload_forget(struct hub *hub);
uint32_t fake_upload_length(const struct stored *xorb, uint32_t first, uint32_t end);
enum err fake_upload_take_xorb(struct hub *hub, struct verb_call *call);
enum err fake_upload_take_shard(struct hub *hub, struct verb_call *call);
