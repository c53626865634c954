// SPDX-License-Identifier: Apache-2.0
// Damage seen by a reader makes a hole; the next batch splits or deletes the row, and the hole
// is forgotten. Meanwhile the chunk is absent for everybody in this process, so it is fetched
// and put again at once.
//
// Invariant: a hole is forgotten only after its row is gone. A hole names a record by its
// place, and places are never used twice, so a stale hole hides nothing that is sound.
//
// Lock: `lock`, a leaf.
#include "cache/run_holes.h"

#include <stdatomic.h>

struct run_holes {
    struct lock lock;
    struct run_hole *list GUARDED_BY(lock);
    size_t n GUARDED_BY(lock);
    size_t capacity GUARDED_BY(lock);
    _Atomic uint64_t forgotten;
};

enum err run_holes_new(struct run_holes **out)
{
    struct run_holes *holes = calloc(1, sizeof(*holes));
    if (!holes) {
        return ERR_NO_MEMORY;
    }
    lock_init(&holes->lock);
    *out = holes;
    return ERR_NONE;
}

void run_holes_free(struct run_holes *holes)
{
    if (holes) {
        lock_destroy(&holes->lock);
        free(holes->list);
        free(holes);
    }
}

bool run_hole_concerns(const struct run_hole *hole, uint64_t segment, uint64_t offset)
{
    return hole->segment == segment &&
           (hole->offset == HOLE_WHOLE_SEGMENT || hole->offset == offset);
}

uint64_t run_holes_forgotten(struct run_holes *holes)
{
    return atomic_load(&holes->forgotten);
}

bool run_holes_apply(struct run_holes *holes, uint32_t chunk, struct run_place *place)
{
    bool there = true;
    lock_acquire(&holes->lock);
    for (size_t i = 0; i < holes->n && there; i++) {
        const struct run_hole *hole = &holes->list[i];
        uint32_t end = place->first + place->n;
        if (!run_hole_concerns(hole, place->segment, place->offset)) {
            continue;
        }
        if (hole->offset == HOLE_WHOLE_SEGMENT ||
            (chunk >= hole->first && chunk - hole->first < hole->n)) {
            there = false;
        } else if (hole->first > chunk && hole->first < end) {
            place->n = hole->first - place->first;
        } else if (hole->first < chunk && hole->first + hole->n > place->first) {
            place->first = hole->first + hole->n;
            place->n = end - place->first;
        }
    }
    lock_release(&holes->lock);
    return there;
}

static bool note_hole(struct run_holes *holes, const struct run_hole *hole)
    REQUIRES(holes->lock)
{
    for (size_t i = 0; i < holes->n; i++) {
        const struct run_hole *old = &holes->list[i];
        if (run_hole_concerns(old, hole->segment, hole->offset) &&
            (old->offset == HOLE_WHOLE_SEGMENT ||
             (old->first <= hole->first &&
              old->first + old->n >= hole->first + hole->n))) {
            return false;
        }
    }
    if (holes->n == holes->capacity) {
        size_t capacity = holes->capacity ? holes->capacity * 2 : 16;
        struct run_hole *grown = reallocarray(holes->list, capacity, sizeof(*grown));
        if (!grown) {
            return false;
        }
        holes->list = grown;
        holes->capacity = capacity;
    }
    holes->list[holes->n++] = *hole;
    return true;
}

bool run_holes_add(struct run_holes *holes, const struct run_hole *hole)
{
    lock_acquire(&holes->lock);
    bool is_new = note_hole(holes, hole);
    lock_release(&holes->lock);
    return is_new;
}

enum err run_holes_batch(struct run_holes *holes, struct run_hole **out, size_t *out_n)
{
    lock_acquire(&holes->lock);
    struct run_hole *batch = calloc(holes->n + 1, sizeof(*batch));
    if (batch) {
        if (holes->n > 0) {
            memcpy(batch, holes->list, holes->n * sizeof(*batch));
        }
        *out = batch;
        *out_n = holes->n;
    }
    lock_release(&holes->lock);
    return batch ? ERR_NONE : ERR_NO_MEMORY;
}

static void forget_hole(struct run_holes *holes, const struct run_hole *hole)
    REQUIRES(holes->lock)
{
    for (size_t i = 0; i < holes->n; i++) {
        const struct run_hole *at = &holes->list[i];
        if (at->segment == hole->segment && at->offset == hole->offset &&
            at->first == hole->first && at->n == hole->n) {
            holes->list[i] = holes->list[--holes->n];
            return;
        }
    }
}

void run_holes_committed(struct run_holes *holes, const struct run_hole *batch, size_t n)
{
    lock_acquire(&holes->lock);
    atomic_fetch_add(&holes->forgotten, n > 0);
    for (size_t i = 0; i < n; i++) {
        forget_hole(holes, &batch[i]);
    }
    lock_release(&holes->lock);
}

void run_holes_clear(struct run_holes *holes)
{
    lock_acquire(&holes->lock);
    atomic_fetch_add(&holes->forgotten, 1);
    holes->n = 0;
    lock_release(&holes->lock);
}

bool run_holes_any(struct run_holes *holes)
{
    lock_acquire(&holes->lock);
    bool any = holes->n > 0;
    lock_release(&holes->lock);
    return any;
}
