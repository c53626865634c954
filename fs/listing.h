// SPDX-License-Identifier: Apache-2.0
// Directory listings that are being fetched, page by page. A page is asked for once,
// however many wait for it.
#pragma once

#include "fs/locator.h"
#include "fs/tree_walk.h"
#include "fs/waiters.h"
#include "hub/hub.h"

struct listing;

// All of them outlive it.
NODISCARD enum err listing_new(struct hub *hub, struct tree_store *tree,
                               struct locator *locator, struct tree_walks *walks,
                               struct listing **out);
// After hub_close(): nothing is under way any more.
void listing_free(struct listing *listing);

// Makes sure that more of the directory is stored than the entries up to position `after`:
// calls `done` when something follows or the directory is complete. NULL `done`: read ahead.
void listing_fetch_page(struct listing *listing, uint64_t dir_ino, uint64_t after,
                        const struct hub_call *call, waiter_fn done, void *ctx);
