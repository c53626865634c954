// SPDX-License-Identifier: Apache-2.0
// Names in repositories: what the tree store has, and what the Hub must be asked. Directories are
// given by their stored nodes.
#pragma once

#include "fs/listing.h"
#include "fs/name_query.h"

struct namespace;

// All of them outlive it.
NODISCARD enum err namespace_new(struct hub *hub, struct tree_store *tree,
                                 struct locator *locator, struct tree_walks *walks,
                                 struct namespace **out);
// After hub_close().
void namespace_free(struct namespace *namespace);

// From the store alone: ERR_NONE; ERR_NOT_FOUND when the store is sure; ERR_ABSENT when the
// Hub must be asked: namespace_find().
NODISCARD enum err namespace_peek(struct namespace *namespace, uint64_t dir_ino,
                                  const char *name, size_t len, struct tree_node *out);

// `node` is NULL on error.
typedef void (*namespace_fn)(void *ctx, enum err err, const struct why *why,
                             const struct tree_node *node);

// One name of a directory: the store, else the directory's first page, else paths-info for
// this name. Calls `done` once, on the caller's or a pool thread.
void namespace_find(struct namespace *namespace, uint64_t dir_ino, const char *name,
                    size_t len, const struct hub_call *call, namespace_fn done,
                    void *ctx);

// A path of names below a directory; "" is the directory itself. ERR_NOT_FOUND,
// ERR_NOT_DIRECTORY.
void namespace_walk(struct namespace *namespace, uint64_t dir_ino, const char *path,
                    const struct hub_call *call, namespace_fn done, void *ctx);

// Lists a directory to its end.
void namespace_complete(struct namespace *namespace, uint64_t dir_ino,
                        const struct hub_call *call, waiter_fn done, void *ctx);

// Makes the entries after position `after` come, as listing_fetch_page().
void namespace_more(struct namespace *namespace, uint64_t dir_ino, uint64_t after,
                    const struct hub_call *call, waiter_fn done, void *ctx);
