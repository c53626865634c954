// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/xet/engine_world.h"

#include "tests/unit/unit_test.h"
#include "xet/engine.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATIENCE_MS = 120000 }; // so that a busy machine does not fail a read

const struct xet_source ENGINE_SOURCE = {
    .hub = {.repo = {.kind = REPO_MODEL, .name = "owner/name"}},
    .path = "0",
};

static void *run_loop(void *ctx)
{
    event_loop_run(ctx);
    return NULL;
}

static void open_engine(struct engine_world *world, uint64_t block_pool)
{
    struct chunk_store_config store = {.dir = world->dir, .budget = world->store_budget};
    struct why why = {{0}};
    assert_ok(chunk_store_open(&store, &why, &world->store));
    struct xet_config config = {
        .hub = world->hub,
        .store = world->store,
        .pool = world->pool,
        .loop = world->loop,
        .block_pool = block_pool,
    };
    assert_ok(xet_open(&config, &world->xet));
}

void engine_world_begin(struct engine_world *world, uint64_t seed, uint64_t block_pool)
{
    engine_world_begin_with(world, seed, block_pool, 0);
}

void engine_world_begin_with(struct engine_world *world, uint64_t seed,
                             uint64_t block_pool, uint64_t store_budget)
{
    *world = (struct engine_world){.dir = "/tmp/hugfs-xet-test-XXXXXX"};
    world->store_budget = store_budget ? store_budget : UINT64_C(1) << 30;
    assert_non_null(mkdtemp(world->dir));
    assert_ok(event_loop_new(&world->loop));
    assert_ok(worker_pool_new(2, "decode", &world->pool));
    world->hub = fake_hub_new(world->loop, world->pool, seed);
    open_engine(world, block_pool);
    assert_int_equal(pthread_create(&world->thread, NULL, run_loop, world->loop), 0);
}

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        (void)unlink(path);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char below[512];
            (void)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
            remove_tree(below);
        }
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

void engine_world_end(struct engine_world *world)
{
    event_loop_stop(world->loop);
    assert_int_equal(pthread_join(world->thread, NULL), 0);
    xet_stop(world->xet);
    fake_hub_close(world->hub);
    worker_pool_free(world->pool);
    xet_close(world->xet);
    chunk_store_close(world->store);
    event_loop_free(world->loop);
    remove_tree(world->dir);
}

void engine_world_remount(struct engine_world *world)
{
    engine_world_settle(world);
    event_loop_stop(world->loop);
    assert_int_equal(pthread_join(world->thread, NULL), 0);
    xet_stop(world->xet);
    worker_pool_free(world->pool);
    xet_close(world->xet);
    chunk_store_close(world->store);
    event_loop_free(world->loop);
    assert_ok(event_loop_new(&world->loop));
    assert_ok(worker_pool_new(2, "decode", &world->pool));
    fake_hub_set_threads(world->hub, world->loop, world->pool);
    open_engine(world, 0);
    assert_int_equal(pthread_create(&world->thread, NULL, run_loop, world->loop), 0);
}

void engine_world_remount_file(struct engine_world *world, struct xet_file **file,
                               const struct fake_file *content)
{
    xet_file_put(world->xet, *file);
    engine_world_remount(world);
    *file = engine_world_open(world, content, true, false);
}

struct xet_file *engine_world_open(struct engine_world *world,
                                   const struct fake_file *file, bool has_xet,
                                   bool has_sha256)
{
    struct xet_content content = {
        .has_xet = has_xet,
        .has_sha256 = has_sha256,
        .xet_hash = *fake_file_xet_hash(file),
        .sha256 = *fake_file_sha256(file),
        .oid = *fake_file_oid(file),
        .size = fake_file_size(file),
    };
    struct xet_file *opened = xet_file_get(world->xet, &content);
    assert_non_null(opened);
    return opened;
}

void engine_read_init(struct engine_read *read, struct engine_world *world,
                      struct xet_file *file, uint64_t offset, size_t len)
{
    *read = (struct engine_read){
        .world = world,
        .file = file,
        .offset = offset,
        .len = len,
        .to = malloc(len + 1),
    };
    lock_init(&read->lock);
    condition_init(&read->condition);
}

void engine_read_release(struct engine_read *read)
{
    free(read->to);
    condition_destroy(&read->condition);
    lock_destroy(&read->lock);
}

static void on_ready(void *ctx, enum err err, const struct why *why)
{
    struct engine_read *read = ctx;
    lock_acquire(&read->lock);
    read->called++;
    read->result = err;
    if (why) {
        read->result_why = *why;
    }
    read->is_ready = true;
    condition_broadcast(&read->condition);
    lock_release(&read->lock);
}

// What is lent is copied to where it would have come otherwise.
static enum err take_answer(struct engine_read *read, struct chunk_answer *answer)
{
    uint8_t *to = read->to;
    bool is_whole = true;
    for (unsigned i = 0; i < answer->n; i++) {
        const struct iovec *part = &answer->parts[i];
        if (answer->lenders[i]) {
            memcpy(to, part->iov_base, part->iov_len);
        }
        is_whole = is_whole && (answer->lenders[i] || part->iov_base == to);
        to += part->iov_len;
    }
    read->out_len = answer->len;
    is_whole = is_whole && to == (uint8_t *)read->to + answer->len;
    chunk_store_give_back(read->world->store, answer);
    return is_whole ? ERR_NONE : ERR_DAMAGED;
}

bool engine_read_begin(struct engine_read *read)
{
    int64_t deadline_ms =
        read->deadline_ms ? read->deadline_ms : clock_now_ms() + PATIENCE_MS;
    read->is_ready = false;
    struct chunk_answer answer = chunk_answer_init(read->to, true);
    read->err =
        xet_file_read(read->file, &ENGINE_SOURCE, &read->pattern, read->offset, read->len,
                      deadline_ms, &answer, on_ready, read, &read->wait, &read->why);
    if (!read->err) {
        read->err = take_answer(read, &answer);
    }
    return read->err != ERR_PARKED;
}

static void await_ready(struct engine_read *read)
{
    lock_acquire(&read->lock);
    while (!read->is_ready) {
        condition_wait(&read->condition, &read->lock);
    }
    lock_release(&read->lock);
}

void engine_read_finish(struct engine_read *read)
{
    for (int tries = 0; tries < 100; tries++) {
        read->parked++;
        await_ready(read);
        if (read->result) {
            read->err = read->result;
            read->why = read->result_why;
            return;
        }
        struct chunk_answer answer = chunk_answer_init(read->to, true);
        read->err =
            xet_file_read_now(read->file, read->offset, read->len, &answer, &read->why);
        if (!read->err) {
            read->err = take_answer(read, &answer);
        }
        if (read->err != ERR_ABSENT || engine_read_begin(read)) {
            return;
        }
    }
    xet_file_abandon(read->file, read->wait);
    await_ready(read);
    read->err = why_set(&read->why, ERR_BUSY, "parked 100 times and never answered");
}

void engine_prefetch_begin(struct engine_read *read, struct engine_world *world,
                           struct xet_file *file)
{
    engine_read_init(read, world, file, 0, 0);
    assert_err(xet_file_prefetch(file, &ENGINE_SOURCE, 0, UINT64_MAX, HUB_PREFETCH,
                                 on_ready, read),
               ERR_PARKED);
}

enum err engine_prefetch_end(struct engine_read *read)
{
    await_ready(read);
    engine_read_release(read);
    return read->result;
}

enum err engine_read_all(struct engine_world *world, struct xet_file *file,
                         const struct fake_file *expected, uint64_t offset, size_t len,
                         struct why *why)
{
    struct engine_read read;
    engine_read_init(&read, world, file, offset, len);
    if (!engine_read_begin(&read)) {
        engine_read_finish(&read);
    }
    enum err err = read.err;
    if (why) {
        *why = read.why;
    }
    if (!err) {
        size_t size = fake_file_size(expected);
        size_t left = offset < size ? size - offset : 0;
        assert_int_equal(read.out_len, len < left ? len : left);
        assert_memory_equal(read.to,
                            fake_file_bytes(expected) + (offset < size ? offset : size),
                            read.out_len);
    }
    engine_read_release(&read);
    return err;
}

// No unit, no plan that is asked for, no job that looks for what a stream wants next: that one holds the
// engine to its end.
static bool is_quiet(struct xet *xet)
{
    engine_lock(xet);
    bool is = xet->units == 0 && xet->refs == 1 + xet->n_held;
    for (struct fetch_unit *unit = xet->held.head; unit; unit = unit->held_next) {
        is = is && !unit->is_planning;
    }
    engine_unlock(xet);
    return is;
}

void engine_world_settle(struct engine_world *world)
{
    for (int i = 0; i < 10000; i++) {
        if (is_quiet(world->xet)) {
            return;
        }
        struct timespec pause = {0, 1000000};
        (void)nanosleep(&pause, NULL);
    }
    fail_msg("the engine does not come to rest");
}

struct xet_file_info engine_world_await_verified(struct xet_file *file)
{
    struct xet_file_info info = {0};
    for (int i = 0; i < 5000 && info.verified == VERIFIED_UNKNOWN; i++) {
        struct timespec pause = {0, 1000000};
        (void)nanosleep(&pause, NULL);
        xet_file_info(file, &info);
    }
    return info;
}
