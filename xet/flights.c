// SPDX-License-Identifier: Apache-2.0
// A table of lists. A transfer is in it from its claim until it and its decode jobs are over,
// so whoever finds no transfer here after that finds the chunks in the store.
#include "xet/flights.h"

#include <utlist.h>

static struct transfer **bucket_of(const struct transfer *transfer) REQUIRES(engine_role)
{
    const struct layout_range *range = &transfer->round->layout.ranges[transfer->range];
    size_t place = (range->object.hash.bytes[0] ^ range->first) % FLIGHT_BUCKETS;
    return &transfer->round->unit->file->xet->flights[place];
}

static bool is_same(const struct transfer *a, const struct transfer *b)
{
    const struct layout_range *of_a = &a->round->layout.ranges[a->range];
    const struct layout_range *of_b = &b->round->layout.ranges[b->range];
    return of_a->first == of_b->first && of_a->end == of_b->end &&
           digest_equal(&of_a->object.hash, &of_b->object.hash);
}

bool flights_claim(struct transfer *transfer, struct errands *errands)
{
    if (!transfer->round->plan) {
        return true; // of a blob: its units are disjoint
    }
    struct transfer **bucket = bucket_of(transfer);
    struct transfer *carrier;
    DL_FOREACH (*bucket, carrier) {
        if (is_same(carrier, transfer)) {
            break;
        }
    }
    if (!carrier) {
        DL_APPEND(*bucket, transfer);
        transfer->is_in_flight = true;
        return true;
    }
    transfer->carrier = carrier;
    LL_APPEND2(carrier->waiting, transfer, next_waiting);
    if (transfer->round->unit->class == HUB_DEMAND) {
        errands_promote_carrier(errands, transfer);
    }
    return false;
}

struct transfer *flights_end(struct transfer *transfer)
{
    if (transfer->is_in_flight) {
        DL_DELETE(*bucket_of(transfer), transfer);
        transfer->is_in_flight = false;
    }
    struct transfer *waiting = transfer->waiting;
    transfer->waiting = NULL;
    struct transfer *one;
    LL_FOREACH2(waiting, one, next_waiting)
    {
        one->carrier = NULL;
    }
    return waiting;
}
