// SPDX-License-Identifier: Apache-2.0
// References: one is the file's list's (given up by fetch_unit_end()), one is held by
// whatever is under way: the begin that was noted, the plan that was asked for, the round.
// So there is always exactly one of the latter for an active unit, and whoever holds it
// decides what comes next.
#include "xet/fetch_unit.h"

#include "xet/blob_collect.h"
#include "xet/fetch_queue.h"
#include "xet/fetch_round.h"
#include "xet/file_table.h"
#include "xet/plan_ahead.h"
#include "xet/verify.h"
#include "xet/waits.h"

enum {
    ROUNDS_MAX = 256,     // of one unit, each with some gain
    WITHOUT_GAIN_MAX = 2, // cut off so often at one place and once more: give up
    EXPIRED_MAX = 1,      // the second address refused at one place is an error
    PATIENCE_MS = 1000,   // a read with less time left is not worth another round
};

struct fetch_unit *fetch_unit_new(struct xet_file *file, struct fetch_source *source,
                                  uint64_t first, uint64_t end)
{
    struct fetch_unit *unit = calloc(1, sizeof(*unit));
    if (!unit) {
        return NULL;
    }
    unit->file = file;
    unit->source = fetch_source_ref(source);
    unit->refs = 1;
    unit->first = first;
    unit->end = end;
    unit->missing = first;
    file->refs++;
    unit->next = file->units;
    if (unit->next) {
        unit->next->prev = unit;
    }
    file->units = unit;
    file->xet->units++;
    file->xet->refs++;
    return unit;
}

void fetch_unit_unref(struct fetch_unit *unit)
{
    struct xet_file *file = unit->file;
    struct xet *xet = file->xet;
    engine_lock(xet);
    bool is_last = --unit->refs == 0;
    engine_unlock(xet);
    if (is_last) {
        fetch_source_unref(unit->source);
        free(unit);
        file_put(file);
        xet_unref(xet);
    }
}

void fetch_unit_end(struct fetch_unit *unit, struct errands *errands)
{
    struct xet_file *file = unit->file;
    struct xet *xet = file->xet;
    *(unit->prev ? &unit->prev->next : &file->units) = unit->next;
    if (unit->next) {
        unit->next->prev = unit->prev;
    }
    xet->units--;
    if (unit->state == UNIT_ACTIVE) {
        fetch_queue_release(unit);
    }
    unit->state = UNIT_OVER;
    if (unit->plan) {
        cas_plan_free(STEAL_POINTER(unit->plan));
        unit->refs--; // the plan's; not the last one
    }
    waits_release_unserved(file, errands);
    unit->queue_next = errands->over;
    errands->over = unit;
}

static bool begins_within(const struct fetch_unit *unit, uint64_t from, uint64_t to)
{
    return from <= unit->first && unit->first < to;
}

void fetch_unit_reach(struct fetch_unit *unit, uint64_t end)
{
    struct xet_file *file = unit->file;
    engine_lock(file->xet);
    for (struct fetch_unit *other = file->units; other; other = other->next) {
        bool has_begun = other->rounds > 0 || other->end <= end;
        if (other != unit && has_begun && begins_within(other, unit->end, end)) {
            end = other->first;
        }
    }
    for (struct fetch_unit *other = file->units; other; other = other->next) {
        if (other != unit && begins_within(other, unit->end, end)) {
            other->first = end;
            other->missing = end;
        }
    }
    unit->end = end > unit->end ? end : unit->end;
    engine_unlock(file->xet);
}

struct hub_call fetch_unit_call(const struct fetch_unit *unit)
{
    uint32_t stream =
        unit->stream ? (uint32_t)unit->file->id * STREAMS_MAX + unit->stream : 0;
    return (struct hub_call){
        .class = unit->class,
        .stream = stream,
        .deadline_ms = unit->deadline_ms,
        .reason = unit->class == HUB_DEMAND  ? "read"
                  : unit->class == HUB_AHEAD ? "ahead"
                                             : "prefetch",
    };
}

void fetch_unit_set_ticket(struct fetch_unit *unit, hub_ticket ticket,
                           enum hub_class class)
{
    struct xet *xet = unit->file->xet;
    engine_lock(xet);
    unit->ticket = ticket;
    bool promote = unit->class < class;
    bool cancel = unit->is_dropped;
    engine_unlock(xet);
    if ((promote || cancel) && engine_enter_hub(xet)) {
        if (promote) {
            hub_promote(xet->hub, ticket, HUB_DEMAND);
        }
        if (cancel) {
            hub_cancel(xet->hub, ticket);
        }
        engine_leave_hub(xet);
    }
}

void fetch_unit_name(const struct fetch_unit *unit, enum err err, struct why *why)
{
    char repo[REPO_NAME_SIZE + 16];
    repo_id_format(&unit->source->hub.repo, repo, sizeof(repo));
    (void)why_prefix(why, err, "%s/%s", repo, unit->source->path);
}

void fetch_unit_on_plan(void *ctx, enum err err, const struct why *why,
                        struct cas_plan *plan)
{
    struct fetch_unit *unit = ctx;
    if (err) {
        struct why said = why ? *why : (struct why){{0}};
        fetch_unit_round_over(unit, unit->missing, err, &said);
        return;
    }
    fetch_round_begin_plan(unit, plan);
}

void fetch_unit_begin(struct fetch_unit *unit)
{
    struct xet *xet = unit->file->xet;
    engine_lock(xet);
    bool is_planned = plan_ahead_begins(unit);
    engine_unlock(xet);
    if (is_planned) {
        fetch_unit_unref(unit);
    } else {
        fetch_unit_ask(unit, fetch_unit_on_plan);
    }
}

void fetch_unit_ask(struct fetch_unit *unit, cas_plan_fn done)
{
    struct xet_file *file = unit->file;
    struct xet *xet = file->xet;
    engine_lock(xet);
    unit->ticket = 0;
    unit->rounds++;
    unit->refs++; // for set_ticket, because the answer may come before the call returns
    struct hub_call call = fetch_unit_call(unit);
    uint64_t first = unit->missing;
    uint64_t last = unit->end - 1;
    engine_unlock(xet);
    if (!engine_enter_hub(xet)) {
        done(unit, ERR_CANCELLED, NULL, NULL);
        fetch_unit_unref(unit);
        return;
    }
    if (file_is_small_blob(file)) {
        blob_collect_begin(unit, &call);
    } else if (!file->content.has_xet) {
        fetch_round_begin_blob(unit, first, unit->end);
    } else {
        hub_ticket ticket = cas_plan(xet->hub, &call, &unit->source->hub,
                                     &file->content.xet_hash, first, last, done, unit);
        fetch_unit_set_ticket(unit, ticket, call.class);
    }
    engine_leave_hub(xet);
    fetch_unit_unref(unit);
}

enum next_step { STEP_DONE, STEP_AGAIN, STEP_FAIL };

// What follows a round that ended with `err` and brought everything before `missing`.
static enum next_step next_step(struct fetch_unit *unit, uint64_t missing, enum err err)
    REQUIRES(engine_role)
{
    struct xet_file *file = unit->file;
    bool has_gained = missing > unit->missing;
    if (missing >= unit->end) {
        return STEP_DONE;
    }
    if (has_gained) {
        // Patience is for one place of the file: what lies further on has all of it again.
        unit->missing = missing;
        unit->expired = 0;
        unit->without_gain = 0;
    }
    if (file->xet->is_closing || unit->rounds >= ROUNDS_MAX) {
        return STEP_FAIL;
    }
    if (err == ERR_CANCELLED) {
        bool is_wanted =
            !unit->is_dropped || waits_want(file, unit->missing, unit->end, 0);
        unit->is_dropped = false;
        return is_wanted && unit->without_gain++ < WITHOUT_GAIN_MAX ? STEP_AGAIN
                                                                    : STEP_FAIL;
    }
    if (err == ERR_EXPIRED) {
        return unit->expired++ < EXPIRED_MAX ? STEP_AGAIN : STEP_FAIL;
    }
    if (has_gained && (err == ERR_NONE || err_is_retriable(err))) {
        return STEP_AGAIN;
    }
    // A deadline was the one of the read that made the unit; others may have more time. When
    // all who wait are about to give up, they had better hear what went wrong.
    bool is_awaited = waits_want(file, unit->missing, unit->end, 0);
    bool has_time =
        waits_want(file, unit->missing, unit->end, clock_now_ms() + PATIENCE_MS);
    bool is_worth_it =
        err == ERR_TRUNCATED ? has_time || !is_awaited : err == ERR_TIMEOUT && has_time;
    return is_worth_it && unit->without_gain++ < WITHOUT_GAIN_MAX ? STEP_AGAIN
                                                                  : STEP_FAIL;
}

// Lets go of a unit that has failed: who misses some of it learns why.
static void fail(struct fetch_unit *unit, enum err err, struct why *why,
                 struct errands *errands) REQUIRES(engine_role)
{
    struct xet_file *file = unit->file;
    err = err ? err : ERR_BAD_ANSWER;
    fetch_unit_name(unit, err, why);
    if (err != ERR_CANCELLED) {
        log_debug("xet", "%s (%s)", why_text(why, err), err_name(err));
    }
    waits_fail(file, unit->missing, unit->end, err, why, errands);
}

void fetch_unit_round_over(struct fetch_unit *unit, uint64_t missing, enum err err,
                           struct why *why)
{
    struct xet_file *file = unit->file;
    struct xet *xet = file->xet;
    struct errands errands = errands_init(xet);
    engine_lock(xet);
    unit->round = NULL;
    unit->ticket = 0;
    enum next_step step = next_step(unit, missing, err);
    if (step == STEP_AGAIN) {
        unit->deadline_ms = 0;
        errands_begin(&errands, unit);
    } else {
        if (step == STEP_FAIL) {
            fail(unit, err, why, &errands);
        }
        fetch_unit_end(unit, &errands);
        fetch_queue_admit(xet, &errands);
    }
    bool is_idle = xet->units == 0;
    engine_unlock(xet);
    if (step == STEP_DONE) {
        verify_look(file);
    }
    errands_run(&errands);
    if (is_idle) {
        waits_arm(xet, clock_now_ms() + TRANSFER_IDLE_MS);
    }
    fetch_unit_unref(unit);
}
