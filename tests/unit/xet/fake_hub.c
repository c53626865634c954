// SPDX-License-Identifier: Apache-2.0
// All of the verbs are in this one file together with fake_hub_new(): a test that makes a
// fake Hub thereby links every verb from here and none from hub/.

#include "tests/unit/xet/fake_hub_inside.h"

#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- the script

struct hub *fake_hub_new(struct event_loop *loop, struct worker_pool *pool, uint64_t seed)
{
    struct hub *hub = calloc(1, sizeof(*hub));
    lock_init(&hub->lock);
    condition_init(&hub->git_goes_on);
    hub->loop = loop;
    hub->pool = pool;
    hub->random = seed;
    hub->step = 65536;
    return hub;
}

void fake_hub_add(struct hub *hub, struct fake_file *file)
{
    lock_acquire(&hub->lock);
    file->next = hub->files;
    hub->files = file;
    lock_release(&hub->lock);
}

void fake_hub_set_threads(struct hub *hub, struct event_loop *loop,
                          struct worker_pool *pool)
{
    hub->loop = loop;
    hub->pool = pool;
}

void fake_hub_fault(struct hub *hub, enum fake_fault fault, unsigned n, uint64_t value)
{
    lock_acquire(&hub->lock);
    hub->faults[hub->n_faults++] = (struct fault){.what = fault, .on = n, .value = value};
    lock_release(&hub->lock);
}

void fake_hub_heal(struct hub *hub)
{
    lock_acquire(&hub->lock);
    hub->heals = true;
    lock_release(&hub->lock);
}

void fake_hub_set_step(struct hub *hub, size_t bytes)
{
    lock_acquire(&hub->lock);
    hub->step = bytes;
    lock_release(&hub->lock);
}

struct fake_counts fake_hub_counts(struct hub *hub)
{
    lock_acquire(&hub->lock);
    struct fake_counts counts = hub->counts;
    counts.under_way = 0;
    for (const struct operation *operation = hub->operations; operation;
         operation = operation->next) {
        counts.under_way++;
    }
    lock_release(&hub->lock);
    return counts;
}

static bool is_plan_fault(enum fake_fault fault)
{
    return fault >= FAULT_PLAN_FAILS;
}

static bool was_hit(const struct hub *hub, const struct extent *extent)
{
    for (size_t i = 0; i < hub->n_faults; i++) {
        const struct extent *hit = &hub->faults[i].hit;
        if (hit->body && hit->body == extent->body && hit->first < extent->end &&
            extent->first < hit->end) {
            return true;
        }
    }
    return false;
}

// The fault that is due for this plan or range. Those that can't happen now are due next.
static const struct fault *due_fault(struct hub *hub, bool plan,
                                     const struct extent *extent)
{
    bool is_spared = hub->heals && was_hit(hub, extent);
    struct fault *due = NULL;
    for (size_t i = 0; i < hub->n_faults; i++) {
        struct fault *fault = &hub->faults[i];
        if (is_plan_fault(fault->what) != plan || fault->on == 0 || --fault->on > 0) {
            continue;
        }
        if (due || is_spared) {
            fault->on = 1;
        } else {
            due = fault;
        }
    }
    if (due) {
        due->hit = *extent;
        hub->counts.faults++;
    }
    return due;
}

void fake_hub_hold(struct hub *hub, bool hold)
{
    lock_acquire(&hub->lock);
    hub->is_held = hold;
    fake_hub_post(hub);
    lock_release(&hub->lock);
}

void fake_hub_hold_git(struct hub *hub, bool hold)
{
    lock_acquire(&hub->lock);
    hub->is_git_held = hold;
    condition_broadcast(&hub->git_goes_on);
    lock_release(&hub->lock);
}

void fake_hub_close(struct hub *hub)
{
    lock_acquire(&hub->lock);
    hub->is_closed = true;
    struct operation *operation;
    while ((operation = hub->operations)) {
        lock_release(&hub->lock);
        fake_hub_end_operation(operation, ERR_CANCELLED);
        lock_acquire(&hub->lock);
    }
    lock_release(&hub->lock);
    while (hub->files) {
        struct fake_file *file = hub->files;
        hub->files = file->next;
        fake_file_free(file);
    }
    condition_destroy(&hub->git_goes_on);
    lock_destroy(&hub->lock);
    free(hub);
}

// ---------------------------------------------------------------- the verbs of hub.h

static struct operation *new_operation(struct hub *hub, enum operation_kind kind)
{
    struct operation *operation = calloc(1, sizeof(*operation));
    operation->hub = hub;
    operation->kind = kind;
    return operation;
}

static hub_ticket submit(struct hub *hub, struct operation *operation) REQUIRES(hub->lock)
{
    operation->ticket = ++hub->last_ticket;
    operation->next = hub->operations;
    hub->operations = operation;
    fake_hub_post(hub);
    return operation->ticket;
}

static void spoil_plan(struct cas_plan *plan, const struct fault *fault)
{
    struct cas_term *terms = (struct cas_term *)(uintptr_t)plan->terms;
    if (fault->what == FAULT_PLAN_SHORT) {
        plan->n_terms--;
    } else if (fault->what == FAULT_PLAN_LIES) {
        terms[0].unpacked_length += fault->value;
    } else if (fault->what == FAULT_PLAN_ALIEN) {
        terms[0].xorb.bytes[0] ^= 1;
    }
}

hub_ticket cas_plan(struct hub *hub, const struct hub_call *call,
                    const struct hub_source *source, const struct digest *xet_hash,
                    uint64_t first, uint64_t last, cas_plan_fn done, void *ctx)
{
    (void)call;
    (void)source;
    struct operation *operation = new_operation(hub, OPERATION_PLAN);
    operation->plan_done = done;
    operation->ctx = ctx;
    lock_acquire(&hub->lock);
    const struct fault *fault = due_fault(hub, true, &(struct extent){0});
    const struct fake_file *file = hub->files;
    while (file && !digest_equal(&file->xet_hash, xet_hash)) {
        file = file->next;
    }
    bool fails = fault && fault->what == FAULT_PLAN_FAILS;
    if (fails || !file) {
        operation->err = fails ? (enum err)fault->value : ERR_NOT_FOUND;
    } else {
        bool early = fault && fault->what == FAULT_PLAN_EARLY;
        operation->plan =
            fake_plan_new(file, first, last, early ? (size_t)fault->value : 0);
        if (fault) {
            spoil_plan(operation->plan, fault);
        }
    }
    hub->counts.plans++;
    hub->counts.longest =
        last - first + 1 > hub->counts.longest ? last - first + 1 : hub->counts.longest;
    hub_ticket ticket = submit(hub, operation);
    lock_release(&hub->lock);
    return ticket;
}

// What will be delivered of the body `bytes`, with the fault that is due.
static void load(struct hub *hub, struct operation *operation, const uint8_t *bytes,
                 const struct extent *extent) REQUIRES(hub->lock)
{
    const struct fault *fault = due_fault(hub, false, extent);
    size_t len = extent->end - extent->first;
    operation->bytes = malloc(len + 1);
    memcpy(operation->bytes, bytes + extent->first, len);
    operation->len = len;
    operation->promised = len;
    if (!fault) {
        return;
    }
    switch (fault->what) {
    case FAULT_EXPIRED:
        operation->err = ERR_EXPIRED;
        operation->len = 0;
        break;
    case FAULT_TRUNCATE:
        operation->len = fault->value < len ? fault->value : len;
        break;
    case FAULT_FLIP:
        operation->bytes[fault->value % len] ^= 0xff;
        break;
    case FAULT_HANG:
        operation->hangs = true;
        break;
    case FAULT_PLAN_FAILS:
    case FAULT_PLAN_SHORT:
    case FAULT_PLAN_LIES:
    case FAULT_PLAN_EARLY:
    case FAULT_PLAN_ALIEN:
        break;
    }
}

hub_ticket cas_fetch(struct hub *hub, const struct hub_call *call,
                     const struct cas_range *range, struct hub_sink sink)
{
    (void)call;
    struct operation *operation = new_operation(hub, OPERATION_RANGE);
    operation->sink = sink;
    lock_acquire(&hub->lock);
    struct fake_xorb *xorb = fake_plan_xorb(hub->files, range);
    operation->xorb = xorb;
    operation->base = xorb->chunks[range->chunk_first].start;
    struct extent extent = {xorb, operation->base,
                            xorb->chunks[range->chunk_end - 1].end};
    load(hub, operation, xorb->bytes.bytes, &extent);
    hub->counts.ranges++;
    hub_ticket ticket = submit(hub, operation);
    lock_release(&hub->lock);
    return ticket;
}

hub_ticket hub_read_range(struct hub *hub, const struct hub_call *call,
                          const struct hub_source *source, const char *path,
                          uint64_t first, uint64_t last, struct hub_sink sink)
{
    (void)call;
    (void)source;
    struct operation *operation = new_operation(hub, OPERATION_RANGE);
    operation->sink = sink;
    lock_acquire(&hub->lock);
    // The path tells which file it is: its position in the list.
    const struct fake_file *file = hub->files;
    for (long i = strtol(path, NULL, 10); i > 0; i--) {
        file = file->next;
    }
    struct extent extent = {file, first, last + 1};
    load(hub, operation, file->bytes, &extent);
    hub->counts.ranges++;
    hub_ticket ticket = submit(hub, operation);
    lock_release(&hub->lock);
    return ticket;
}

hub_ticket hub_git_fetch(struct hub *hub, const struct hub_call *call,
                         const struct hub_source *source,
                         const struct hub_git_blobs *blobs, hub_paths_fn done, void *ctx)
{
    (void)call;
    (void)source;
    struct operation *operation = new_operation(hub, OPERATION_GIT);
    operation->blobs = *blobs;
    operation->git_done = done;
    operation->ctx = ctx;
    lock_acquire(&hub->lock);
    const struct fault *fault = due_fault(hub, true, &(struct extent){0});
    operation->err = fault ? (enum err)fault->value : ERR_NONE;
    hub->counts.git_fetches++;
    hub_ticket ticket = submit(hub, operation);
    lock_release(&hub->lock);
    return ticket;
}

static void with_ticket(struct hub *hub, hub_ticket ticket,
                        void (*change)(struct operation *))
{
    lock_acquire(&hub->lock);
    struct operation *operation = hub->operations;
    while (operation && operation->ticket != ticket) {
        operation = operation->next;
    }
    if (operation) {
        change(operation);
        fake_hub_post(hub);
    }
    lock_release(&hub->lock);
}

static void count_promotion(struct operation *operation)
{
    operation->hub->counts.promotions++;
}

static void set_cancelled(struct operation *operation)
{
    operation->is_cancelled = true;
    operation->hub->counts.cancels++;
}

void hub_promote(struct hub *hub, hub_ticket ticket, enum hub_class class)
{
    (void)class;
    with_ticket(hub, ticket, count_promotion);
}

void hub_cancel(struct hub *hub, hub_ticket ticket)
{
    with_ticket(hub, ticket, set_cancelled);
}

// On the loop's thread, so that it comes after the on_bytes that asked for the pause.
struct resume {
    struct hub *hub;
    hub_ticket ticket;
};

static void clear_pause(struct operation *operation)
{
    operation->is_paused = false;
}

static void resume_posted(void *ctx)
{
    struct resume *resume = ctx;
    with_ticket(resume->hub, resume->ticket, clear_pause);
    free(resume);
}

void hub_resume(struct hub *hub, hub_ticket ticket)
{
    struct resume *resume = malloc(sizeof(*resume));
    *resume = (struct resume){hub, ticket};
    event_loop_post(hub->loop, resume_posted, resume);
}
