// SPDX-License-Identifier: Apache-2.0
// The table of parked requests.
//
// Slots in an array that grows; an id is (turn << 32 | slot + 1), so a stale id finds
// another turn and does nothing. Since all requests wait equally long, the list of occupied
// slots in order of arrival is also in order of deadline.
//
// Invariants:
//  1. A request handle is in the table or in the hands of the one thread that took it out.
//     Taking is the right to reply, and the duty.
//  2. libfuse calls the interrupt function with the request's own mutex held, from another
//     worker, perhaps while somebody replies. So the function is given an id, not a pointer,
//     and arm_interrupt() is called without our lock (it may call the function at once).
//  3. While arm_interrupt() runs the handle must not be freed: the slot is `arming`, and the
//     deadline, parked_close() and takers can't see it. An interrupt that comes in between
//     leaves a mark that parked_add() honours.
//
// Lock: `lock` is a leaf; no reply, callback or kernel call happens under it.
#include "fs/parked.h"

#include <assert.h>

enum { SLOTS_AT_FIRST = 64, SLOT_NONE = -1 };

enum slot_state { SLOT_FREE, SLOT_ARMING, SLOT_PARKED };

struct slot {
    enum slot_state state;
    bool interrupted; // while arming
    unsigned flags;
    uint32_t turn;
    int32_t next; // free list, or list by arrival
    int32_t prev;
    struct fuse_req *req;
    const char *operation;
    uint64_t ino;
    int64_t since_ms;
    int64_t deadline_ms;
    struct parked_hold hold;
};

struct parked {
    struct event_loop *loop;
    struct loop_timer *timer; // loop thread
    struct parked_verbs verbs;
    parked_trace_fn trace;
    void *trace_ctx;
    int64_t timeout_ms;
    struct condition all_replied;
    struct lock lock;
    struct slot *slots GUARDED_BY(lock);
    int32_t n_slots GUARDED_BY(lock);
    int32_t free_head GUARDED_BY(lock);
    int32_t oldest GUARDED_BY(lock);
    int32_t newest GUARDED_BY(lock);
    uint32_t n_parked GUARDED_BY(lock);
    uint32_t n_reads GUARDED_BY(lock);
    uint32_t n_replying GUARDED_BY(lock);
    bool timer_wanted GUARDED_BY(lock); // so that warm reads don't wake the loop
    bool closed GUARDED_BY(lock);
};

static parked_id id_of(const struct parked *parked, const struct slot *slot)
    REQUIRES(parked->lock)
{
    return (uint64_t)slot->turn << 32 | (uint64_t)(slot - parked->slots + 1);
}

static struct slot *slot_of(struct parked *parked, parked_id id) REQUIRES(parked->lock)
{
    uint64_t index = (id & UINT32_MAX) - 1;
    if (index >= (uint64_t)parked->n_slots) {
        return NULL;
    }
    struct slot *slot = &parked->slots[index];
    return slot->state != SLOT_FREE && slot->turn == id >> 32 ? slot : NULL;
}

static enum err grow(struct parked *parked) REQUIRES(parked->lock)
{
    int32_t n = parked->n_slots == 0 ? SLOTS_AT_FIRST : parked->n_slots * 2;
    struct slot *slots = realloc(parked->slots, (size_t)n * sizeof(*slots));
    if (slots == NULL) {
        return ERR_NO_MEMORY;
    }
    for (int32_t i = parked->n_slots; i < n; i++) {
        slots[i] =
            (struct slot){.next = i + 1 < n ? i + 1 : SLOT_NONE, .prev = SLOT_NONE};
    }
    parked->free_head = parked->n_slots;
    parked->slots = slots;
    parked->n_slots = n;
    return ERR_NONE;
}

static void append(struct parked *parked, struct slot *slot) REQUIRES(parked->lock)
{
    int32_t index = (int32_t)(slot - parked->slots);
    slot->prev = parked->newest;
    slot->next = SLOT_NONE;
    if (parked->newest == SLOT_NONE) {
        parked->oldest = index;
    } else {
        parked->slots[parked->newest].next = index;
    }
    parked->newest = index;
    parked->n_parked++;
    parked->n_reads += (slot->flags & PARKED_IS_READ) != 0;
}

static void unlink_slot(struct parked *parked, struct slot *slot) REQUIRES(parked->lock)
{
    if (slot->prev == SLOT_NONE) {
        parked->oldest = slot->next;
    } else {
        parked->slots[slot->prev].next = slot->next;
    }
    if (slot->next == SLOT_NONE) {
        parked->newest = slot->prev;
    } else {
        parked->slots[slot->next].prev = slot->prev;
    }
    parked->n_parked--;
    parked->n_reads -= (slot->flags & PARKED_IS_READ) != 0;
}

static void free_slot(struct parked *parked, struct slot *slot) REQUIRES(parked->lock)
{
    slot->state = SLOT_FREE;
    slot->req = NULL;
    slot->next = parked->free_head;
    parked->free_head = (int32_t)(slot - parked->slots);
}

// ------------------------------------------------------------------- taking and replying

enum taking { TAKE_UNTRACED, TAKE_TRACED, TAKE_EARLY };

static struct fuse_req *take(struct parked *parked, parked_id id, enum err err,
                             enum taking how)
{
    lock_acquire(&parked->lock);
    struct slot *slot = slot_of(parked, id);
    if (slot == NULL || slot->state != SLOT_PARKED) {
        if (slot != NULL && err == ERR_INTERRUPTED) {
            slot->interrupted = true;
        }
        lock_release(&parked->lock);
        return NULL;
    }
    struct slot taken = *slot;
    unlink_slot(parked, slot);
    free_slot(parked, slot);
    parked->n_replying++;
    lock_release(&parked->lock);
    if (taken.hold.let_go != NULL) {
        taken.hold.let_go(taken.hold.ctx, taken.hold.ticket, how == TAKE_EARLY);
    }
    if (how != TAKE_UNTRACED && parked->trace != NULL) {
        parked->trace(parked->trace_ctx, taken.operation, taken.ino,
                      clock_now_ms() - taken.since_ms, err);
    }
    return taken.req;
}

struct fuse_req *parked_take(struct parked *parked, parked_id id, enum err err)
{
    return take(parked, id, err, TAKE_TRACED);
}

struct fuse_req *parked_withdraw(struct parked *parked, parked_id id)
{
    return take(parked, id, ERR_NONE, TAKE_UNTRACED);
}

void parked_replied(struct parked *parked)
{
    lock_acquire(&parked->lock);
    if (--parked->n_replying == 0) {
        condition_broadcast(&parked->all_replied);
    }
    lock_release(&parked->lock);
}

static void answer(struct parked *parked, parked_id id, enum err err)
{
    struct fuse_req *req = take(parked, id, err, TAKE_EARLY);
    if (req != NULL) {
        parked->verbs.reply_error(req, err);
        parked_replied(parked);
    }
}

void parked_set_hold(struct parked *parked, parked_id id, const struct parked_hold *hold)
{
    struct parked_hold old = *hold;
    lock_acquire(&parked->lock);
    struct slot *slot = slot_of(parked, id);
    bool is_here = slot != NULL && slot->state == SLOT_PARKED;
    if (is_here) {
        old = slot->hold;
        slot->hold = *hold;
    }
    lock_release(&parked->lock);
    if (old.let_go != NULL) {
        old.let_go(old.ctx, old.ticket, !is_here);
    }
}

// ----------------------------------------------------------------------------- deadlines

// The id of the oldest request if its deadline is not after `now_ms`, else 0 and the deadline.
static parked_id find_overdue(struct parked *parked, int64_t now_ms, int64_t *out_next_ms)
{
    parked_id id = 0;
    lock_acquire(&parked->lock);
    *out_next_ms = DEADLINE_NONE;
    if (parked->oldest != SLOT_NONE) {
        struct slot *slot = &parked->slots[parked->oldest];
        if (slot->deadline_ms <= now_ms) {
            id = id_of(parked, slot);
        } else {
            *out_next_ms = slot->deadline_ms;
        }
    }
    parked->timer_wanted = id != 0 || parked->oldest != SLOT_NONE;
    lock_release(&parked->lock);
    return id;
}

int64_t parked_expire(struct parked *parked, int64_t now_ms)
{
    int64_t next_ms = DEADLINE_NONE;
    parked_id id;
    while ((id = find_overdue(parked, now_ms, &next_ms)) != 0) {
        answer(parked, id, ERR_TIMEOUT);
    }
    return next_ms;
}

// Loop thread.
static void on_timer(void *ctx)
{
    struct parked *parked = ctx;
    int64_t next_ms = parked_expire(parked, clock_now_ms());
    if (next_ms != DEADLINE_NONE) {
        loop_timer_set(parked->timer, next_ms);
    }
}

// ------------------------------------------------------------------------------- parking

// Puts the request into a slot that only parked_add() can see (invariant 3). 0 = refused.
static parked_id occupy(struct parked *parked, const struct slot *content)
{
    parked_id id = 0;
    lock_acquire(&parked->lock);
    bool has_room = parked->free_head != SLOT_NONE || grow(parked) == ERR_NONE;
    if (!parked->closed && has_room) {
        struct slot *slot = &parked->slots[parked->free_head];
        parked->free_head = slot->next;
        uint32_t turn = slot->turn + 1;
        *slot = *content;
        slot->turn = turn;
        id = id_of(parked, slot);
    }
    lock_release(&parked->lock);
    return id;
}

// Makes the slot visible; false when an interrupt came while it was not: the request is out
// of the table again. *out_wake: there is no timer, and now there has to be one.
static bool publish(struct parked *parked, parked_id id, bool *out_wake)
{
    *out_wake = false;
    lock_acquire(&parked->lock);
    struct slot *slot = slot_of(parked, id);
    assert(slot != NULL && slot->state == SLOT_ARMING);
    bool is_wanted = !slot->interrupted && !parked->closed;
    if (is_wanted) {
        slot->state = SLOT_PARKED;
        append(parked, slot);
        *out_wake = !parked->timer_wanted && parked->timer != NULL;
        parked->timer_wanted = true;
    } else {
        free_slot(parked, slot);
    }
    lock_release(&parked->lock);
    return is_wanted;
}

parked_id parked_add(struct parked *parked, struct fuse_req *req, const char *operation,
                     uint64_t ino, unsigned flags)
{
    int64_t now_ms = clock_now_ms();
    struct slot content = {
        .state = SLOT_ARMING,
        .flags = flags,
        .req = req,
        .operation = operation,
        .ino = ino,
        .since_ms = now_ms,
        .deadline_ms = now_ms + parked->timeout_ms,
    };
    parked_id id = occupy(parked, &content);
    if (id == 0) {
        parked->verbs.reply_error(req, ERR_CANCELLED);
        return 0;
    }
    if ((flags & PARKED_CAN_INTERRUPT) != 0) {
        parked->verbs.arm_interrupt(req, id);
    }
    bool wake;
    if (!publish(parked, id, &wake)) {
        parked->verbs.reply_error(req, ERR_INTERRUPTED);
        return 0;
    }
    if (wake) {
        event_loop_post(parked->loop, on_timer, parked);
    }
    return id;
}

void parked_interrupt(struct parked *parked, parked_id id)
{
    answer(parked, id, ERR_INTERRUPTED);
}

// ------------------------------------------------------------------------------ life time

enum err parked_new(struct event_loop *loop, const struct parked_verbs *verbs,
                    int64_t timeout_ms, struct parked **out)
{
    struct parked *parked = calloc(1, sizeof(*parked));
    if (parked == NULL) {
        return ERR_NO_MEMORY;
    }
    if (loop != NULL) {
        parked->timer = loop_timer_new(loop, on_timer, parked);
        if (parked->timer == NULL) {
            free(parked);
            return ERR_NO_MEMORY;
        }
    }
    parked->loop = loop;
    parked->verbs = *verbs;
    parked->timeout_ms = timeout_ms;
    lock_init(&parked->lock);
    condition_init(&parked->all_replied);
    lock_acquire(&parked->lock);
    parked->free_head = SLOT_NONE;
    parked->oldest = SLOT_NONE;
    parked->newest = SLOT_NONE;
    lock_release(&parked->lock);
    *out = parked;
    return ERR_NONE;
}

void parked_set_trace(struct parked *parked, parked_trace_fn trace, void *ctx)
{
    parked->trace_ctx = ctx;
    parked->trace = trace;
}

void parked_close(struct parked *parked)
{
    lock_acquire(&parked->lock);
    parked->closed = true;
    while (parked->oldest != SLOT_NONE) {
        parked_id id = id_of(parked, &parked->slots[parked->oldest]);
        lock_release(&parked->lock);
        answer(parked, id, ERR_CANCELLED);
        lock_acquire(&parked->lock);
    }
    while (parked->n_replying > 0) {
        condition_wait(&parked->all_replied, &parked->lock);
    }
    lock_release(&parked->lock);
}

void parked_free(struct parked *parked)
{
    if (parked == NULL) {
        return;
    }
    loop_timer_free(parked->timer);
    free(parked->slots);
    condition_destroy(&parked->all_replied);
    lock_destroy(&parked->lock);
    free(parked);
}

void parked_count(struct parked *parked, uint32_t *out_all, uint32_t *out_reads)
{
    lock_acquire(&parked->lock);
    *out_all = parked->n_parked;
    *out_reads = parked->n_reads;
    lock_release(&parked->lock);
}
