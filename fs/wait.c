// SPDX-License-Identifier: Apache-2.0
// A wait is over once: by its callback or by being cancelled, whichever comes first. What
// comes second finds it over and only drops its reference, so a result is never written
// while somebody reads it.
//
// Lock order: an owner's lock before a wait's.
#include "fs/wait.h"

struct wait *wait_new(void)
{
    struct wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL) {
        return NULL;
    }
    lock_init(&wait->lock);
    condition_init(&wait->changed);
    lock_acquire(&wait->lock);
    wait->references = 1;
    lock_release(&wait->lock);
    return wait;
}

struct wait *wait_ref(struct wait *wait)
{
    lock_acquire(&wait->lock);
    wait->references++;
    lock_release(&wait->lock);
    return wait;
}

void wait_unref(struct wait *wait)
{
    lock_acquire(&wait->lock);
    bool is_last = --wait->references == 0;
    lock_release(&wait->lock);
    if (is_last) {
        condition_destroy(&wait->changed);
        lock_destroy(&wait->lock);
        free(wait);
    }
}

static void finish(struct wait *wait, enum err err, const struct why *why,
                   const struct tree_node *node)
{
    lock_acquire(&wait->lock);
    if (!wait->is_over) {
        wait->is_over = true;
        wait->err = err;
        if (why != NULL) {
            wait->why = *why;
        }
        if (node != NULL) {
            wait->node = *node;
        }
        condition_broadcast(&wait->changed);
    }
    lock_release(&wait->lock);
}

void wait_done(void *ctx, enum err err, const struct why *why)
{
    finish(ctx, err, why, NULL);
    wait_unref(ctx);
}

void wait_done_node(void *ctx, enum err err, const struct why *why,
                    const struct tree_node *node)
{
    finish(ctx, err, why, node);
    wait_unref(ctx);
}

void wait_owner_init(struct wait_owner *owner)
{
    *owner = (struct wait_owner){0};
    lock_init(&owner->lock);
}

void wait_owner_release(struct wait_owner *owner)
{
    lock_destroy(&owner->lock);
}

void wait_owner_cancel(struct wait_owner *owner)
{
    lock_acquire(&owner->lock);
    owner->is_cancelled = true;
    if (owner->current != NULL) {
        finish(owner->current, ERR_CANCELLED, NULL, NULL);
    }
    lock_release(&owner->lock);
}

enum err wait_begin(struct wait_owner *owner, struct wait **out)
{
    struct wait *wait = wait_new();
    if (wait == NULL) {
        return ERR_NO_MEMORY;
    }
    lock_acquire(&owner->lock);
    bool is_cancelled = owner->is_cancelled;
    if (!is_cancelled) {
        owner->current = wait;
    }
    lock_release(&owner->lock);
    if (is_cancelled) {
        wait_unref(wait);
        return ERR_CANCELLED;
    }
    *out = wait;
    return ERR_NONE;
}

enum err wait_end(struct wait_owner *owner, struct wait *wait, struct why *why)
{
    lock_acquire(&wait->lock);
    while (!wait->is_over) {
        condition_wait(&wait->changed, &wait->lock);
    }
    enum err err = wait->err;
    if (err != ERR_NONE && why != NULL) {
        *why = wait->why;
    }
    lock_release(&wait->lock);
    if (owner != NULL) {
        lock_acquire(&owner->lock);
        owner->current = NULL;
        lock_release(&owner->lock);
    }
    return err;
}
