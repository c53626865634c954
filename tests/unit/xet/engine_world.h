// SPDX-License-Identifier: Apache-2.0
// Everything that a test of the engine needs around it: a chunk store in a temporary folder,
// a pool, a loop on its own thread, the fake Hub, the engine.
#pragma once

#include "tests/unit/xet/fake_hub.h"
#include "xet/xet.h"

#include <pthread.h>

struct engine_world {
    char dir[64];
    struct event_loop *loop;
    pthread_t thread;
    struct worker_pool *pool;
    struct chunk_store *store;
    struct hub *hub;
    struct xet *xet;
    uint64_t store_budget;
};

// `block_pool` bytes, 0 = the default; `store_budget` bytes, 0 = 1 GiB.
void engine_world_begin_with(struct engine_world *world, uint64_t seed,
                             uint64_t block_pool, uint64_t store_budget);
void engine_world_begin(struct engine_world *world, uint64_t seed, uint64_t block_pool);
void engine_world_end(struct engine_world *world);
// Ends engine and store and opens them again on the same folder: a remount.
void engine_world_remount(struct engine_world *world);
// The same with one file open: gives it back before and opens it again.
void engine_world_remount_file(struct engine_world *world, struct xet_file **file,
                               const struct fake_file *content);

// The content as Xet, LFS or git file.
struct xet_file *engine_world_open(struct engine_world *world,
                                   const struct fake_file *file, bool has_xet,
                                   bool has_sha256);

// One read that waits for its answer as a reader would: parked, woken, read.
struct engine_read {
    struct engine_world *world;
    struct xet_file *file;
    struct xet_pattern pattern;
    int64_t deadline_ms; // 0 = in minutes
    uint64_t offset;
    size_t len;
    uint8_t *to;
    size_t out_len;
    enum err err;
    struct why why;
    xet_wait wait;
    unsigned parked; // how often
    struct lock lock;
    struct condition condition;
    unsigned called; // how often `ready` was, in all
    bool is_ready;
    enum err result; // what `ready` said
    struct why result_why;
};
void engine_read_init(struct engine_read *read, struct engine_world *world,
                      struct xet_file *file, uint64_t offset, size_t len);
void engine_read_release(struct engine_read *read);
// The first call: true when it is over already.
bool engine_read_begin(struct engine_read *read);
// Waits until it is over; ERR_BUSY when it is parked again and again. Asserts nothing, so any
// thread may call it.
void engine_read_finish(struct engine_read *read);
// Both; compares with the fake file's bytes.
enum err engine_read_all(struct engine_world *world, struct xet_file *file,
                         const struct fake_file *expected, uint64_t offset, size_t len,
                         struct why *why);
// Begins to prefetch the whole file; `read` is not initialised before.
void engine_prefetch_begin(struct engine_read *read, struct engine_world *world,
                           struct xet_file *file);
// Waits until it is over, releases `read`, and returns what became of it.
enum err engine_prefetch_end(struct engine_read *read);
// The source that the reads use; its path is "0".
extern const struct xet_source ENGINE_SOURCE;
// Waits (at most 10 s) until nothing is fetched, planned or looked for.
void engine_world_settle(struct engine_world *world);
// Waits (at most 5 s) until there is a verdict on the content.
struct xet_file_info engine_world_await_verified(struct xet_file *file);
