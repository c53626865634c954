// SPDX-License-Identifier: Apache-2.0
// The inside of the fake Hub: fake_hub.c has its verbs and its script, fake_steps.c what
// happens on the loop's thread.
#pragma once

#include "tests/unit/xet/fake_file.h"
#include <stdatomic.h>

enum operation_kind { OPERATION_PLAN, OPERATION_RANGE, OPERATION_GIT };
enum { FAULTS_MAX = 16 };

struct operation {
    struct job job; // plans are told on the pool
    struct operation *next;
    struct hub *hub;
    enum operation_kind kind;
    hub_ticket ticket;
    bool is_paused;
    atomic_bool is_cancelled;
    bool hangs;
    // a plan:
    cas_plan_fn plan_done;
    void *ctx;
    enum err err;
    struct cas_plan *plan;
    // a git fetch:
    struct hub_git_blobs blobs;
    hub_paths_fn git_done;
    // a range:
    struct hub_sink sink;
    struct fake_xorb *xorb; // NULL for a blob
    uint8_t *bytes;         // what will be delivered, a copy
    size_t len;
    size_t at;
    size_t base; // of the first byte in the xorb
    size_t promised;
};

// Bytes [first, end) of a xorb or of a file; none of them for a plan.
struct extent {
    const void *body;
    size_t first;
    size_t end;
};

struct fault {
    enum fake_fault what;
    unsigned on; // counts down
    uint64_t value;
    struct extent hit; // what it befell
};

struct hub {
    struct event_loop *loop;
    struct worker_pool *pool;
    struct lock lock;
    uint64_t random;
    struct fake_file *files;
    struct operation *operations;
    hub_ticket last_ticket;
    bool is_held;
    bool is_git_held;
    struct condition git_goes_on;
    bool is_closed;
    unsigned posted;
    size_t step;
    struct fault faults[FAULTS_MAX];
    size_t n_faults;
    bool heals;
    struct fake_counts counts;
};

// Sees to it that the loop takes a step. With the lock held.
void fake_hub_post(struct hub *hub) REQUIRES(hub->lock);
// Ends an operation: its callback is called, on the pool for a plan.
void fake_hub_end_operation(struct operation *operation, enum err err)
    EXCLUDES(operation->hub->lock);
