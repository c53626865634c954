// SPDX-License-Identifier: Apache-2.0
// A read waits for gaps of the piece map to close, not for a certain unit: whoever brings the
// bytes wakes it. Its leaves are pinned, so the map's word can be relied on while it waits.
//
// The timer belongs to the loop's thread. It is set for the earliest deadline known; a read
// parked later has a later deadline as a rule, so setting it again is rare.
#include "xet/waits.h"

#include "xet/fetch_unit.h"
#include "xet/file_table.h"
#include "xet/plan_ahead.h"

// A read waits this much longer than the requests made for it: they fail at the same deadline
// and know why.
enum { SLACK_MS = 250 };

static void link_wait(struct wait *wait) REQUIRES(engine_role)
{
    struct xet_file *file = wait->file;
    struct xet *xet = file->xet;
    wait->next = file->waits;
    wait->all_next = xet->waits;
    if (wait->next) {
        wait->next->prev = wait;
    }
    if (wait->all_next) {
        wait->all_next->all_prev = wait;
    }
    file->waits = wait;
    xet->waits = wait;
    xet->parked++;
}

enum err waits_park(struct xet_file *file, uint64_t from, uint64_t to,
                    int64_t deadline_ms, xet_ready_fn ready, void *ctx,
                    xet_wait *out_wait)
{
    struct wait *wait = calloc(1, sizeof(*wait));
    if (!wait) {
        return ERR_NO_MEMORY;
    }
    if (piece_map_pin(&file->map, from, to)) {
        free(wait);
        return ERR_NO_MEMORY;
    }
    wait->id = ++file->xet->next_id;
    wait->file = file;
    wait->from = from;
    wait->to = to;
    wait->deadline_ms =
        deadline_ms == DEADLINE_NONE ? DEADLINE_NONE : deadline_ms + SLACK_MS;
    wait->ready = ready;
    wait->ctx = ctx;
    file->refs++;
    link_wait(wait);
    *out_wait = wait->id;
    return ERR_NONE;
}

// Takes the read off all lists; its function is called by the errands.
static void end_wait(struct wait *wait, enum err err, struct errands *errands)
    REQUIRES(engine_role)
{
    struct xet_file *file = wait->file;
    struct xet *xet = file->xet;
    *(wait->prev ? &wait->prev->next : &file->waits) = wait->next;
    *(wait->all_prev ? &wait->all_prev->all_next : &xet->waits) = wait->all_next;
    if (wait->next) {
        wait->next->prev = wait->prev;
    }
    if (wait->all_next) {
        wait->all_next->all_prev = wait->all_prev;
    }
    xet->parked--;
    piece_map_unpin(&file->map, wait->from, wait->to);
    wait->err = err;
    wait->next = errands->finished;
    errands->finished = wait;
}

static bool has_gap(const struct wait *wait, uint64_t from, uint64_t to)
    REQUIRES(engine_role)
{
    from = wait->from > from ? wait->from : from;
    to = wait->to < to ? wait->to : to;
    return from < to && piece_map_gap(&wait->file->map, from, to) < to;
}

void waits_wake(struct xet_file *file, uint64_t from, uint64_t to,
                struct errands *errands)
{
    struct wait *next;
    for (struct wait *wait = file->waits; wait; wait = next) {
        next = wait->next;
        if (wait->from < to && from < wait->to && !has_gap(wait, wait->from, wait->to)) {
            end_wait(wait, ERR_NONE, errands);
        }
    }
}

void waits_fail(struct xet_file *file, uint64_t from, uint64_t to, enum err err,
                const struct why *why, struct errands *errands)
{
    struct wait *next;
    for (struct wait *wait = file->waits; wait; wait = next) {
        next = wait->next;
        if (!has_gap(wait, from, to)) {
            continue;
        }
        if (err != ERR_CANCELLED) {
            // What was not found may be had from another commit at once. And what was fetched in the
            // background with its class's share of slots and quota says nothing of a reader's request.
            if (err != ERR_NOT_FOUND && wait->deadline_ms != DEADLINE_NONE) {
                failures_add(&file->xet->failures, file->id, wait->from, wait->to, err,
                             why);
            }
            file->last_error = err;
            file->why = *why;
        }
        errands->why = *why;
        end_wait(wait, err, errands);
    }
}

bool waits_want(const struct xet_file *file, uint64_t from, uint64_t to,
                int64_t beyond_ms)
{
    for (const struct wait *wait = file->waits; wait; wait = wait->next) {
        if (wait->deadline_ms > beyond_ms && has_gap(wait, from, to)) {
            return true;
        }
    }
    return false;
}

// The unit that is to bring `at`; NULL when there is none.
static const struct fetch_unit *unit_at(const struct xet_file *file, uint64_t at)
    REQUIRES(engine_role)
{
    const struct fetch_unit *unit = file->units;
    while (unit && !(unit->first <= at && at < unit->end)) {
        unit = unit->next;
    }
    return unit;
}

// Whether every gap of the read lies in a unit that is still to come.
static bool is_served(const struct wait *wait) REQUIRES(engine_role)
{
    const struct xet_file *file = wait->file;
    uint64_t at = piece_map_gap(&file->map, wait->from, wait->to);
    while (at < wait->to) {
        const struct fetch_unit *unit = unit_at(file, at);
        if (!unit) {
            return false;
        }
        at = piece_map_gap(&file->map, unit->end,
                           wait->to > unit->end ? wait->to : unit->end);
    }
    return true;
}

void waits_release_unserved(struct xet_file *file, struct errands *errands)
{
    struct wait *next;
    for (struct wait *wait = file->waits; wait; wait = next) {
        next = wait->next;
        if (!is_served(wait)) {
            end_wait(wait, ERR_NONE, errands);
        }
    }
}

void waits_abandon(struct xet_file *file, xet_wait id, struct errands *errands)
{
    for (struct wait *wait = file->waits; wait; wait = wait->next) {
        if (wait->id == id) {
            end_wait(wait, ERR_INTERRUPTED, errands);
            return;
        }
    }
}

void waits_end_all(struct xet *xet, enum err err, struct errands *errands)
{
    while (xet->waits) {
        end_wait(xet->waits, err, errands);
    }
}

// ---------------------------------------------------------------- deadlines

static void set_timer(void *ctx)
{
    struct xet *xet = ctx;
    engine_lock(xet);
    int64_t at_ms = xet->timer_at_ms;
    bool is_closing = xet->is_closing;
    engine_unlock(xet);
    if (!is_closing && at_ms != DEADLINE_NONE) {
        loop_timer_set(xet->timer, at_ms);
    }
}

void waits_arm(struct xet *xet, int64_t deadline_ms)
{
    engine_lock(xet);
    bool is_earlier = deadline_ms < xet->timer_at_ms && !xet->is_closing;
    if (is_earlier) {
        xet->timer_at_ms = deadline_ms;
    }
    engine_unlock(xet);
    if (is_earlier) {
        event_loop_post(xet->loop, set_timer, xet);
    }
}

// Says which file it is, as far as a unit knows.
static void explain_late(const struct wait *wait, struct why *why) REQUIRES(engine_role)
{
    uint64_t at = piece_map_gap(&wait->file->map, wait->from, wait->to);
    const struct fetch_unit *unit = unit_at(wait->file, at);
    (void)why_set(why, ERR_TIMEOUT, "the bytes did not arrive within the deadline");
    if (unit) {
        fetch_unit_name(unit, ERR_TIMEOUT, why);
    }
}

static void end_late(struct xet *xet, int64_t now_ms, struct errands *errands)
    REQUIRES(engine_role)
{
    struct wait *next;
    for (struct wait *wait = xet->waits; wait; wait = next) {
        next = wait->all_next;
        if (wait->deadline_ms > now_ms) {
            continue;
        }
        struct xet_file *file = wait->file;
        explain_late(wait, &errands->why);
        failures_add(&xet->failures, file->id, wait->from, wait->to, ERR_TIMEOUT,
                     &errands->why);
        file->last_error = ERR_TIMEOUT;
        file->why = errands->why;
        end_wait(wait, ERR_TIMEOUT, errands);
    }
}

static int64_t earliest(const struct xet *xet) REQUIRES(engine_role)
{
    int64_t earliest_ms = plan_ahead_expires_ms(xet);
    for (const struct wait *wait = xet->waits; wait; wait = wait->all_next) {
        if (wait->deadline_ms < earliest_ms) {
            earliest_ms = wait->deadline_ms;
        }
    }
    return earliest_ms;
}

void waits_on_timer(void *ctx)
{
    struct xet *xet = ctx;
    struct errands errands = errands_init(xet);
    engine_lock(xet);
    end_late(xet, clock_now_ms(), &errands);
    plan_ahead_expire(xet, clock_now_ms(), &errands);
    xet->timer_at_ms = earliest(xet);
    bool is_idle = xet->units == 0;
    engine_unlock(xet);
    errands_run(&errands);
    set_timer(xet);
    if (is_idle) {
        block_pool_trim(xet->blocks);
        decoder_pool_trim(xet->decoders);
    }
}
