// SPDX-License-Identifier: Apache-2.0
// References: the call for the plan holds one, and passes it to the plan that waits with the unit, and
// that to the round. Whoever begins the unit brings another one and gives it up.
#include "xet/plan_ahead.h"

#include "xet/fetch_round.h"
#include "xet/fetch_unit.h"

enum { HELD_MAX = 64 };

bool plan_ahead_has_room(const struct xet *xet)
{
    return xet->n_held < HELD_MAX;
}

static void ask_ahead(struct fetch_unit *unit, struct errands *errands)
    REQUIRES(engine_role)
{
    unit->held_ms = clock_now_ms();
    unit->is_planning = true;
    errands_plan(errands, unit);
}

void plan_ahead_hold(struct fetch_unit *unit, struct errands *errands)
{
    struct xet *xet = unit->file->xet;
    unit->state = UNIT_HELD;
    unit->held_next = NULL;
    xet->n_held++;
    xet->units--; // it may never begin
    *(xet->held.head ? &xet->held.tail->held_next : &xet->held.head) = unit;
    xet->held.tail = unit;
    ask_ahead(unit, errands);
}

void plan_ahead_queued(struct fetch_unit *unit, struct errands *errands)
{
    if (unit->file->content.has_xet && unit->held_ms == 0) {
        ask_ahead(unit, errands);
    }
}

void plan_ahead_release(struct fetch_unit *unit)
{
    struct xet *xet = unit->file->xet;
    struct fetch_unit *before = NULL;
    for (struct fetch_unit *at = xet->held.head; at != unit; at = at->held_next) {
        before = at;
    }
    *(before ? &before->held_next : &xet->held.head) = unit->held_next;
    if (xet->held.tail == unit) {
        xet->held.tail = before;
    }
    xet->n_held--;
    xet->units++;
}

void plan_ahead_end(struct fetch_unit *unit, struct errands *errands)
{
    plan_ahead_release(unit);
    unit->is_dropped = true; // cancels a call whose ticket is not known yet
    errands_cancel(errands, unit);
    fetch_unit_end(unit, errands);
}

void plan_ahead_expire(struct xet *xet, int64_t now_ms, struct errands *errands)
{
    struct fetch_unit *unit;
    while ((unit = xet->held.head) &&
           (xet->is_closing || unit->held_ms + HELD_MS <= now_ms)) {
        plan_ahead_end(unit, errands);
    }
}

int64_t plan_ahead_expires_ms(const struct xet *xet)
{
    return xet->held.head ? xet->held.head->held_ms + HELD_MS : DEADLINE_NONE;
}

// On the pool, as when a plan has just come: it looks into the store, and a round that has nothing to
// fetch lets the next unit begin.
static void begin_round(struct job *job)
{
    struct fetch_unit *unit = (struct fetch_unit *)(void *)job;
    fetch_round_begin_plan(unit, STEAL_POINTER(unit->plan));
}

bool plan_ahead_begins(struct fetch_unit *unit)
{
    bool has_come = unit->plan != NULL;
    unit->awaits_plan = unit->is_planning;
    if (has_come) {
        unit->job.run = begin_round;
        worker_pool_submit(unit->file->xet->pool, &unit->job,
                           unit->class == HUB_DEMAND ? JOB_DEMAND : JOB_BACKGROUND);
    }
    return has_come || unit->awaits_plan;
}

// What becomes of an answer: the plan is kept with the unit until that begins. What went wrong
// matters only when it has begun; else it asks again when it does.
static bool begins_now(struct fetch_unit *unit, enum err err, struct cas_plan *plan)
    REQUIRES(engine_role)
{
    unit->is_planning = false;
    unit->ticket = 0;
    if (unit->awaits_plan) {
        return true;
    }
    if (unit->state == UNIT_OVER) {
        cas_plan_free(plan);
        return false;
    }
    unit->plan = plan;
    unit->rounds = err ? 0 : unit->rounds;
    return false;
}

static void on_plan(void *ctx, enum err err, const struct why *why, struct cas_plan *plan)
{
    struct fetch_unit *unit = ctx;
    struct xet *xet = unit->file->xet;
    struct errands errands = errands_init(xet);
    engine_lock(xet);
    bool begins = begins_now(unit, err, plan);
    bool keeps = unit->plan != NULL;
    if (err && unit->state == UNIT_HELD) {
        plan_ahead_end(unit, &errands);
    }
    engine_unlock(xet);
    errands_run(&errands);
    if (begins) {
        fetch_unit_on_plan(unit, err, why, plan);
    } else if (!keeps) {
        fetch_unit_unref(unit);
    }
}

void plan_ahead_ask(struct fetch_unit *unit)
{
    struct xet *xet = unit->file->xet;
    engine_lock(xet);
    bool is_over = unit->state == UNIT_OVER;
    engine_unlock(xet);
    if (is_over) {
        on_plan(unit, ERR_CANCELLED, NULL, NULL);
    } else {
        fetch_unit_ask(unit, on_plan);
    }
}
