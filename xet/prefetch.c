// SPDX-License-Identifier: Apache-2.0
// Fetching a whole range in steps: at any time up to eight steps of it (of 4 MiB each for people) are
// asked for, and it goes on when the first step of what is missing has come. The steps run on the pool,
// because a range of a large file that is here already takes many looks at the store.
//
// 4 MiB: the budget for what is on its way (fetch_queue.c) is 16 connections then. Of 8 MiB, eight
// connections of 80 MB/s would be all of the line that it takes.
#include "xet/prefetch.h"

#include "xet/fetch_queue.h"
#include "xet/file_table.h"
#include "xet/piece_load.h"
#include "xet/verify.h"
#include "xet/waits.h"

#define PREFETCH_STEP (4 * MIB)

enum { STEPS_AHEAD = 8, STEPS_WITHOUT_GAIN_MAX = 8 };

struct prefetch {
    struct job job;        // first: the pool gives it back
    struct xet_file *file; // a reference
    struct fetch_source *source;
    uint64_t at;     // everything below is here
    uint64_t looked; // what was here below is whole
    uint64_t end;
    uint64_t step;
    enum hub_class class;
    xet_ready_fn ready;
    void *ctx;
    unsigned without_gain;
};

static void finish(struct prefetch *prefetch, enum err err, const struct why *why)
{
    if (!err) {
        verify_look(prefetch->file); // all may have been here, from earlier processes
    }
    prefetch->ready(prefetch->ctx, err, err ? why : NULL);
    fetch_source_unref(prefetch->source);
    file_put(prefetch->file);
    free(prefetch);
}

static void on_step(void *ctx, enum err err, const struct why *why)
{
    struct prefetch *prefetch = ctx;
    if (err) {
        finish(prefetch, err, why);
    } else {
        worker_pool_submit(prefetch->file->xet->pool, &prefetch->job, JOB_BACKGROUND);
    }
}

static uint64_t ahead_of(uint64_t at, uint64_t distance, uint64_t end)
{
    return end - at < distance ? end : at + distance;
}

// Goes past what is here and asks for what is not. ERR_PARKED: on_step() will be called;
// ERR_NONE: look further.
static enum err step_locked(struct prefetch *prefetch, struct errands *errands)
    REQUIRES(engine_role)
{
    struct xet_file *file = prefetch->file;
    if (file->xet->is_closing) {
        return ERR_CANCELLED;
    }
    uint64_t to = ahead_of(prefetch->at, STEPS_AHEAD * prefetch->step, prefetch->end);
    uint64_t gap = piece_map_gap(&file->map, prefetch->at, to);
    prefetch->without_gain = gap > prefetch->at ? 0 : prefetch->without_gain + 1;
    prefetch->at = gap;
    if (gap == to) {
        return ERR_NONE;
    }
    if (prefetch->without_gain > STEPS_WITHOUT_GAIN_MAX) {
        return ERR_BUSY;
    }
    struct wish wish = {
        .from = gap,
        .to = to,
        .unit = prefetch->step,
        .class = prefetch->class,
    };
    bool is_met;
    xet_wait wait;
    enum err err = fetch_queue_want(file, prefetch->source, &wish, errands, &is_met);
    if (!err) {
        err = waits_park(file, gap, ahead_of(gap, prefetch->step, to), DEADLINE_NONE,
                         on_step, prefetch, &wait);
    }
    return err ? err : ERR_PARKED;
}

static void run_step(struct job *job)
{
    struct prefetch *prefetch = (struct prefetch *)job;
    struct xet *xet = prefetch->file->xet;
    uint64_t to = ahead_of(prefetch->at, STEPS_AHEAD * prefetch->step, prefetch->end);
    struct errands errands = errands_init(xet);
    uint64_t from = prefetch->looked > prefetch->at ? prefetch->looked : prefetch->at;
    enum err err = piece_load(prefetch->file, prefetch->at, to);
    err = err ? err : piece_look(prefetch->file, from, to);
    prefetch->looked = to;
    if (!err) {
        engine_lock(xet);
        err = step_locked(prefetch, &errands);
        engine_unlock(xet);
    }
    // From here on on_step() may be running: `prefetch` is ours only if nothing was parked.
    errands_run(&errands);
    if (err == ERR_NONE && prefetch->at < prefetch->end) {
        worker_pool_submit(xet->pool, &prefetch->job, JOB_BACKGROUND);
    } else if (err != ERR_PARKED) {
        struct why why = {{0}};
        finish(prefetch, err, &why);
    }
}

enum err xet_file_prefetch(struct xet_file *file, const struct xet_source *source,
                           uint64_t offset, uint64_t len, enum hub_class class,
                           xet_ready_fn ready, void *ctx)
{
    return prefetch_begin(file, source, offset, len, class, PREFETCH_STEP, ready, ctx);
}

enum err prefetch_begin(struct xet_file *file, const struct xet_source *source,
                        uint64_t offset, uint64_t len, enum hub_class class,
                        uint64_t step, xet_ready_fn ready, void *ctx)
{
    struct xet *xet = file->xet;
    struct prefetch *prefetch = calloc(1, sizeof(*prefetch));
    struct fetch_source *copy = fetch_source_new(source);
    if (!prefetch || !copy) {
        free(prefetch);
        fetch_source_unref(copy);
        return ERR_NO_MEMORY;
    }
    uint64_t size = file->content.size;
    uint64_t from = offset < size ? offset : size;
    *prefetch = (struct prefetch){
        .job = {.run = run_step},
        .file = file,
        .source = copy,
        .at = from,
        .end = len < size - from ? from + len : size,
        .step = step,
        .class = class,
        .ready = ready,
        .ctx = ctx,
    };
    engine_lock(xet);
    file->refs++;
    engine_unlock(xet);
    worker_pool_submit(xet->pool, &prefetch->job, JOB_BACKGROUND);
    return ERR_PARKED;
}
