// SPDX-License-Identifier: Apache-2.0
// One operation after the other, chosen by the seed, in a function that posts itself to the
// loop as long as there is something to do.

#include "tests/unit/xet/fake_hub_inside.h"
#include "tests/unit/xet/fake_records.h"

#include <stdlib.h>
#include <string.h>

static void pump(void *ctx);

void fake_hub_post(struct hub *hub)
{
    if (!hub->is_closed && !hub->is_held) {
        hub->posted++;
        event_loop_post(hub->loop, pump, hub);
    }
}

static bool is_runnable(const struct operation *operation)
{
    return operation->is_cancelled || (!operation->is_paused && !operation->hangs);
}

static struct operation *choose(struct hub *hub)
{
    unsigned n = 0;
    for (struct operation *at = hub->operations; at; at = at->next) {
        n += is_runnable(at) ? 1 : 0;
    }
    if (n == 0) {
        return NULL;
    }
    uint64_t pick = fake_random(&hub->random) % n;
    struct operation *at = hub->operations;
    for (;; at = at->next) {
        if (is_runnable(at) && pick-- == 0) {
            return at;
        }
    }
}

static void take_off(struct hub *hub, struct operation *operation)
{
    struct operation **at = &hub->operations;
    while (*at != operation) {
        at = &(*at)->next;
    }
    *at = operation->next;
}

static void free_operation(struct operation *operation)
{
    free(operation->bytes);
    free(operation);
}

static void tell_plan(struct job *job)
{
    struct operation *operation = (struct operation *)job;
    struct why why = {{0}};
    if (operation->err) {
        (void)why_set(&why, operation->err, "the fake Hub was told to fail");
    }
    operation->plan_done(operation->ctx, operation->err, &why, operation->plan);
    free_operation(operation);
}

struct oid fake_hub_pointer(void)
{
    return (struct oid){{0xfe, 0xed}};
}

static void tell_pointer(const struct hub_git_blobs *blobs)
{
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\n"
                                  "oid sha256:00\nsize 12345\n";
    const struct oid oid = fake_hub_pointer();
    blobs->each(blobs->ctx, &oid, pointer, sizeof(pointer) - 1);
}

static void wait_to_go_on(struct hub *hub)
{
    lock_acquire(&hub->lock);
    while (hub->is_git_held) {
        condition_wait(&hub->git_goes_on, &hub->lock);
    }
    lock_release(&hub->lock);
}

static void tell_git(struct job *job)
{
    struct operation *operation = (struct operation *)job;
    struct why why = {{0}};
    const struct hub_git_blobs *blobs = &operation->blobs;
    const struct fake_file *file = operation->err ? NULL : operation->hub->files;
    for (; file; file = file->next) {
        if (file->size < blobs->limit) {
            blobs->each(blobs->ctx, &file->oid, file->bytes, file->size);
            tell_pointer(blobs);
            wait_to_go_on(operation->hub);
        }
    }
    operation->git_done(operation->ctx, operation->err, &why, NULL, 0);
    free_operation(operation);
}

void fake_hub_end_operation(struct operation *operation, enum err err)
{
    struct hub *hub = operation->hub;
    lock_acquire(&hub->lock);
    take_off(hub, operation);
    lock_release(&hub->lock);
    if (operation->kind != OPERATION_RANGE) {
        if (err) {
            cas_plan_free(STEAL_POINTER(operation->plan));
            operation->err = err;
        }
        operation->job.run = operation->kind == OPERATION_PLAN ? tell_plan : tell_git;
        if (hub->is_closed) {
            operation->job.run(&operation->job);
            return;
        }
        worker_pool_submit(hub->pool, &operation->job, JOB_DEMAND);
        return;
    }
    struct why why = {{0}};
    (void)why_set(&why, err, "the fake Hub ended it");
    operation->sink.on_done(operation->sink.ctx, err, &why);
    free_operation(operation);
}

// Counts the chunks whose last byte lies in what was delivered.
static void count_delivery(struct operation *operation, size_t from, size_t to)
{
    struct fake_xorb *xorb = operation->xorb;
    operation->hub->counts.bytes += to - from;
    for (uint32_t i = 0; xorb && i < xorb->n; i++) {
        size_t end = xorb->chunks[i].end;
        if (end > operation->base + from && end <= operation->base + to) {
            atomic_fetch_add(&xorb->chunks[i].fetched, 1);
        }
    }
}

static void deliver(struct operation *operation, size_t most)
{
    struct hub *hub = operation->hub;
    size_t left = operation->len - operation->at;
    size_t n = left < most ? left : most;
    if (n > 0 && !operation->sink.on_bytes(operation->sink.ctx,
                                           operation->bytes + operation->at, n)) {
        lock_acquire(&hub->lock);
        // A resume that came in the meantime was posted behind us: it finds is_paused.
        operation->is_paused = true;
        hub->counts.pauses++;
        lock_release(&hub->lock);
        return;
    }
    lock_acquire(&hub->lock);
    count_delivery(operation, operation->at, operation->at + n);
    lock_release(&hub->lock);
    operation->at += n;
    if (operation->at == operation->len) {
        fake_hub_end_operation(operation, operation->err ? operation->err
                                          : operation->len < operation->promised
                                              ? ERR_TRUNCATED
                                              : ERR_NONE);
    }
}

static void pump(void *ctx)
{
    struct hub *hub = ctx;
    lock_acquire(&hub->lock);
    hub->posted--;
    struct operation *operation = hub->is_held || hub->is_closed ? NULL : choose(hub);
    size_t most = 1 + fake_random(&hub->random) % hub->step;
    lock_release(&hub->lock);
    if (!operation) {
        return;
    }
    if (operation->is_cancelled) {
        fake_hub_end_operation(operation, ERR_CANCELLED);
    } else if (operation->kind != OPERATION_RANGE) {
        fake_hub_end_operation(operation, operation->err);
    } else {
        deliver(operation, most);
    }
    lock_acquire(&hub->lock);
    if (hub->posted == 0 && choose(hub)) {
        fake_hub_post(hub);
    }
    lock_release(&hub->lock);
}
