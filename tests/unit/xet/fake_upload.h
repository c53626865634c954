// SPDX-License-Identifier: Apache-2.0
// What a test of the uploader needs around it: a chunk store, a pool, the fake server, and
// contents in memory that are uploaded and put together again.
#pragma once

#include "tests/unit/xet/fake_upload_hub.h"
#include "xet/xet.h"

struct upload_world {
    char dir[64];
    struct worker_pool *pool;
    struct chunk_store *store;
    struct hub *hub;
    struct xet_uploads *uploads;
    bool is_cancelled;
    struct xet_upload_progress progress; // the last one told
};

void upload_world_begin(struct upload_world *world);
void upload_world_end(struct upload_world *world);
// As a new mount: nothing is remembered of earlier uploads.
void upload_world_forget(struct upload_world *world);
NODISCARD enum err upload_world_session(struct upload_world *world,
                                        struct xet_upload **out);

struct upload_content {
    uint8_t *bytes;
    size_t size;
    uint64_t read; // bytes that have been read of it
    enum err read_err;
};
// `kind` as for fake_content().
struct upload_content upload_content_new(size_t size, int kind, uint64_t seed);
enum err upload_content_read(void *ctx, uint64_t offset, void *to, size_t len,
                             struct why *why);

// One session for one content; true when the server then has it, bit for bit.
NODISCARD enum err upload_world_send(struct upload_world *world,
                                     struct upload_content *content, bool with_scan,
                                     const struct digest *base, struct why *why,
                                     struct xet_uploaded *out);
bool upload_world_has(struct upload_world *world, const struct upload_content *content,
                      const struct xet_uploaded *uploaded);
