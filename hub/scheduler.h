// SPDX-License-Identifier: Apache-2.0
// Which waiting request goes next. A pure function of events and the clock: no thread, no
// socket, no memory of its own; a test drives it through a simulated network.
//
// There are four kinds of slots. API slots (JSON), PLAN slots (reconstructions, which count against
// no quota of the Hub) and UPLOAD slots are a fixed number. DATA slots (bodies of files) follow
// AIMD: four more per 250 ms while more of them brought more bytes, half of them when a server
// pushes back. Some of API, PLAN and DATA are reserved for DEMAND.
//
// Order: DEMAND before AHEAD before PREFETCH; inside a class round robin between streams;
// inside a stream first in, first out.
#pragma once

#include "hub/hub.h"

enum slot_kind { SLOT_API, SLOT_PLAN, SLOT_DATA, SLOT_UPLOAD, SLOT_KINDS };
enum { HUB_CLASSES = HUB_PREFETCH + 1 };

// One request in the scheduler's eyes; embedded in the request. The first block is the
// owner's to set before scheduler_enqueue(), the rest belongs to the scheduler.
struct sched_item {
    enum slot_kind kind;
    enum hub_class class;
    uint32_t stream;
    uint64_t bytes; // DATA: the length asked for, charged to the rate limit

    bool is_queued;
    enum hub_class started_class;
    struct sched_item *next;      // behind this one in its stream
    struct sched_item *tail;      // of the stream; valid in its first item only
    struct sched_item *ring_next; // first items of all streams of a class: a ring
    struct sched_item *ring_prev;
};

struct sched_queue {
    struct sched_item *turn; // first item of the stream that is served next
    uint32_t count;
};

struct scheduler_config {
    unsigned data_slots_max; // 0 = 24
    uint64_t max_rate;       // bytes/s of AHEAD and PREFETCH data; 0 = no limit
};

struct scheduler {
    struct sched_queue queues[SLOT_KINDS][HUB_CLASSES];
    unsigned active[SLOT_KINDS];            // holding a slot
    unsigned active_background[SLOT_KINDS]; // of those, not DEMAND
    unsigned slots[SLOT_KINDS];             // allowed now
    unsigned data_slots_max;
    // AIMD
    int64_t interval_start_ms;
    int64_t halved_ms;
    uint64_t interval_bytes;
    uint64_t rate_before; // bytes/s of the interval before
    bool was_short;       // a data request had to wait for a slot in this interval
    // Token bucket of AHEAD and PREFETCH
    uint64_t max_rate;
    int64_t tokens; // bytes; negative = in debt for what was started
    int64_t refilled_ms;
};

void scheduler_init(struct scheduler *scheduler, const struct scheduler_config *config,
                    int64_t now_ms);

// Puts a request last in its stream.
void scheduler_enqueue(struct scheduler *scheduler, struct sched_item *item);
// Takes a request out that was not started.
void scheduler_remove(struct scheduler *scheduler, struct sched_item *item);
// Moves a queued request to the very head of a higher class; a lower one changes nothing.
void scheduler_promote(struct scheduler *scheduler, struct sched_item *item,
                       enum hub_class class);

// The request that may start now; it holds a slot from here on. NULL = none may.
struct sched_item *scheduler_next(struct scheduler *scheduler, int64_t now_ms);
// Bytes of a DATA request have arrived.
void scheduler_received(struct scheduler *scheduler, uint64_t bytes, int64_t now_ms);
// A started request gives its slot back. `received` of its bytes came; `is_congestion`: the
// server pushed back (429, 503) or a timeout ended it.
void scheduler_ended(struct scheduler *scheduler, struct sched_item *item,
                     uint64_t received, bool is_congestion, int64_t now_ms);

// When scheduler_next() should be asked again although nothing happened: the rate limit or
// the AIMD interval. DEADLINE_NONE = never.
int64_t scheduler_wake_ms(const struct scheduler *scheduler);

// How many slots of a kind only DEMAND may use.
unsigned scheduler_reserved(const struct scheduler *scheduler, enum slot_kind kind);
