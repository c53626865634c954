// SPDX-License-Identifier: Apache-2.0
// Threads: a transfer's splitter belongs to the network thread until its on_done; runs
// belong to the pool thread that decodes them. `pending` of a transfer counts what of it is
// under way, and who brings it to zero ends the transfer, on whichever thread that is; the
// last transfer ends the round.
//
// What the store has already is not fetched (round_here.c). Neither is what another transfer,
// perhaps of another file, is bringing (flights.c): this one waits for it, and looks at the
// store again.
#include "xet/fetch_round.h"

#include "xet/fetch_unit.h"
#include "xet/flights.h"
#include "xet/publish.h"
#include "xet/round_here.h"

static void note_error(struct fetch_round *round, enum err err, const struct why *why)
{
    struct xet *xet = round->unit->file->xet;
    engine_lock(xet);
    // Once something is wrong, what else is cut short says little.
    bool matters = !round->err ||
                   (err_is_retriable(round->err) && !err_is_retriable(err)) ||
                   round->err == ERR_CANCELLED;
    if (matters) {
        round->err = err;
        round->why = why ? *why : (struct why){{0}};
    }
    engine_unlock(xet);
}

static void name_object(const struct transfer *transfer, enum err err, struct why *why)
{
    const struct object_id *object =
        &transfer->round->layout.ranges[transfer->range].object;
    if (object->kind == OBJECT_XORB) {
        char hex[DIGEST_HEX_SIZE];
        digest_to_xet_hex(&object->hash, hex);
        (void)why_prefix(why, err, "xorb %s", hex);
    }
}

// A run could not be stored: neither it nor, as far as resuming goes, what follows it.
static void note_failure(struct transfer *transfer, const struct record_run *run,
                         enum err err, const struct why *why)
{
    struct fetch_round *round = transfer->round;
    struct xet *xet = round->unit->file->xet;
    engine_lock(xet);
    plan_layout_on_failure(&round->layout, transfer->range, run->first, run->at);
    engine_unlock(xet);
    note_error(round, err, why);
}

static void free_round(struct fetch_round *round)
{
    plan_layout_release(&round->layout);
    cas_plan_free(round->plan);
    free(round->transfers);
    free(round);
}

// One thing less is under way; the last one ends the round.
static void round_step_over(struct fetch_round *round)
{
    if (atomic_fetch_sub(&round->pending, 1) != 1) {
        return;
    }
    struct fetch_unit *unit = round->unit;
    uint64_t missing = plan_layout_first_missing(&round->layout);
    enum err err = round->err;
    struct why why = round->why;
    engine_lock(unit->file->xet);
    unit->round = NULL;
    engine_unlock(unit->file->xet);
    free_round(round);
    fetch_unit_round_over(unit, missing, err, &why);
}

static void start_transfer(struct transfer *transfer);

// One thing less of the transfer is under way; the last one ends it, and who waited for it
// goes on.
static void transfer_step_over(struct transfer *transfer)
{
    if (atomic_fetch_sub(&transfer->pending, 1) != 1) {
        return;
    }
    struct fetch_round *round = transfer->round;
    struct xet *xet = round->unit->file->xet;
    engine_lock(xet);
    struct transfer *waiting = flights_end(transfer);
    engine_unlock(xet);
    round_step_over(round);
    while (waiting) {
        struct transfer *next = waiting->next_waiting;
        struct fetch_round *its = waiting->round;
        atomic_fetch_add(&its->pending, 1); // it may be over before it has its ticket
        start_transfer(waiting);
        round_step_over(its);
        waiting = next;
    }
}

static bool is_urgent(struct transfer *transfer)
{
    return transfer->round->unit->class == HUB_DEMAND ||
           atomic_load(&transfer->is_demanded);
}

// ---------------------------------------------------------------- decode jobs

static void on_piece(void *ctx, const struct piece *piece)
{
    publish_piece(ctx, piece);
}

static enum err decode_and_store(struct transfer *transfer, struct record_run *run,
                                 struct decoder *decoder, struct why *why)
{
    struct fetch_round *round = transfer->round;
    struct xet_file *file = round->unit->file;
    struct xet *xet = file->xet;
    const struct object_id *object = &round->layout.ranges[transfer->range].object;
    bool is_xorb = object->kind == OBJECT_XORB;
    enum err err = decoder_decode(decoder, run, is_xorb, why);
    if (!err) {
        err =
            chunk_store_put_chunks(xet->store, object, run->first, run->n, decoder->ends,
                                   is_xorb ? decoder->hashes : NULL, decoder->chunks);
    }
    block_pool_give(xet->blocks, STEAL_POINTER(run->blocks));
    if (err) {
        return err;
    }
    atomic_fetch_add(&xet->bytes_fetched, decoder->len);
    struct publisher publisher = {.file = file,
                                  .is_ahead = round->unit->class != HUB_DEMAND};
    err = plan_layout_pieces(&round->layout, transfer->range, run->first, run->n, run->at,
                             decoder->ends, on_piece, &publisher);
    publish_flush(&publisher);
    return err;
}

static void run_job(struct job *job)
{
    struct record_run *run = (struct record_run *)job;
    struct transfer *transfer = run->owner;
    struct fetch_round *round = transfer->round;
    struct xet *xet = round->unit->file->xet;
    struct why why = {{0}};
    struct decoder *decoder = decoder_pool_take(xet->decoders);
    enum err err = ERR_NO_MEMORY;
    if (decoder) {
        err = decode_and_store(transfer, run, decoder, &why);
        decoder_pool_give(xet->decoders, decoder);
    }
    if (err) {
        name_object(transfer, err, &why);
        note_failure(transfer, run, err, &why);
    }
    record_run_free(run, xet->blocks);
    transfer_step_over(transfer);
}

// ---------------------------------------------------------------- transfers (network thread)

static enum err on_chunk(void *ctx, uint32_t index, uint64_t at, struct why *why)
{
    struct transfer *transfer = ctx;
    return plan_layout_on_chunk(&transfer->round->layout, transfer->range, index, at,
                                why);
}

static void on_run(void *ctx, struct record_run *run)
{
    struct transfer *transfer = ctx;
    struct fetch_round *round = transfer->round;
    run->owner = transfer;
    run->job.run = run_job;
    atomic_fetch_add(&transfer->pending, 1);
    worker_pool_submit(round->unit->file->xet->pool, &run->job,
                       is_urgent(transfer) ? JOB_DEMAND : JOB_BACKGROUND);
}

static bool on_bytes(void *ctx, const uint8_t *data, size_t len)
{
    struct transfer *transfer = ctx;
    struct fetch_unit *unit = transfer->round->unit;
    if (transfer->is_dead) {
        return true;
    }
    atomic_store(&unit->has_bytes, true);
    bool is_demand = is_urgent(transfer);
    transfer->waiter.is_demand = is_demand;
    transfer->splitter.is_eager = is_demand;
    struct why why = {{0}};
    enum err err = record_splitter_feed(&transfer->splitter, data, len, &why);
    if (err == ERR_PARKED) {
        return false;
    }
    if (err) {
        name_object(transfer, err, &why);
        note_error(transfer->round, err, &why);
        transfer->is_dead = true;
    }
    return true;
}

static void on_done(void *ctx, enum err err, const struct why *why)
{
    struct transfer *transfer = ctx;
    struct fetch_round *round = transfer->round;
    struct xet *xet = round->unit->file->xet;
    struct why said = {{0}};
    if (!transfer->is_dead) {
        // What arrived before the end is good as far as it goes.
        enum err cut = record_splitter_finish(&transfer->splitter, &said);
        if (err) {
            note_error(round, err, why);
        } else if (cut) {
            name_object(transfer, ERR_BAD_ANSWER, &said);
            note_error(round, ERR_BAD_ANSWER, &said);
        }
        struct layout_range *range = &round->layout.ranges[transfer->range];
        range->received = transfer->splitter.next;
        range->received_bytes = transfer->splitter.at;
    }
    record_splitter_release(&transfer->splitter);
    block_pool_forget(xet->blocks, &transfer->waiter);
    transfer_step_over(transfer);
}

static void set_ticket(struct transfer *transfer, hub_ticket ticket, enum hub_class class)
{
    struct fetch_unit *unit = transfer->round->unit;
    struct xet *xet = unit->file->xet;
    block_pool_set_ticket(xet->blocks, &transfer->waiter, ticket);
    engine_lock(xet);
    transfer->ticket = ticket;
    bool promote = unit->class < class || transfer->is_demanded;
    bool cancel = unit->is_dropped && !transfer->waiting;
    engine_unlock(xet);
    if (promote) {
        hub_promote(xet->hub, ticket, HUB_DEMAND);
    }
    if (cancel) {
        hub_cancel(xet->hub, ticket);
    }
}

static void begin_transfer(struct transfer *transfer)
{
    struct fetch_round *round = transfer->round;
    struct fetch_unit *unit = round->unit;
    struct xet *xet = unit->file->xet;
    const struct layout_range *range = &round->layout.ranges[transfer->range];
    struct splitter_receiver receiver = {on_chunk, on_run, transfer};
    struct hub_sink sink = {on_bytes, on_done, transfer};
    struct hub_call call = fetch_unit_call(unit);
    if (round->plan) {
        record_splitter_init(&transfer->splitter, xet->blocks, &transfer->waiter,
                             range->first, range->end, receiver);
    } else {
        record_splitter_init_blob(&transfer->splitter, xet->blocks, &transfer->waiter,
                                  range->first, round->layout.end - round->layout.begin,
                                  receiver);
    }
    if (!engine_enter_hub(xet)) {
        on_done(transfer, ERR_CANCELLED, NULL);
        return;
    }
    hub_ticket ticket =
        round->plan
            ? cas_fetch(xet->hub, &call, &round->plan->ranges[transfer->range], sink)
            : hub_read_range(xet->hub, &call, &unit->source->hub, unit->source->path,
                             round->layout.begin, round->layout.end - 1, sink);
    set_ticket(transfer, ticket, call.class);
    engine_leave_hub(xet);
}

// ---------------------------------------------------------------- rounds

// Fetches the transfer's range, unless another transfer does, or has done so by now.
static void start_transfer(struct transfer *transfer)
{
    struct fetch_round *round = transfer->round;
    bool is_xorb = round->plan != NULL;
    struct errands errands = errands_init(round->unit->file->xet);
    engine_lock(errands.xet);
    bool is_ours = flights_claim(transfer, &errands);
    engine_unlock(errands.xet);
    errands_run(&errands);
    if (!is_ours) {
        return; // and may be gone already
    }
    atomic_store(&transfer->pending, 1);
    if (is_xorb && transfer_is_here(transfer)) {
        transfer_step_over(transfer);
    } else {
        begin_transfer(transfer);
    }
}

static void begin_transfers(struct fetch_round *round)
{
    struct layout_range *ranges = round->layout.ranges;
    for (size_t i = 0; i < round->layout.n_ranges; i++) {
        round->n_transfers += ranges[i].is_needed ? 1 : 0;
    }
    round->transfers = calloc(round->n_transfers + 1, sizeof(*round->transfers));
    if (!round->transfers) {
        round->n_transfers = 0;
        note_error(round, ERR_NO_MEMORY, NULL);
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < round->layout.n_ranges; i++) {
        if (ranges[i].is_needed) {
            round->transfers[at].round = round;
            round->transfers[at++].range = i;
        }
    }
    struct xet *xet = round->unit->file->xet;
    engine_lock(xet);
    round->unit->round = round;
    engine_unlock(xet);
    atomic_fetch_add(&round->pending, (unsigned)round->n_transfers);
    for (size_t i = 0; i < round->n_transfers; i++) {
        start_transfer(&round->transfers[i]);
    }
}

static struct fetch_round *new_round(struct fetch_unit *unit, struct cas_plan *plan)
{
    struct fetch_round *round = calloc(1, sizeof(*round));
    if (!round) {
        cas_plan_free(plan);
        struct why why = {{0}};
        fetch_unit_round_over(unit, unit->missing, ERR_NO_MEMORY, &why);
        return NULL;
    }
    round->unit = unit;
    round->plan = plan;
    atomic_init(&round->pending, 1);
    return round;
}

// A round whose layout could not be made.
static void give_up(struct fetch_round *round, enum err err, struct why *why)
{
    struct fetch_unit *unit = round->unit;
    free_round(round);
    fetch_unit_round_over(unit, unit->missing, err, why);
}

void fetch_round_begin_plan(struct fetch_unit *unit, struct cas_plan *plan)
{
    struct fetch_round *round = new_round(unit, plan);
    if (!round) {
        return;
    }
    struct why why = {{0}};
    enum err err = plan_layout_init(&round->layout, plan, unit->missing, unit->end - 1,
                                    unit->file->content.size, &why);
    if (err) {
        give_up(round, err, &why);
        return;
    }
    fetch_unit_reach(unit, round->layout.end);
    if (round_find_needed(round)) {
        begin_transfers(round);
    }
    round_step_over(round);
}

void fetch_round_begin_blob(struct fetch_unit *unit, uint64_t first, uint64_t end)
{
    struct fetch_round *round = new_round(unit, NULL);
    if (!round) {
        return;
    }
    struct why why = {{0}};
    enum err err = plan_layout_init_blob(&round->layout, &unit->file->blob, first, end);
    if (err) {
        give_up(round, err, &why);
        return;
    }
    begin_transfers(round);
    round_step_over(round);
}
