// SPDX-License-Identifier: Apache-2.0
// The engine as a whole: made, ended, counted.
//
// Ending: parked reads end with ERR_CANCELLED and nothing new begins; hub_close() then brings
// the answers of the units whose calls are still under way. Each of them holds a reference on
// the engine, so an answer that comes even after xet_close() finds it alive.
#include "xet/fetch_unit.h"
#include "xet/file_table.h"
#include "xet/piece_load.h"
#include "xet/plan_ahead.h"
#include "xet/waits.h"
#include "xet/xet_hash.h"

#define AHEAD_BUDGET (256 * MIB)
#define PREFETCH_BUDGET (64 * MIB)
#define BLOCK_POOL (16 * MIB)
#define PIECES_MAX (8 * MIB)

static void wake_transfer(void *ctx, uint64_t ticket)
{
    struct xet *xet = ctx;
    if (engine_enter_hub(xet)) {
        hub_resume(xet->hub, ticket);
        engine_leave_hub(xet);
    }
}

void engine_lock(struct xet *xet) NO_THREAD_ANALYSIS
{
    lock_acquire(&xet->lock);
}

void engine_unlock(struct xet *xet) NO_THREAD_ANALYSIS
{
    lock_release(&xet->lock);
}

bool engine_enter_hub(struct xet *xet)
{
    engine_lock(xet);
    bool may_call = !xet->is_closing;
    xet->hub_calls += may_call ? 1 : 0;
    engine_unlock(xet);
    return may_call;
}

void engine_leave_hub(struct xet *xet)
{
    engine_lock(xet);
    if (--xet->hub_calls == 0) {
        condition_broadcast(&xet->hub_calls_over);
    }
    engine_unlock(xet);
}

// The annotations of lock and role don't know of each other.
static void await_hub_calls(struct xet *xet) NO_THREAD_ANALYSIS
{
    while (xet->hub_calls > 0) {
        condition_wait(&xet->hub_calls_over, &xet->lock);
    }
}

static void free_engine(struct xet *xet)
{
    file_table_release(xet);
    failures_release(&xet->failures);
    block_pool_free(xet->blocks);
    decoder_pool_free(xet->decoders);
    condition_destroy(&xet->hub_calls_over);
    lock_destroy(&xet->lock);
    free(xet);
}

void xet_unref(struct xet *xet)
{
    engine_lock(xet);
    bool is_last = --xet->refs == 0;
    engine_unlock(xet);
    if (is_last) {
        free_engine(xet);
    }
}

static struct xet *new_engine(const struct xet_config *config) NO_THREAD_ANALYSIS
{
    struct xet *xet = calloc(1, sizeof(*xet));
    if (!xet) {
        return NULL;
    }
    xet->hub = config->hub;
    xet->store = config->store;
    xet->pool = config->pool;
    xet->loop = config->loop;
    xet->ahead_budget = config->ahead_budget ? config->ahead_budget : AHEAD_BUDGET;
    xet->prefetch_budget =
        xet->ahead_budget / 4 < PREFETCH_BUDGET ? xet->ahead_budget / 4 : PREFETCH_BUDGET;
    xet->refs = 1;
    xet->timer_at_ms = DEADLINE_NONE;
    lock_init(&xet->lock);
    condition_init(&xet->hub_calls_over);
    piece_cache_init(&xet->pieces, PIECES_MAX);
    return xet;
}

enum err xet_open(const struct xet_config *config, struct xet **out)
{
    struct xet *xet = new_engine(config);
    if (!xet) {
        return ERR_NO_MEMORY;
    }
    xet->blocks = block_pool_new(config->block_pool ? config->block_pool : BLOCK_POOL,
                                 wake_transfer, xet);
    xet->decoders = decoder_pool_new();
    xet->timer = loop_timer_new(xet->loop, waits_on_timer, xet);
    if (!xet->blocks || !xet->decoders || !xet->timer) {
        loop_timer_free(xet->timer);
        free_engine(xet);
        return ERR_NO_MEMORY;
    }
    // The BLAKE3 library finds out about the CPU at its first use, without a lock.
    struct digest unused;
    xet_hash_chunk("", 0, &unused);
    *out = xet;
    return ERR_NONE;
}

// Units that wait for their budget will never begin: they end here.
static void end_queued(struct xet *xet, struct errands *errands) REQUIRES(engine_role)
{
    for (size_t class = 0; class < 3; class ++) {
        struct fetch_unit *unit;
        while ((unit = xet->queued[class].head)) {
            xet->queued[class].head = unit->queue_next;
            fetch_unit_end(unit, errands);
        }
    }
}

void xet_stop(struct xet *xet)
{
    struct errands errands = errands_init(xet);
    (void)why_set(&errands.why, ERR_CANCELLED, "hugfs is stopping");
    engine_lock(xet);
    if (!xet->is_closing) {
        xet->is_closing = true;
        waits_end_all(xet, ERR_CANCELLED, &errands);
        end_queued(xet, &errands);
        plan_ahead_expire(xet, clock_now_ms(), &errands);
    }
    await_hub_calls(xet);
    engine_unlock(xet);
    loop_timer_free(STEAL_POINTER(xet->timer));
    errands_run(&errands);
}

void xet_close(struct xet *xet)
{
    if (xet) {
        xet_stop(xet);
        xet_unref(xet);
    }
}

void xet_file_info(struct xet_file *file, struct xet_file_info *out)
{
    uint64_t cached_bytes = piece_load_stored(file);
    engine_lock(file->xet);
    *out = (struct xet_file_info){
        .size = file->content.size,
        .cached_bytes = cached_bytes,
        .verified = file_is_small_blob(file) && cached_bytes == file->content.size
                        ? VERIFIED_GOOD
                        : file->verified,
        .last_error = file->last_error,
        .why = file->why,
    };
    engine_unlock(file->xet);
}

void xet_stats(struct xet *xet, struct xet_stats *out)
{
    engine_lock(xet);
    *out = (struct xet_stats){
        .bytes_read = atomic_load(&xet->bytes_read),
        .bytes_fetched = atomic_load(&xet->bytes_fetched),
        .bytes_from_store = atomic_load(&xet->bytes_from_store),
        .ahead_unused = xet->pieces.unread_bytes,
        .parked = xet->parked,
        .units_queued = xet->units,
        .files = xet->files,
    };
    engine_unlock(xet);
}
