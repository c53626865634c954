// SPDX-License-Identifier: Apache-2.0
// One round of a fetch unit: the transfers that a plan lists, cut into runs, decoded on the
// pool, stored, and told to whoever waits. Published as decoded, in any order: the chunk
// store is the reorder buffer.
#pragma once

#include "xet/engine.h"
#include "xet/plan_layout.h"

// One ranged GET.
struct transfer {
    struct fetch_round *round;
    size_t range; // index in layout and plan
    struct record_splitter splitter;
    struct block_waiter waiter;
    hub_ticket ticket;       // written under the engine's lock
    bool is_dead;            // network thread: nothing of it is wanted any more
    atomic_uint pending;     // the transfer itself and its decode jobs under way
    atomic_bool is_demanded; // a reader waits for it in another unit

    // Under the engine's lock, flights.c:
    struct transfer *prev, *next; // of its bucket
    struct transfer *carrier;     // brings the same range, so this one waits
    struct transfer *waiting;     // for this one
    struct transfer *next_waiting;
    bool is_in_flight;
};

struct fetch_round {
    struct fetch_unit *unit; // a reference
    struct cas_plan *plan;   // owns the addresses; NULL for a blob
    struct plan_layout layout;
    atomic_uint pending; // transfers that are not over, and the one who starts them
    size_t n_transfers;
    struct transfer *transfers;
    enum err err; // the first error that matters; under the engine's lock
    struct why why;
};

// Both take over the caller's reference on the unit and end with fetch_unit_round_over().
void fetch_round_begin_plan(struct fetch_unit *unit, struct cas_plan *plan);
void fetch_round_begin_blob(struct fetch_unit *unit, uint64_t first, uint64_t end);
