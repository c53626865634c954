// SPDX-License-Identifier: Apache-2.0
// One operation after the other, chosen by the seed, in a function that posts itself to the
// loop as long as there is something to do.

#include "tests/unit/xet/fake_file.h"
#include "tests/unit/xet/fake_records.h"

#include <stdlib.h>
#include <string.h>

enum operation_kind { OPERATION_PLAN, OPERATION_RANGE };
enum { FAULTS_MAX = 16 };

struct operation {
    struct job job; // plans are told on the pool
    struct operation *next;
    struct hub *hub;
    enum operation_kind kind;
    hub_ticket ticket;
    bool is_paused;
    bool is_cancelled;
    bool hangs;
    // a plan:
    cas_plan_fn plan_done;
    void *ctx;
    enum err err;
    struct cas_plan *plan;
    // a range:
    struct hub_sink sink;
    struct fake_xorb *xorb; // NULL for a blob
    uint8_t *bytes;         // what will be delivered, a copy
    size_t len;
    size_t at;
    size_t base; // of the first byte in the xorb
    size_t promised;
};

struct fault {
    enum fake_fault what;
    unsigned on; // counts down
    uint64_t value;
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
    bool is_closed;
    unsigned posted;
    size_t step;
    struct fault faults[FAULTS_MAX];
    size_t n_faults;
    struct fake_counts counts;
};

// ---------------------------------------------------------------- the script

struct hub *fake_hub_new(struct event_loop *loop, struct worker_pool *pool, uint64_t seed)
{
    struct hub *hub = calloc(1, sizeof(*hub));
    lock_init(&hub->lock);
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

void fake_hub_set_threads(struct hub *hub, struct event_loop *loop, struct worker_pool *pool)
{
    hub->loop = loop;
    hub->pool = pool;
}

void fake_hub_fault(struct hub *hub, enum fake_fault fault, unsigned n, uint64_t value)
{
    lock_acquire(&hub->lock);
    hub->faults[hub->n_faults++] = (struct fault){fault, n, value};
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

// The fault that is due for this plan or range.
static const struct fault *due_fault(struct hub *hub, bool plan)
{
    const struct fault *due = NULL;
    for (size_t i = 0; i < hub->n_faults; i++) {
        struct fault *fault = &hub->faults[i];
        if (is_plan_fault(fault->what) == plan && fault->on > 0 && --fault->on == 0) {
            due = fault;
        }
    }
    hub->counts.faults += due ? 1 : 0;
    return due;
}

// ---------------------------------------------------------------- steps

static void pump(void *ctx);

static void post(struct hub *hub)
{
    if (!hub->is_closed && !hub->is_held) {
        hub->posted++;
        event_loop_post(hub->loop, pump, hub);
    }
}

void fake_hub_hold(struct hub *hub, bool hold)
{
    lock_acquire(&hub->lock);
    hub->is_held = hold;
    post(hub);
    lock_release(&hub->lock);
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

static void end_operation(struct operation *operation, enum err err)
{
    struct hub *hub = operation->hub;
    lock_acquire(&hub->lock);
    take_off(hub, operation);
    lock_release(&hub->lock);
    if (operation->kind == OPERATION_PLAN) {
        if (err) {
            cas_plan_free(STEAL_POINTER(operation->plan));
            operation->err = err;
        }
        if (hub->is_closed) {
            tell_plan(&operation->job);
            return;
        }
        operation->job.run = tell_plan;
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
    if (n > 0 && !operation->sink.on_bytes(operation->sink.ctx, operation->bytes + operation->at,
                                           n)) {
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
        end_operation(operation, operation->err                        ? operation->err
                                 : operation->len < operation->promised ? ERR_TRUNCATED
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
        end_operation(operation, ERR_CANCELLED);
    } else if (operation->kind == OPERATION_PLAN) {
        end_operation(operation, operation->err);
    } else {
        deliver(operation, most);
    }
    lock_acquire(&hub->lock);
    if (hub->posted == 0 && choose(hub)) {
        post(hub);
    }
    lock_release(&hub->lock);
}

void fake_hub_close(struct hub *hub)
{
    lock_acquire(&hub->lock);
    hub->is_closed = true;
    struct operation *operation;
    while ((operation = hub->operations)) {
        lock_release(&hub->lock);
        end_operation(operation, ERR_CANCELLED);
        lock_acquire(&hub->lock);
    }
    lock_release(&hub->lock);
    while (hub->files) {
        struct fake_file *file = hub->files;
        hub->files = file->next;
        fake_file_free(file);
    }
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
    post(hub);
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

hub_ticket cas_plan(struct hub *hub, const struct hub_call *call, const struct hub_source *source,
                    const struct digest *xet_hash, uint64_t first, uint64_t last, cas_plan_fn done,
                    void *ctx)
{
    (void)call;
    (void)source;
    struct operation *operation = new_operation(hub, OPERATION_PLAN);
    operation->plan_done = done;
    operation->ctx = ctx;
    lock_acquire(&hub->lock);
    const struct fault *fault = due_fault(hub, true);
    const struct fake_file *file = hub->files;
    while (file && !digest_equal(&file->xet_hash, xet_hash)) {
        file = file->next;
    }
    bool fails = fault && fault->what == FAULT_PLAN_FAILS;
    if (fails || !file) {
        operation->err = fails ? (enum err)fault->value : ERR_NOT_FOUND;
    } else {
        bool early = fault && fault->what == FAULT_PLAN_EARLY;
        operation->plan = fake_plan_new(file, first, last, early ? (size_t)fault->value : 0);
        if (fault) {
            spoil_plan(operation->plan, fault);
        }
    }
    hub->counts.plans++;
    hub->counts.longest = last - first + 1 > hub->counts.longest ? last - first + 1
                                                                 : hub->counts.longest;
    hub_ticket ticket = submit(hub, operation);
    lock_release(&hub->lock);
    return ticket;
}

// What will be delivered of `bytes`, with the fault that is due.
static void load(struct operation *operation, const uint8_t *bytes, size_t len,
                 const struct fault *fault)
{
    operation->bytes = malloc(len + 1);
    memcpy(operation->bytes, bytes, len);
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

hub_ticket cas_fetch(struct hub *hub, const struct hub_call *call, const struct cas_range *range,
                     struct hub_sink sink)
{
    (void)call;
    struct operation *operation = new_operation(hub, OPERATION_RANGE);
    operation->sink = sink;
    lock_acquire(&hub->lock);
    struct fake_xorb *xorb = fake_plan_xorb(hub->files, range);
    operation->xorb = xorb;
    operation->base = xorb->chunks[range->chunk_first].start;
    load(operation, xorb->bytes.bytes + operation->base,
         xorb->chunks[range->chunk_end - 1].end - operation->base, due_fault(hub, false));
    hub->counts.ranges++;
    hub_ticket ticket = submit(hub, operation);
    lock_release(&hub->lock);
    return ticket;
}

hub_ticket hub_read_range(struct hub *hub, const struct hub_call *call,
                          const struct hub_source *source, const char *path, uint64_t first,
                          uint64_t last, struct hub_sink sink)
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
    load(operation, file->bytes + first, last - first + 1, due_fault(hub, false));
    hub->counts.ranges++;
    hub_ticket ticket = submit(hub, operation);
    lock_release(&hub->lock);
    return ticket;
}

static void with_ticket(struct hub *hub, hub_ticket ticket, void (*change)(struct operation *))
{
    lock_acquire(&hub->lock);
    struct operation *operation = hub->operations;
    while (operation && operation->ticket != ticket) {
        operation = operation->next;
    }
    if (operation) {
        change(operation);
        post(hub);
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
