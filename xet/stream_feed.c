// SPDX-License-Identifier: Apache-2.0
// Reads of one stream don't come in order: the kernel reads ahead with several requests at a
// time, and several threads serve them. So it is the place in the file that tells whether a
// stream's number has passed to another stream, not how much it says to have consumed.
//
// Asked for is in whole units, when a unit's worth of the window is open, or up to where the file or,
// most likely, the stream ends, so a reader of small blocks does not make small requests.
#include "xet/stream_feed.h"

#include "xet/fetch_queue.h"
#include "xet/file_table.h"
#include "xet/piece_load.h"
#include "xet/plan_ahead.h"
#include "xet/waits.h"

// How far from the stream's place a read may lie: what belongs to a stream for fs/ (16 MiB
// forward, 1 MiB back) and as much as requests may overtake each other.
#define REACH_FORWARD (20 * MIB)
#define REACH_BACK (4 * MIB)

// Who has read less in order may be no stream at all: nothing is planned for it.
#define PLANS_FROM (MIB / 8)

// How far ahead of a stream the disk is: a few of its reads at a time, of one step each.
#define DISK_AHEAD (4 * MIB)
#define DISK_STEP MIB

static bool is_elsewhere(const struct stream *stream, uint64_t end)
{
    return end > stream->at + REACH_FORWARD || end + REACH_BACK < stream->at;
}

// Up to the end of the piece there, which is read as a whole.
static void note_disk(struct xet_file *file, struct stream *stream, struct ahead *ahead)
    REQUIRES(engine_role)
{
    uint64_t size = file->content.size;
    uint64_t at = stream->at;
    uint64_t from = stream->taken_to > at ? stream->taken_to : at;
    uint64_t to = size - at < DISK_AHEAD ? size : at + DISK_AHEAD;
    struct fragment last;
    if (to < from + DISK_STEP && (to < size || from >= size)) {
        return;
    }
    if (piece_map_find(&file->map, to - 1, &last) && last.to - to < DISK_STEP) {
        to = last.to;
    }
    stream->taken_to = to;
    ahead->disk_from = from;
    ahead->disk_to = to;
}

// What is left of a stream that is expected to end is asked for in one step, up to so much.
#define REST_AT_ONCE (32 * MIB)

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// How far ahead of the stream is asked for at most. `ends_at`: see struct xet_pattern.
static struct window reach_of(const struct stream *stream, uint64_t ends_at)
    REQUIRES(engine_role)
{
    struct window reach = stream->window;
    if (ends_at > 0 && reach.size < REST_AT_ONCE) {
        reach.size = least(ends_at - least(stream->at, ends_at), REST_AT_ONCE);
    }
    return reach;
}

// What follows up to `to`, which is being asked for, and lies before `last`.
static void note_plans(struct xet_file *file, struct stream *stream, uint64_t consumed,
                       uint64_t to, uint64_t last, struct ahead *ahead)
    REQUIRES(engine_role)
{
    uint64_t next = window_next(&stream->window);
    if (!file->content.has_xet || next == 0 || consumed < PLANS_FROM) {
        return;
    }
    uint64_t size = file->content.size;
    uint64_t unit = window_next_unit(&stream->window);
    uint64_t end = least(last, stream->at + next);
    uint64_t from = stream->planned_to > to ? stream->planned_to : to;
    if (from >= end || (end < size && end - from < unit)) {
        return;
    }
    stream->planned_to = end == size ? size : from + (end - from) / unit * unit;
    ahead->plan_from = from;
    ahead->plan_to = stream->planned_to;
    ahead->plan_unit = unit;
}

struct ahead stream_note_read(struct xet_file *file, const struct xet_pattern *pattern,
                              uint64_t end, bool stalled, struct errands *errands)
{
    if (pattern->stream == 0 || pattern->stream > STREAMS_MAX) {
        return (struct ahead){0};
    }
    struct stream *stream = &file->streams[pattern->stream - 1];
    if (is_elsewhere(stream, end)) {
        fetch_queue_drop(file, pattern->stream, errands);
        *stream = (struct stream){0};
    }
    stream->at = end > stream->at ? end : stream->at;
    struct ahead ahead = {0};
    note_disk(file, stream, &ahead);
    window_on_read(&stream->window, pattern->consumed, stalled);
    const struct window reach = reach_of(stream, pattern->ends_at);
    uint64_t unit = window_unit(&reach);
    uint64_t size = file->content.size;
    uint64_t last = pattern->ends_at > 0 ? least(size, pattern->ends_at) : size;
    uint64_t open = least(last, stream->at + reach.size);
    bool is_end = open == last;
    uint64_t from = stream->asked_to > stream->at ? stream->asked_to : stream->at;
    if (from >= open || (!is_end && open - from < unit)) {
        return ahead;
    }
    uint64_t to = is_end ? open : from + (open - from) / unit * unit;
    stream->asked_to = to;
    ahead.from = from;
    ahead.to = to;
    ahead.unit = unit;
    note_plans(file, stream, pattern->consumed, to, last, &ahead);
    return ahead;
}

// What is not known to be here is left out: it is fetched, and then in the page cache.
static void read_disk_ahead(struct xet_file *file, uint64_t from, uint64_t to)
{
    while (from < to) {
        struct fragment fragment;
        engine_lock(file->xet);
        bool is_here = piece_map_find(&file->map, from, &fragment);
        engine_unlock(file->xet);
        uint64_t end = is_here ? fragment.to : from - from % DISK_STEP + DISK_STEP;
        end = end < to ? end : to;
        if (is_here) {
            end = end - from > 2 * DISK_STEP ? from + DISK_STEP : end;
            chunk_store_read_ahead(file->xet->store, &fragment.object, fragment.first,
                                   from - fragment.origin, (size_t)(end - from));
        }
        from = end;
    }
}

struct ahead_job {
    struct job job;        // first: the pool gives it back
    struct xet_file *file; // a reference
    struct fetch_source *source;
    uint32_t stream;
    struct ahead ahead;
};

static void ask(struct xet_file *file, struct fetch_source *source, uint32_t stream,
                const struct ahead *ahead)
{
    if (!piece_load(file, ahead->disk_from, ahead->disk_to)) {
        read_disk_ahead(file, ahead->disk_from, ahead->disk_to);
    }
    if (ahead->from == ahead->to || piece_load(file, ahead->from, ahead->to)) {
        return;
    }
    bool may_plan = !piece_load(file, ahead->plan_from, ahead->plan_to);
    struct wish wish = {
        .from = ahead->from,
        .to = ahead->to,
        .unit = ahead->unit,
        .class = HUB_AHEAD,
        .stream = stream,
    };
    struct wish plans = {
        .from = ahead->plan_from,
        .to = may_plan ? ahead->plan_to : ahead->plan_from,
        .unit = ahead->plan_unit,
        .class = HUB_AHEAD,
        .stream = stream,
        .holds = true,
    };
    struct errands errands = errands_init(file->xet);
    bool is_met;
    engine_lock(file->xet);
    if (!file->xet->is_closing &&
        (fetch_queue_want(file, source, &wish, &errands, &is_met) ||
         fetch_queue_want(file, source, &plans, &errands, &is_met))) {
        log_debug("xet", "no memory to read ahead");
    }
    bool holds = file->xet->held.head != NULL;
    engine_unlock(file->xet);
    if (holds) {
        waits_arm(file->xet, clock_now_ms() + HELD_MS);
    }
    errands_run(&errands);
}

static void run_ask(struct job *job)
{
    struct ahead_job *one = (struct ahead_job *)(void *)job;
    struct xet_file *file = one->file;
    struct xet *xet = file->xet;
    ask(file, one->source, one->stream, &one->ahead);
    fetch_source_unref(one->source);
    file_put(file);
    xet_unref(xet);
    free(one);
}

// Looking what the store has of it may take as long as the disk does: not while a reader waits for
// an answer that is complete.
static bool ask_later(struct xet_file *file, struct fetch_source *source, uint32_t stream,
                      const struct ahead *ahead)
{
    struct ahead_job *one = calloc(1, sizeof(*one));
    if (!one) {
        return false;
    }
    engine_lock(file->xet);
    file->refs++;
    file->xet->refs++;
    engine_unlock(file->xet);
    *one = (struct ahead_job){
        {.run = run_ask}, file, fetch_source_ref(source), stream, *ahead};
    worker_pool_submit(file->xet->pool, &one->job, JOB_DEMAND);
    return true;
}

static bool is_loaded(struct xet_file *file, uint64_t from, uint64_t to)
{
    bool all = true;
    engine_lock(file->xet);
    for (uint64_t at = from; at < to && all;
         at += PIECE_LEAF_BYTES - at % PIECE_LEAF_BYTES) {
        all = piece_map_is_loaded(&file->map, at);
    }
    engine_unlock(file->xet);
    return all;
}

void stream_ask_ahead(struct xet_file *file, const struct xet_source *source,
                      const struct xet_pattern *pattern, const struct ahead *ahead)
{
    if (ahead->from == ahead->to && ahead->disk_from == ahead->disk_to) {
        return;
    }
    struct fetch_source *copy = fetch_source_new(source);
    if (!copy) {
        return;
    }
    bool is_known = is_loaded(file, ahead->from, ahead->to) &&
                    is_loaded(file, ahead->plan_from, ahead->plan_to) &&
                    is_loaded(file, ahead->disk_from, ahead->disk_to);
    if (is_known || !ask_later(file, copy, pattern->stream, ahead)) {
        ask(file, copy, pattern->stream, ahead);
    }
    fetch_source_unref(copy);
}
