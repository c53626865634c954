// SPDX-License-Identifier: Apache-2.0
// The repositories of owners, as the Hub lists them: what `ls ~/hub/models/OWNER` shows. A
// listing is new whenever it is asked for from its beginning; one of N pages is good for N
// seconds, so that its requests never exceed one a second.
#pragma once

#include "fs/locator.h"
#include "fs/waiters.h"
#include "hub/hub.h"

struct owner_lists;

// All of them outlive it.
NODISCARD enum err owner_lists_new(struct hub *hub, struct tree_store *tree,
                                   const char *endpoint, struct owner_lists **out);
// After hub_close().
void owner_lists_free(struct owner_lists *lists);

// Names without the owner. Positions grow; 0 is the beginning.
typedef bool (*owner_lists_fn)(void *ctx, uint64_t position, const char *name);
// The names after `after` that are here. *out_goes_on: there are more to be had. ERR_ABSENT:
// none of it is here, or it is from the beginning and too old. ERR_STALE: the listing that the position
// is in was given up, and its reader has to begin anew. Any thread, as below.
NODISCARD enum err owner_lists_visit(struct owner_lists *lists, enum repo_kind kind,
                                     const char *owner, uint64_t after,
                                     owner_lists_fn visit, void *ctx, bool *out_goes_on);
// Makes the names after `after` come. While the Hub can't be reached: the repositories that have
// been looked into here.
void owner_lists_more(struct owner_lists *lists, enum repo_kind kind, const char *owner,
                      uint64_t after, const struct hub_call *call, waiter_fn done,
                      void *ctx);

// Where a repository's default branch stands, when a listing of the last `max_age_ms` tells it.
bool owner_lists_head(struct owner_lists *lists, const struct repo_id *repo,
                      int64_t max_age_ms, struct tree_ref *out);

// When the listing was made, seconds since 1970; now, when it is too old.
int64_t owner_lists_changed_s(struct owner_lists *lists, enum repo_kind kind,
                              const char *owner);
