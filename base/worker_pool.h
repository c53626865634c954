// SPDX-License-Identifier: Apache-2.0
// A fixed set of threads and two queues of jobs: what a reader waits for goes before what
// nobody waits for yet (curl's THRDPOOL page is the model).
//
// A job is embedded in the caller's own struct and costs no allocation; it belongs to the
// pool from submit until its function is called, after which the caller may free it.
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct worker_pool;

struct job {
    void (*run)(struct job *job); // on a pool thread; must not wait for the network
    struct job *next;             // the pool's own
};

enum job_priority { JOB_DEMAND, JOB_BACKGROUND };

// `threads` 0 = one per core. `name` becomes the thread's name (15 characters).
NODISCARD enum err worker_pool_new(unsigned threads, const char *name,
                                   struct worker_pool **out);
// Runs what is queued, then stops. No submit may follow.
void worker_pool_free(struct worker_pool *pool);
// Any thread. FIFO within a priority.
void worker_pool_submit(struct worker_pool *pool, struct job *job,
                        enum job_priority priority);
unsigned worker_pool_threads(const struct worker_pool *pool);
