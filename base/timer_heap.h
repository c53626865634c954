// SPDX-License-Identifier: Apache-2.0
// Private to event_loop: a binary heap of times. Setting and removing cost O(log n), the
// first one O(1). Not thread safe.
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

// Embedded in whatever has a time. The heap writes it.
struct timer_node {
    int64_t at_ms;
    size_t position; // 1 + index in the heap; 0 = not in it
};

struct timer_heap {
    struct timer_node **nodes;
    size_t count;
    size_t capacity;
    size_t promised; // nodes that exist, set or not: capacity is never less
};

// Frees the heap's own memory, not the nodes.
void timer_heap_release(struct timer_heap *heap);

// Room for one more node, so that timer_heap_set() can't fail; and its return.
NODISCARD enum err timer_heap_promise(struct timer_heap *heap);
void timer_heap_unpromise(struct timer_heap *heap);

// Puts the node in, or moves it to its new time.
void timer_heap_set(struct timer_heap *heap, struct timer_node *node, int64_t at_ms);
// Fine when it is not in.
void timer_heap_remove(struct timer_heap *heap, struct timer_node *node);
// The node with the least time; NULL when empty.
struct timer_node *timer_heap_first(const struct timer_heap *heap);
