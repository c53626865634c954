// SPDX-License-Identifier: Apache-2.0
// Blocks are mapped one by one and kept on a last-in-first-out list, so that a busy pool
// works in memory that is warm and an idle one can be given back whole.
//
// Why nobody is forgotten:
//   (1) who is refused a block is put on the list of waiters in the same critical section;
//   (2) whenever a block becomes free, or a woken waiter goes away without taking one, as
//       many waiters are woken as there are blocks for them;
//   (3) a waiter that pauses holds no block (record_splitter.c), so those that are in use
//       are with decoders or with transfers that go on, and will come back.
//
// Lock: pool->lock, innermost; never held while waking.
#include "xet/block_pool.h"

#include <sys/mman.h>

enum { BLOCKS_MIN = 4, WAKE_BATCH = 16 };

struct waiter_list {
    struct block_waiter *head;
    struct block_waiter *tail;
};

struct block_pool {
    size_t limit;    // blocks in all
    size_t reserved; // of them, for demands only
    block_wake_fn wake;
    void *wake_ctx;

    struct lock lock;
    size_t used GUARDED_BY(lock);
    struct network_block *unused GUARDED_BY(lock);
    struct waiter_list waiting[2] GUARDED_BY(lock); // [1]: demands
};

static void list_append(struct waiter_list *list, struct block_waiter *waiter)
{
    waiter->next = NULL;
    waiter->prev = list->tail;
    if (list->tail) {
        list->tail->next = waiter;
    } else {
        list->head = waiter;
    }
    list->tail = waiter;
    waiter->is_waiting = true;
}

static void list_remove(struct waiter_list *list, struct block_waiter *waiter)
{
    if (waiter->prev) {
        waiter->prev->next = waiter->next;
    } else {
        list->head = waiter->next;
    }
    if (waiter->next) {
        waiter->next->prev = waiter->prev;
    } else {
        list->tail = waiter->prev;
    }
    waiter->is_waiting = false;
}

struct block_pool *block_pool_new(uint64_t bytes, block_wake_fn wake, void *ctx)
{
    struct block_pool *pool = calloc(1, sizeof(*pool));
    if (!pool) {
        return NULL;
    }
    pool->limit = (size_t)(bytes / NETWORK_BLOCK_BYTES);
    if (pool->limit < BLOCKS_MIN) {
        pool->limit = BLOCKS_MIN;
    }
    pool->reserved = pool->limit / 8;
    pool->wake = wake;
    pool->wake_ctx = ctx;
    lock_init(&pool->lock);
    return pool;
}

void block_pool_free(struct block_pool *pool)
{
    if (pool) {
        block_pool_trim(pool);
        lock_destroy(&pool->lock);
        free(pool);
    }
}

static size_t free_for(const struct block_pool *pool, bool is_demand) REQUIRES(pool->lock)
{
    size_t usable = is_demand ? pool->limit : pool->limit - pool->reserved;
    return usable > pool->used ? usable - pool->used : 0;
}

static struct network_block *map_block(void)
{
    void *memory = mmap(NULL, sizeof(struct network_block), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

// Fresh memory is taken only when the list of unused blocks is empty. Should even that fail,
// the waiter is treated as if the limit had been met.
struct network_block *block_pool_take(struct block_pool *pool,
                                      struct block_waiter *waiter)
{
    lock_acquire(&pool->lock);
    struct network_block *block = NULL;
    if (free_for(pool, waiter->is_demand) > 0) {
        block = pool->unused;
        if (block) {
            pool->unused = block->next;
        } else {
            block = map_block();
        }
    }
    if (block) {
        pool->used++;
        block->next = NULL;
        block->len = 0;
    } else if (!waiter->is_waiting) {
        waiter->waits_as_demand = waiter->is_demand;
        list_append(&pool->waiting[waiter->is_demand], waiter);
    }
    lock_release(&pool->lock);
    return block;
}

// Takes up to WAKE_BATCH waiters that can have a block off their lists; returns how many
// tickets are to be woken. Those without a ticket yet are owed it.
static size_t collect_wakes(struct block_pool *pool, uint64_t tickets[WAKE_BATCH])
    REQUIRES(pool->lock)
{
    size_t n = 0;
    for (int demand = 1; demand >= 0; demand--) {
        size_t may = free_for(pool, demand);
        while (may > 0 && n < WAKE_BATCH && pool->waiting[demand].head) {
            struct block_waiter *waiter = pool->waiting[demand].head;
            list_remove(&pool->waiting[demand], waiter);
            may--;
            if (waiter->ticket) {
                tickets[n++] = waiter->ticket;
            } else {
                waiter->is_owed = true;
            }
        }
    }
    return n;
}

static void wake_some(struct block_pool *pool) EXCLUDES(pool->lock)
{
    uint64_t tickets[WAKE_BATCH];
    lock_acquire(&pool->lock);
    size_t n = collect_wakes(pool, tickets);
    lock_release(&pool->lock);
    for (size_t i = 0; i < n; i++) {
        pool->wake(pool->wake_ctx, tickets[i]);
    }
}

void block_pool_give(struct block_pool *pool, struct network_block *list)
{
    lock_acquire(&pool->lock);
    while (list) {
        struct network_block *block = list;
        list = block->next;
        block->next = pool->unused;
        pool->unused = block;
        pool->used--;
    }
    lock_release(&pool->lock);
    wake_some(pool);
}

// A quarter of the pool stays for the first blocks of other transfers.
bool block_pool_is_roomy(struct block_pool *pool)
{
    lock_acquire(&pool->lock);
    bool is_roomy = free_for(pool, false) > pool->limit / 4;
    lock_release(&pool->lock);
    return is_roomy;
}

void block_pool_set_ticket(struct block_pool *pool, struct block_waiter *waiter,
                           uint64_t ticket)
{
    lock_acquire(&pool->lock);
    waiter->ticket = ticket;
    bool wake = waiter->is_owed;
    waiter->is_owed = false;
    lock_release(&pool->lock);
    if (wake) {
        pool->wake(pool->wake_ctx, ticket);
    }
}

void block_pool_forget(struct block_pool *pool, struct block_waiter *waiter)
{
    lock_acquire(&pool->lock);
    if (waiter->is_waiting) {
        list_remove(&pool->waiting[waiter->waits_as_demand], waiter);
    }
    waiter->is_owed = false;
    lock_release(&pool->lock);
    wake_some(pool);
}

void block_pool_trim(struct block_pool *pool)
{
    lock_acquire(&pool->lock);
    struct network_block *list = pool->unused;
    pool->unused = NULL;
    lock_release(&pool->lock);
    while (list) {
        struct network_block *block = list;
        list = block->next;
        munmap(block, sizeof(*block));
    }
}

size_t block_pool_used(struct block_pool *pool)
{
    lock_acquire(&pool->lock);
    size_t used = pool->used;
    lock_release(&pool->lock);
    return used;
}
