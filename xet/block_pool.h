// SPDX-License-Identifier: Apache-2.0
// The bounded memory between the network and the decoders: blocks that hold what has arrived
// and is not decoded yet. When there is none, a transfer pauses, the socket fills, and TCP
// slows the server down; a freed block lets it go on.
#pragma once

#include "base/base.h"

#include <stddef.h>
#include <stdint.h>

// Holds the largest record with its header, and four 64 KiB blocks of a blob with theirs.
enum { NETWORK_BLOCK_BYTES = 262144 + 64 };

struct network_block {
    struct network_block *next; // the owner's list
    size_t len;
    uint8_t bytes[NETWORK_BLOCK_BYTES];
};

// One transfer as the pool sees it: what may have to be woken.
struct block_waiter {
    bool is_demand; // a reader waits: may take the reserved blocks, is woken first
    // The pool's own:
    uint64_t ticket;
    bool is_waiting;
    bool waits_as_demand;
    bool is_owed; // to be woken as soon as its ticket is known
    struct block_waiter *prev;
    struct block_waiter *next;
};

struct block_pool;

// Wakes the transfer of a ticket: hub_resume(). Called with no lock held, by any thread.
typedef void (*block_wake_fn)(void *ctx, uint64_t ticket);

// `bytes` in all, of which an eighth is reserved for waiters that are demands. NULL when out
// of memory.
struct block_pool *block_pool_new(uint64_t bytes, block_wake_fn wake, void *ctx);
// All blocks must have been given back.
void block_pool_free(struct block_pool *pool);

// A block with len 0; or NULL, and the waiter is woken when one may be had.
struct network_block *block_pool_take(struct block_pool *pool,
                                      struct block_waiter *waiter);
// Gives a list of blocks back and wakes as many waiters as can now have one.
void block_pool_give(struct block_pool *pool, struct network_block *list);
// Whether a transfer may hold several blocks to make a longer run of them.
bool block_pool_is_roomy(struct block_pool *pool);

// Tells the ticket, which is known only after the transfer has begun.
void block_pool_set_ticket(struct block_pool *pool, struct block_waiter *waiter,
                           uint64_t ticket);
// The transfer is over: it is not woken any more.
void block_pool_forget(struct block_pool *pool, struct block_waiter *waiter);

// Gives the memory of unused blocks back to the system: for idle times.
void block_pool_trim(struct block_pool *pool);
// Blocks in use now.
size_t block_pool_used(struct block_pool *pool);
