// SPDX-License-Identifier: Apache-2.0
// Names asked for one by one, in directories whose listing is long and not here: opening one
// file of a million must not wait for a thousand pages. Names of one directory travel
// together: while one question is under way, the next names gather for the one after it.
#pragma once

#include "fs/locator.h"
#include "fs/waiters.h"
#include "hub/hub.h"

struct name_query;

// All of them outlive it.
NODISCARD enum err name_query_new(struct hub *hub, struct tree_store *tree,
                                  struct locator *locator, struct name_query **out);
// After hub_close(): nothing is under way any more.
void name_query_free(struct name_query *query);

// Asks what one name of a directory is and stores it. ERR_NOT_FOUND: there is none, which
// the Hub's answer is the authority for.
void name_query_ask(struct name_query *query, uint64_t dir_ino, const char *name,
                    size_t len, const struct hub_call *call, waiter_fn done, void *ctx);
