// SPDX-License-Identifier: Apache-2.0
// The textbook's binary heap: nodes[i] is not later than nodes[2i + 1] and nodes[2i + 2].
// Each node knows its place, so that a transfer's timeout can be taken out when the transfer
// ends, which is what happens to nearly all of them.

#include "base/timer_heap.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

void timer_heap_release(struct timer_heap *heap)
{
    free(heap->nodes);
    *heap = (struct timer_heap){0};
}

enum err timer_heap_promise(struct timer_heap *heap)
{
    if (heap->promised == heap->capacity) {
        size_t capacity = heap->capacity == 0 ? FIRST_CAPACITY : heap->capacity * 2;
        struct timer_node **nodes = reallocarray(heap->nodes, capacity, sizeof(*nodes));
        if (nodes == NULL) {
            return ERR_NO_MEMORY;
        }
        heap->nodes = nodes;
        heap->capacity = capacity;
    }
    heap->promised++;
    return ERR_NONE;
}

void timer_heap_unpromise(struct timer_heap *heap)
{
    heap->promised--;
}

static void place(struct timer_heap *heap, size_t index, struct timer_node *node)
{
    heap->nodes[index] = node;
    node->position = index + 1;
}

// Moves `node`, for which nodes[index] is free, towards the root.
static size_t rise(struct timer_heap *heap, size_t index, const struct timer_node *node)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (heap->nodes[parent]->at_ms <= node->at_ms) {
            break;
        }
        place(heap, index, heap->nodes[parent]);
        index = parent;
    }
    return index;
}

// The same towards the leaves.
static size_t sink(struct timer_heap *heap, size_t index, const struct timer_node *node)
{
    for (size_t child = 2 * index + 1; child < heap->count; child = 2 * index + 1) {
        if (child + 1 < heap->count &&
            heap->nodes[child + 1]->at_ms < heap->nodes[child]->at_ms) {
            child++;
        }
        if (heap->nodes[child]->at_ms >= node->at_ms) {
            break;
        }
        place(heap, index, heap->nodes[child]);
        index = child;
    }
    return index;
}

static void settle(struct timer_heap *heap, size_t index, struct timer_node *node)
{
    place(heap, sink(heap, rise(heap, index, node), node), node);
}

void timer_heap_set(struct timer_heap *heap, struct timer_node *node, int64_t at_ms)
{
    node->at_ms = at_ms;
    settle(heap, node->position > 0 ? node->position - 1 : heap->count++, node);
}

void timer_heap_remove(struct timer_heap *heap, struct timer_node *node)
{
    if (node->position == 0) {
        return;
    }
    size_t index = node->position - 1;
    struct timer_node *last = heap->nodes[--heap->count];
    node->position = 0;
    if (last != node) {
        settle(heap, index, last);
    }
}

struct timer_node *timer_heap_first(const struct timer_heap *heap)
{
    return heap->count == 0 ? NULL : heap->nodes[0];
}
