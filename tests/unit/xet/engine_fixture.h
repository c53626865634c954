// SPDX-License-Identifier: Apache-2.0
// For test programs that need one fresh engine a test: `world`, begin() and end() as cmocka's
// set-up and tear-down, and files on its fake Hub.
#pragma once

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/engine_world.h"
#include "tests/unit/xet/fake_file.h"

static struct engine_world world;

// A file of the fake Hub with contents made from `seed`.
static inline struct fake_file *add_file(uint64_t seed, size_t size,
                                         enum fake_layout layout)
{
    struct fake_file *file = fake_file_new(seed, size, (int)(seed % 4), 100, layout);
    fake_hub_add(world.hub, file);
    return file;
}

// Waits for a read that was begun and must succeed.
static inline void end_read(struct engine_read *read)
{
    engine_read_finish(read);
    assert_ok(read->err);
    engine_read_release(read);
}

// Fetches all of a file and waits for it; how it ended.
static inline enum err try_prefetch(struct xet_file *file)
{
    struct engine_read prefetch;
    engine_prefetch_begin(&prefetch, &world, file);
    return engine_prefetch_end(&prefetch);
}

static inline void prefetch(struct xet_file *file)
{
    assert_ok(try_prefetch(file));
}

// Waits (at most 10 s) until `n` plans have been asked for; what was asked for by then.
static inline struct fake_counts await_plans(unsigned n)
{
    struct fake_counts counts = fake_hub_counts(world.hub);
    for (int i = 0; i < 10000 && counts.plans < n; i++) {
        struct timespec pause = {0, 1000000};
        (void)nanosleep(&pause, NULL);
        counts = fake_hub_counts(world.hub);
    }
    return counts;
}

static inline int begin(void **state)
{
    (void)state;
    engine_world_begin(&world, 1, 0);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    engine_world_end(&world);
    return 0;
}
