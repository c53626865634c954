// SPDX-License-Identifier: Apache-2.0
// Budgets count what has been asked for and is not decoded yet: 64 units for DEMAND, 256 MiB
// for AHEAD and PREFETCH together, 64 MiB of them for PREFETCH. They bound how much the
// network is made to bring, not memory (that is block_pool.c's business). Beyond them units
// wait here, first come first served within their class; fairness between streams is the
// scheduler's in hub/.
//
// Invariant: units of a file that are not over are disjoint when they are made, so one range
// is never asked for twice at a time.
#include "xet/fetch_queue.h"

#include "xet/commit_blobs.h"
#include "xet/fetch_unit.h"
#include "xet/plan_ahead.h"
#include "xet/waits.h"

#include <string.h>

// Small blobs are collected in memory: at most so many bytes at a time, but always one.
#define COLLECT_MAX (32 * MIB)

// So many of those that wait for the budget of PREFETCH are planned meanwhile.
enum { PLANNED_MAX = 16 };

// A blob is cut at multiples of this.
#define BLOB_RANGE MIB

struct fetch_source *fetch_source_new(const struct xet_source *source)
{
    struct fetch_source *copy = calloc(1, sizeof(*copy));
    if (!copy) {
        return NULL;
    }
    copy->path = strdup(source->path ? source->path : "");
    if (!copy->path) {
        free(copy);
        return NULL;
    }
    copy->hub = source->hub;
    atomic_init(&copy->refs, 1);
    return copy;
}

struct fetch_source *fetch_source_ref(struct fetch_source *source)
{
    atomic_fetch_add(&source->refs, 1);
    return source;
}

void fetch_source_unref(struct fetch_source *source)
{
    if (source && atomic_fetch_sub(&source->refs, 1) == 1) {
        free(source->path);
        free(source);
    }
}

// ---------------------------------------------------------------- queues

static void enqueue(struct xet *xet, struct fetch_unit *unit) REQUIRES(engine_role)
{
    struct unit_queue *queue = &xet->queued[unit->class];
    unit->queue_next = NULL;
    *(queue->head ? &queue->tail->queue_next : &queue->head) = unit;
    queue->tail = unit;
}

void fetch_queue_return(struct fetch_unit *unit)
{
    unit->state = UNIT_QUEUED;
    enqueue(unit->file->xet, unit);
}

void fetch_queue_remove(struct fetch_unit *unit)
{
    struct unit_queue *queue = &unit->file->xet->queued[unit->class];
    struct fetch_unit *before = NULL;
    for (struct fetch_unit *at = queue->head; at != unit; at = at->queue_next) {
        before = at;
    }
    *(before ? &before->queue_next : &queue->head) = unit->queue_next;
    if (queue->tail == unit) {
        queue->tail = before;
    }
}

// Whether the first unit of a class may begin now. A unit that is larger than its budget may
// when nothing else of the class is active.
static bool may_begin(const struct xet *xet, const struct fetch_unit *unit)
    REQUIRES(engine_role)
{
    uint64_t bytes = unit->end - unit->first;
    if (file_is_small_blob(unit->file) && xet->collecting > 0 &&
        xet->collecting + bytes > COLLECT_MAX) {
        return false;
    }
    uint64_t ahead = xet->charged[HUB_AHEAD] + xet->charged[HUB_PREFETCH];
    switch ((enum hub_class)unit->class) {
    case HUB_DEMAND:
        return xet->active[HUB_DEMAND] < DEMAND_UNITS_MAX;
    case HUB_AHEAD:
        return xet->active[HUB_AHEAD] == 0 || ahead + bytes <= xet->ahead_budget;
    case HUB_PREFETCH:
        return xet->active[HUB_PREFETCH] == 0 ||
               (ahead + bytes <= xet->ahead_budget &&
                xet->charged[HUB_PREFETCH] + bytes <= xet->prefetch_budget);
    }
    return false;
}

static void plan_queued(struct xet *xet, struct errands *errands) REQUIRES(engine_role)
{
    struct fetch_unit *unit = xet->queued[HUB_PREFETCH].head;
    for (unsigned n = 0; unit && n < PLANNED_MAX; n++) {
        plan_ahead_queued(unit, errands);
        unit = unit->queue_next;
    }
}

void fetch_queue_admit(struct xet *xet, struct errands *errands)
{
    for (int class = HUB_DEMAND; class <= HUB_PREFETCH && !xet->is_closing; class ++) {
        struct fetch_unit *unit;
        while ((unit = xet->queued[class].head)) {
            struct commit_blobs *blobs = commit_blobs_to_come(unit);
            if (!blobs && !may_begin(xet, unit)) {
                break;
            }
            fetch_queue_remove(unit);
            if (blobs) {
                commit_blobs_set_aside(blobs, unit);
                continue;
            }
            unit->state = UNIT_ACTIVE;
            unit->charged_class = (enum hub_class) class;
            unit->charged = unit->end - unit->first;
            xet->charged[class] += unit->charged;
            xet->active[class]++;
            xet->collecting += file_is_small_blob(unit->file) ? unit->charged : 0;
            errands_begin(errands, unit);
        }
    }
    if (!xet->is_closing) {
        plan_queued(xet, errands);
    }
}

void fetch_queue_release(struct fetch_unit *unit)
{
    struct xet *xet = unit->file->xet;
    xet->charged[unit->charged_class] -= unit->charged;
    xet->active[unit->charged_class]--;
    xet->collecting -= file_is_small_blob(unit->file) ? unit->charged : 0;
}

// ---------------------------------------------------------------- units for ranges

// The unit of the file that holds `at`; else NULL, and *end is cut to the next one's start.
static struct fetch_unit *unit_at(const struct xet_file *file, uint64_t at, uint64_t *end)
    REQUIRES(engine_role)
{
    for (struct fetch_unit *unit = file->units; unit; unit = unit->next) {
        if (unit->first <= at && at < unit->end) {
            return unit;
        }
        if (unit->first > at && unit->first < *end) {
            *end = unit->first;
        }
    }
    return NULL;
}

// A reader waits now for a unit that was made for later.
static void promote(struct fetch_unit *unit, struct errands *errands)
    REQUIRES(engine_role)
{
    unit->is_dropped = false;
    if (unit->class == HUB_DEMAND) {
        return;
    }
    if (unit->state == UNIT_QUEUED) {
        fetch_queue_remove(unit);
        unit->class = HUB_DEMAND;
        enqueue(unit->file->xet, unit);
    }
    unit->class = HUB_DEMAND;
    errands_promote(errands, unit); // of a queued one: the plan that is to come
}

static enum err make_unit(struct xet_file *file, struct fetch_source *source,
                          const struct wish *wish, uint64_t first, uint64_t end,
                          struct errands *errands) REQUIRES(engine_role)
{
    struct fetch_unit *unit = fetch_unit_new(file, source, first, end);
    if (!unit) {
        return ERR_NO_MEMORY;
    }
    unit->class = wish->class;
    unit->stream = wish->stream;
    unit->deadline_ms = wish->deadline_ms;
    if (wish->holds) {
        plan_ahead_hold(unit, errands);
    } else {
        enqueue(file->xet, unit);
    }
    return ERR_NONE;
}

// What was planned for a stream is of a size that suits the stream: another reader there gets what
// it asks for.
static void end_held_of_others(struct xet_file *file, const struct wish *wish,
                               uint64_t at, struct errands *errands) REQUIRES(engine_role)
{
    uint64_t end = UINT64_MAX;
    struct fetch_unit *unit = unit_at(file, at, &end);
    if (unit && unit->state == UNIT_HELD && !wish->holds &&
        (wish->stream == 0 || wish->stream != unit->stream)) {
        plan_ahead_end(unit, errands);
    }
}

// What was only planned is wanted now.
static void release(struct fetch_unit *unit, const struct wish *wish)
    REQUIRES(engine_role)
{
    plan_ahead_release(unit);
    unit->deadline_ms = wish->deadline_ms;
    fetch_queue_return(unit);
}

// Small blobs come whole; others on the borders of 1 MiB.
static struct wish align_blob(const struct xet_file *file, struct wish wish)
{
    uint64_t size = file->content.size;
    if (file_is_small_blob(file)) {
        wish.from = 0;
        wish.to = size;
        wish.unit = size;
        wish.stretch_to = 0;
        return wish;
    }
    wish.from -= wish.from % BLOB_RANGE;
    wish.to = (wish.to + BLOB_RANGE - 1) / BLOB_RANGE * BLOB_RANGE;
    wish.to = wish.to < size ? wish.to : size;
    wish.stretch_to =
        wish.stretch_to > wish.to ? wish.stretch_to - wish.stretch_to % BLOB_RANGE : 0;
    wish.unit = wish.unit > BLOB_RANGE ? wish.unit - wish.unit % BLOB_RANGE : BLOB_RANGE;
    return wish;
}

enum err fetch_queue_want(struct xet_file *file, struct fetch_source *source,
                          const struct wish *wanted, struct errands *errands,
                          bool *out_met)
{
    struct wish wish = file->content.has_xet ? *wanted : align_blob(file, *wanted);
    bool has_met = false;
    uint64_t limit = wish.stretch_to > wish.to ? wish.stretch_to : wish.to;
    uint64_t at = piece_map_gap(&file->map, wish.from, wish.to);
    while (at < wish.to) {
        end_held_of_others(file, &wish, at, errands);
        uint64_t end = at + wish.unit < limit ? at + wish.unit : limit;
        end = piece_map_gap_end(&file->map, at, end);
        struct fetch_unit *unit = unit_at(file, at, &end);
        if (unit) {
            has_met = true;
            if (unit->state == UNIT_HELD && !wish.holds) {
                release(unit, &wish);
            }
            if (wish.class == HUB_DEMAND) {
                promote(unit, errands);
            }
            end = unit->end;
        } else if (wish.holds && !plan_ahead_has_room(file->xet)) {
            break;
        } else {
            enum err err = make_unit(file, source, &wish, at, end, errands);
            if (err) {
                return err;
            }
        }
        at = end < wish.to ? piece_map_gap(&file->map, end, wish.to) : wish.to;
    }
    *out_met = has_met;
    fetch_queue_admit(file->xet, errands);
    return ERR_NONE;
}

void fetch_queue_drop(struct xet_file *file, uint32_t stream, struct errands *errands)
{
    struct fetch_unit *next;
    for (struct fetch_unit *unit = file->units; unit; unit = next) {
        next = unit->next;
        bool is_idle = unit->class == HUB_AHEAD && unit->stream == stream &&
                       !atomic_load(&unit->has_bytes) &&
                       !waits_want(file, unit->first, unit->end, 0);
        if (!is_idle) {
            continue;
        }
        if (unit->state == UNIT_QUEUED) {
            fetch_queue_remove(unit);
            errands_cancel(errands, unit); // its plan
            fetch_unit_end(unit, errands);
        } else if (unit->state == UNIT_HELD) {
            plan_ahead_end(unit, errands);
        } else {
            unit->is_dropped = true;
            errands_cancel(errands, unit);
        }
    }
}
