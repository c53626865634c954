// SPDX-License-Identifier: Apache-2.0
// Order: calls are begun before readers are woken, because a network round trip is what
// takes longest. A list of tickets that finds no memory is cut short: a call that is not
// promoted is only slower, one that is not cancelled only unnecessary.
#include "xet/errands.h"

#include "xet/fetch_round.h"
#include "xet/fetch_unit.h"
#include "xet/file_table.h"
#include "xet/plan_ahead.h"

struct errands errands_init(struct xet *xet)
{
    return (struct errands){.xet = xet};
}

static void add_ticket(struct ticket_list *list, hub_ticket ticket)
{
    if (!ticket) {
        return;
    }
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 8;
        hub_ticket *grown = realloc(list->tickets, capacity * sizeof(*grown));
        if (!grown) {
            return;
        }
        list->tickets = grown;
        list->capacity = capacity;
    }
    list->tickets[list->n++] = ticket;
}

void errands_begin(struct errands *errands, struct fetch_unit *unit)
{
    unit->refs++;
    unit->queue_next = NULL;
    *(errands->begin ? &errands->begin_tail->queue_next : &errands->begin) = unit;
    errands->begin_tail = unit;
}

void errands_plan(struct errands *errands, struct fetch_unit *unit)
{
    unit->refs++;
    unit->plan_next = NULL;
    *(errands->plan ? &errands->plan_tail->plan_next : &errands->plan) = unit;
    errands->plan_tail = unit;
}

void errands_promote_carrier(struct errands *errands, struct transfer *transfer)
{
    struct transfer *carrier = transfer->carrier;
    if (carrier && !atomic_exchange(&carrier->is_demanded, true)) {
        add_ticket(&errands->promote, carrier->ticket);
    }
}

void errands_promote(struct errands *errands, struct fetch_unit *unit)
{
    add_ticket(&errands->promote, unit->ticket);
    for (size_t i = 0; unit->round && i < unit->round->n_transfers; i++) {
        struct transfer *transfer = &unit->round->transfers[i];
        add_ticket(&errands->promote, transfer->ticket);
        errands_promote_carrier(errands, transfer);
    }
}

void errands_cancel(struct errands *errands, struct fetch_unit *unit)
{
    add_ticket(&errands->cancel, unit->ticket);
    for (size_t i = 0; unit->round && i < unit->round->n_transfers; i++) {
        struct transfer *transfer = &unit->round->transfers[i];
        if (!transfer->waiting) {
            add_ticket(&errands->cancel, transfer->ticket);
        }
    }
}

static void run_calls(struct errands *errands)
{
    struct xet *xet = errands->xet;
    bool has_tickets = errands->promote.n + errands->cancel.n > 0;
    if (has_tickets && engine_enter_hub(xet)) {
        for (size_t i = 0; i < errands->promote.n; i++) {
            hub_promote(xet->hub, errands->promote.tickets[i], HUB_DEMAND);
        }
        for (size_t i = 0; i < errands->cancel.n; i++) {
            hub_cancel(xet->hub, errands->cancel.tickets[i]);
        }
        engine_leave_hub(xet);
    }
    while (errands->begin) {
        struct fetch_unit *unit = errands->begin;
        errands->begin = unit->queue_next;
        fetch_unit_begin(unit);
    }
    while (errands->plan) {
        struct fetch_unit *unit = errands->plan;
        errands->plan = unit->plan_next;
        plan_ahead_ask(unit);
    }
    free(errands->promote.tickets);
    free(errands->cancel.tickets);
}

void errands_run(struct errands *errands)
{
    run_calls(errands);
    while (errands->finished) {
        struct wait *wait = errands->finished;
        errands->finished = wait->next;
        wait->ready(wait->ctx, wait->err, wait->err ? &errands->why : NULL);
        file_put(wait->file);
        free(wait);
    }
    while (errands->over) {
        struct fetch_unit *unit = errands->over;
        errands->over = unit->queue_next;
        fetch_unit_unref(unit);
    }
    while (errands->unused) {
        struct xet_file *file = errands->unused;
        errands->unused = file->next_unused;
        file_free(file);
    }
}
