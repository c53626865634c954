// SPDX-License-Identifier: Apache-2.0
// Everything below a folder in one sequence of pages: the Hub's recursive listing. A thousand
// entries a request, however small their folders are; it costs a request per folder to list them
// one by one.
#pragma once

#include "fs/locator.h"
#include "fs/waiters.h"

struct tree_walks;

// All of them outlive it. A page ahead is given up after half of `timeout_ms`, that of a reader, so that
// one who follows in vain has time to list the folder.
NODISCARD enum err tree_walks_new(struct hub *hub, struct tree_store *tree,
                                  struct locator *locator, int64_t timeout_ms,
                                  struct tree_walks **out);
// After hub_close().
void tree_walks_free(struct tree_walks *walks);

// Lists everything below a stored folder; folders become complete in the store one after the other.
// `done` is called at the end: ERR_NONE when all of it is there; ERR_TOO_LARGE after
// `max_pages` pages; ERR_UNSUPPORTED where the server's order is not folder by folder. A folder that
// is being walked is not walked twice. Any thread.
void tree_walk_fetch(struct tree_walks *walks, uint64_t dir_ino, unsigned max_pages,
                     const struct hub_call *call, waiter_fn done, void *ctx);

// Goes ahead of a reader who lists the folders below a stored folder (`repo_root`: of its commit) one
// by one: some pages now, and twice as many each time it is called again because the reader has come
// to a folder that is not there. So what is listed in vain is at most about as much as what was read.
void tree_walk_ahead(struct tree_walks *walks, uint64_t repo_root, uint64_t dir_ino,
                     enum hub_class class);

// Waits for the next page of a walk that is under way above the folder: `done` is called when it is
// stored, or the walk has ended, and the caller looks at the store again. False: there is no such
// walk; `done` is not called.
bool tree_walk_follow(struct tree_walks *walks, const struct location *folder,
                      waiter_fn done, void *ctx);
