// SPDX-License-Identifier: Apache-2.0
// A view under a lock: it is read whole or not at all. The roots of the last views are kept, in
// a ring by their turns.
#include "fs/snapshot.h"

enum { ROOTS_KEPT = 16, TURN_MASK = (1 << SNAPSHOT_TURN_BITS) - 1 };

struct snapshot {
    struct lock lock;
    struct snapshot_view view GUARDED_BY(lock);
    uint64_t turn GUARDED_BY(lock);
    uint64_t roots[ROOTS_KEPT] GUARDED_BY(lock); // 0 = never shown
};

enum err snapshot_new(struct snapshot **out)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (snapshot == NULL) {
        return ERR_NO_MEMORY;
    }
    lock_init(&snapshot->lock);
    *out = snapshot;
    return ERR_NONE;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot != NULL) {
        lock_destroy(&snapshot->lock);
        free(snapshot);
    }
}

void snapshot_publish(struct snapshot *snapshot, const struct snapshot_view *view)
{
    lock_acquire(&snapshot->lock);
    snapshot->view = *view;
    snapshot->turn = (snapshot->turn + 1) & TURN_MASK;
    snapshot->roots[snapshot->turn % ROOTS_KEPT] = view->root;
    lock_release(&snapshot->lock);
}

void snapshot_current(struct snapshot *snapshot, struct snapshot_view *out)
{
    lock_acquire(&snapshot->lock);
    *out = snapshot->view;
    lock_release(&snapshot->lock);
}

uint64_t snapshot_root(struct snapshot *snapshot, uint64_t *turn, bool *out_is_past)
{
    lock_acquire(&snapshot->lock);
    uint64_t root = snapshot->roots[*turn % ROOTS_KEPT];
    uint64_t age = (snapshot->turn - *turn) & TURN_MASK;
    if (*turn == SNAPSHOT_NOW || age >= ROOTS_KEPT || root == 0) {
        *turn = snapshot->turn;
        root = snapshot->view.root;
    }
    *out_is_past = root != snapshot->view.root;
    lock_release(&snapshot->lock);
    return root;
}
