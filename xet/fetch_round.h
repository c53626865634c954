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
    hub_ticket ticket; // written under the engine's lock
    bool is_dead;      // network thread: nothing of it is wanted any more
};

struct fetch_round {
    struct fetch_unit *unit; // a reference
    struct cas_plan *plan;   // owns the addresses; NULL for a blob
    struct plan_layout layout;
    atomic_uint
        pending; // transfers and decode jobs under way, and the one who starts them
    size_t n_transfers;
    struct transfer *transfers;
    enum err err; // the first error that matters; under the engine's lock
    struct why why;
};

// Both take over the caller's reference on the unit and end with fetch_unit_round_over().
void fetch_round_begin_plan(struct fetch_unit *unit, struct cas_plan *plan);
void fetch_round_begin_blob(struct fetch_unit *unit, uint64_t first, uint64_t end);
