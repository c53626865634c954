// SPDX-License-Identifier: Apache-2.0
// Whose folders `ls ~/hub/models` shows: the token's user and its organisations, and the owners of
// repositories that were looked into here. Never the whole Hub.
#pragma once

#include "cache/cache.h"
#include "fs/waiters.h"
#include "hub/hub.h"

struct accounts;

// All of them outlive it.
NODISCARD enum err accounts_new(struct hub *hub, struct tree_store *tree,
                                const char *endpoint, struct accounts **out);
// After hub_close().
void accounts_free(struct accounts *accounts);

typedef bool (*accounts_fn)(void *ctx, uint64_t position, const char *owner);
// Owners in order of name, from position `after` on. ERR_ABSENT: the Hub has not been asked today
// who the token is. Any thread, as below.
NODISCARD enum err accounts_visit(struct accounts *accounts, enum repo_kind kind,
                                  uint64_t after, accounts_fn visit, void *ctx);
// Asks the Hub who the token is. It never fails: where the Hub does not say, the owners that were
// visited are all there is, for a minute.
void accounts_ask(struct accounts *accounts, const struct hub_call *call, waiter_fn done,
                  void *ctx);
