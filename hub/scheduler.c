// SPDX-License-Identifier: Apache-2.0
// The scheduler: queues, slots, AIMD and the rate limit.
//
// A queue is a ring of streams, and a stream is a list of requests. Neither has memory of
// its own: the first request of a stream is the stream's node in the ring.
//
//     turn -> A1 <-> B1 <-> C1 <-> (A1)      ring_next, ring_prev
//             |      |
//             A2     B2                      next; A1.tail == A2
//
// Invariants:
// (1) active[k] <= slots[k] when a request starts, and active_background[k] <= slots[k] -
//     scheduler_reserved(k): AIMD may lower slots below active; then nothing starts.
// (2) No request of a class starts while one of a higher class could.
// (3) A stream that has been served stands last in the ring.
// (4) In any time t the background starts at most burst + max_rate * t bytes plus one unit,
//     where the burst is one second's worth.
#include "hub/scheduler.h"

#include <assert.h>

enum {
    API_SLOTS = 8,
    API_RESERVED = 2,
    // A stream at full speed starts 120 units a second; a plan may take 100 ms.
    PLAN_SLOTS = 16,
    PLAN_RESERVED = 4,
    // One request keeps its connection busy for a part of the time only, so few of them make a
    // slow start; a server that is asked too much says so.
    DATA_SLOTS_START = 16,
    DATA_SLOTS_MAX = 24,
    DATA_RESERVED = 4,
    UPLOAD_SLOTS = 4,
    DATA_SLOTS_MIN = 2,
    AIMD_STEP = 4,
    AIMD_INTERVAL_MS = 250,
    AIMD_GROWTH_PERCENT = 105,
    IDLE_INTERVALS = 4, // after so many without bytes the rate before tells nothing
};

void scheduler_init(struct scheduler *scheduler, const struct scheduler_config *config,
                    int64_t now_ms)
{
    unsigned max = config->data_slots_max > 0 ? config->data_slots_max : DATA_SLOTS_MAX;
    *scheduler = (struct scheduler){
        .slots = {[SLOT_API] = API_SLOTS,
                  [SLOT_PLAN] = PLAN_SLOTS,
                  [SLOT_DATA] = max < DATA_SLOTS_START ? max : DATA_SLOTS_START,
                  [SLOT_UPLOAD] = UPLOAD_SLOTS},
        .data_slots_max = max,
        .interval_start_ms = now_ms,
        .halved_ms = now_ms - AIMD_INTERVAL_MS,
        .max_rate = config->max_rate < INT64_MAX ? config->max_rate : INT64_MAX,
        .tokens = (int64_t)(config->max_rate < INT64_MAX ? config->max_rate : INT64_MAX),
        .refilled_ms = now_ms,
    };
}

unsigned scheduler_reserved(const struct scheduler *scheduler, enum slot_kind kind)
{
    static const unsigned reserved[SLOT_KINDS] = {
        [SLOT_API] = API_RESERVED,
        [SLOT_PLAN] = PLAN_RESERVED,
        [SLOT_DATA] = DATA_RESERVED,
    };
    unsigned wanted = reserved[kind];
    unsigned half =
        scheduler->slots[kind] / 2; // with few slots the background keeps some
    return wanted < half ? wanted : half;
}

// ------------------------------------------------------------------------------ queues

static struct sched_item *queue_find_stream(const struct sched_queue *queue,
                                            uint32_t stream)
{
    struct sched_item *first = queue->turn;
    if (first == NULL) {
        return NULL;
    }
    do {
        if (first->stream == stream) {
            return first;
        }
        first = first->ring_next;
    } while (first != queue->turn);
    return NULL;
}

static void ring_insert_last(struct sched_queue *queue, struct sched_item *first)
{
    if (queue->turn == NULL) {
        first->ring_next = first->ring_prev = first;
        queue->turn = first;
        return;
    }
    first->ring_next = queue->turn;
    first->ring_prev = queue->turn->ring_prev;
    first->ring_prev->ring_next = first;
    queue->turn->ring_prev = first;
}

static void ring_remove(struct sched_queue *queue, struct sched_item *first)
{
    if (first->ring_next == first) {
        queue->turn = NULL;
        return;
    }
    first->ring_prev->ring_next = first->ring_next;
    first->ring_next->ring_prev = first->ring_prev;
    if (queue->turn == first) {
        queue->turn = first->ring_next;
    }
}

// `heir` takes the place of `first` in the ring.
static void ring_replace(struct sched_queue *queue, struct sched_item *first,
                         struct sched_item *heir)
{
    if (first->ring_next == first) {
        heir->ring_next = heir->ring_prev = heir;
    } else {
        heir->ring_next = first->ring_next;
        heir->ring_prev = first->ring_prev;
        heir->ring_prev->ring_next = heir;
        heir->ring_next->ring_prev = heir;
    }
    if (queue->turn == first) {
        queue->turn = heir;
    }
}

static void queue_push(struct sched_queue *queue, struct sched_item *item)
{
    struct sched_item *first = queue_find_stream(queue, item->stream);
    item->next = NULL;
    if (first == NULL) {
        item->tail = item;
        ring_insert_last(queue, item);
    } else {
        first->tail->next = item;
        first->tail = item;
    }
    queue->count++;
    item->is_queued = true;
}

static void queue_push_front(struct sched_queue *queue, struct sched_item *item)
{
    struct sched_item *first = queue_find_stream(queue, item->stream);
    item->next = first;
    if (first == NULL) {
        item->tail = item;
        ring_insert_last(queue, item);
    } else {
        item->tail = first->tail;
        ring_replace(queue, first, item);
    }
    queue->turn = item;
    queue->count++;
    item->is_queued = true;
}

static void queue_remove(struct sched_queue *queue, struct sched_item *item)
{
    struct sched_item *first = queue_find_stream(queue, item->stream);
    assert(first != NULL && item->is_queued);
    if (first == item) {
        struct sched_item *heir = item->next;
        if (heir == NULL) {
            ring_remove(queue, item);
        } else {
            heir->tail = item->tail;
            ring_replace(queue, item, heir);
        }
    } else {
        struct sched_item *before = first;
        while (before->next != item) {
            before = before->next;
        }
        before->next = item->next;
        if (first->tail == item) {
            first->tail = before;
        }
    }
    queue->count--;
    item->is_queued = false;
}

// Takes the first request of the stream whose turn it is; the turn passes on.
static struct sched_item *queue_pop(struct sched_queue *queue)
{
    struct sched_item *item = queue->turn;
    queue_remove(queue, item);
    if (queue->turn != NULL && queue->turn->stream == item->stream) {
        queue->turn = queue->turn->ring_next;
    }
    return item;
}

void scheduler_enqueue(struct scheduler *scheduler, struct sched_item *item)
{
    queue_push(&scheduler->queues[item->kind][item->class], item);
}

void scheduler_remove(struct scheduler *scheduler, struct sched_item *item)
{
    queue_remove(&scheduler->queues[item->kind][item->class], item);
}

void scheduler_promote(struct scheduler *scheduler, struct sched_item *item,
                       enum hub_class class)
{
    if (class >= item->class) {
        return;
    }
    queue_remove(&scheduler->queues[item->kind][item->class], item);
    item->class = class;
    queue_push_front(&scheduler->queues[item->kind][class], item);
}

// ------------------------------------------------------------------- AIMD and rate limit

static void close_interval(struct scheduler *scheduler, int64_t now_ms)
{
    int64_t elapsed = now_ms - scheduler->interval_start_ms;
    if (elapsed < AIMD_INTERVAL_MS) {
        return;
    }
    uint64_t rate = scheduler->interval_bytes * 1000 / (uint64_t)elapsed;
    bool is_comparable = elapsed < (int64_t)AIMD_INTERVAL_MS * IDLE_INTERVALS;
    bool grew = rate * 100 >= scheduler->rate_before * AIMD_GROWTH_PERCENT && rate > 0;
    if (is_comparable && scheduler->was_short && grew) {
        unsigned more = scheduler->slots[SLOT_DATA] + AIMD_STEP;
        unsigned max = scheduler->data_slots_max;
        scheduler->slots[SLOT_DATA] = more < max ? more : max;
    }
    scheduler->rate_before = is_comparable ? rate : 0;
    scheduler->interval_bytes = 0;
    scheduler->interval_start_ms = now_ms;
    scheduler->was_short = false;
}

// One storm of refusals is one event: it halves once per interval.
static void halve_data_slots(struct scheduler *scheduler, int64_t now_ms)
{
    if (now_ms - scheduler->halved_ms < AIMD_INTERVAL_MS) {
        return;
    }
    unsigned min = scheduler->data_slots_max < DATA_SLOTS_MIN ? scheduler->data_slots_max
                                                              : DATA_SLOTS_MIN;
    unsigned half = scheduler->slots[SLOT_DATA] / 2;
    scheduler->slots[SLOT_DATA] = half > min ? half : min;
    scheduler->halved_ms = now_ms;
    scheduler->rate_before = 0;
}

static void refill(struct scheduler *scheduler, int64_t now_ms)
{
    int64_t elapsed = now_ms - scheduler->refilled_ms;
    if (scheduler->max_rate == 0 || elapsed <= 0) {
        return;
    }
    int64_t burst = (int64_t)scheduler->max_rate;
    uint64_t earned = 0;
    if (!checked_mul(scheduler->max_rate, (uint64_t)elapsed, &earned)) {
        earned = UINT64_MAX;
    }
    earned /= 1000;
    if (earned == 0) {
        return; // keep the time until it is worth a byte
    }
    int64_t room = burst - scheduler->tokens;
    bool fills_up = room < 0 || earned >= (uint64_t)room;
    scheduler->tokens = fills_up ? burst : scheduler->tokens + (int64_t)earned;
    scheduler->refilled_ms = now_ms;
}

static bool has_free_slot(const struct scheduler *scheduler, enum slot_kind kind,
                          enum hub_class class)
{
    unsigned slots = scheduler->slots[kind];
    if (scheduler->active[kind] >= slots) {
        return false;
    }
    return class == HUB_DEMAND || scheduler->active_background[kind] <
                                      slots - scheduler_reserved(scheduler, kind);
}

static bool is_rate_limited(const struct scheduler *scheduler, enum slot_kind kind,
                            enum hub_class class)
{
    return kind == SLOT_DATA && class != HUB_DEMAND && scheduler->max_rate > 0 &&
           scheduler->tokens <= 0;
}

// ------------------------------------------------------------------------------ events

static struct sched_item *start(struct scheduler *scheduler, struct sched_queue *queue)
{
    struct sched_item *item = queue_pop(queue);
    item->started_class = item->class;
    scheduler->active[item->kind]++;
    if (item->class != HUB_DEMAND) {
        scheduler->active_background[item->kind]++;
        if (item->kind == SLOT_DATA && scheduler->max_rate > 0) {
            uint64_t cost = item->bytes < INT64_MAX / 4 ? item->bytes : INT64_MAX / 4;
            scheduler->tokens -= (int64_t)cost;
        }
    }
    return item;
}

struct sched_item *scheduler_next(struct scheduler *scheduler, int64_t now_ms)
{
    close_interval(scheduler, now_ms);
    refill(scheduler, now_ms);
    for (enum slot_kind kind = SLOT_API; kind < SLOT_KINDS; kind++) {
        for (enum hub_class class = HUB_DEMAND; class <= HUB_PREFETCH; class ++) {
            struct sched_queue *queue = &scheduler->queues[kind][class];
            if (queue->turn == NULL) {
                continue;
            }
            if (!has_free_slot(scheduler, kind, class)) {
                scheduler->was_short |= kind == SLOT_DATA;
                break;
            }
            if (is_rate_limited(scheduler, kind, class)) {
                break;
            }
            return start(scheduler, queue);
        }
    }
    return NULL;
}

void scheduler_received(struct scheduler *scheduler, uint64_t bytes, int64_t now_ms)
{
    scheduler->interval_bytes += bytes;
    close_interval(scheduler, now_ms);
}

void scheduler_ended(struct scheduler *scheduler, struct sched_item *item,
                     uint64_t received, bool is_congestion, int64_t now_ms)
{
    assert(scheduler->active[item->kind] > 0);
    scheduler->active[item->kind]--;
    if (item->started_class != HUB_DEMAND) {
        scheduler->active_background[item->kind]--;
        if (item->kind == SLOT_DATA && scheduler->max_rate > 0 &&
            received < item->bytes) {
            uint64_t unused = item->bytes - received;
            scheduler->tokens +=
                (int64_t)(unused < INT64_MAX / 4 ? unused : INT64_MAX / 4);
        }
    }
    if (is_congestion && item->kind == SLOT_DATA) {
        halve_data_slots(scheduler, now_ms);
    }
}

int64_t scheduler_wake_ms(const struct scheduler *scheduler)
{
    int64_t wake = DEADLINE_NONE;
    const struct sched_queue *data = scheduler->queues[SLOT_DATA];
    if (scheduler->active[SLOT_DATA] > 0) {
        wake = scheduler->interval_start_ms + AIMD_INTERVAL_MS;
    }
    bool background_waits = data[HUB_AHEAD].count + data[HUB_PREFETCH].count > 0;
    if (background_waits && is_rate_limited(scheduler, SLOT_DATA, HUB_PREFETCH)) {
        uint64_t debt = (uint64_t)-scheduler->tokens + 1;
        uint64_t wait_ms = debt / scheduler->max_rate >= 3600
                               ? 3600 * 1000
                               : debt * 1000 / scheduler->max_rate + 1;
        int64_t paid = scheduler->refilled_ms + (int64_t)wait_ms;
        wake = paid < wake ? paid : wake;
    }
    return wake;
}
