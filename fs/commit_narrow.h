// SPDX-License-Identifier: Apache-2.0
// Folders that go, in which somebody else may have changed something meanwhile.
#pragma once

#include "fs/commit_batch.h"

// Leaves the item alone when the folder is the same at `parent` as where it was deleted. Else the item
// is settled: what is the same still is deleted by the next batch, and what others have put or changed
// there stays. An error is about the Hub: try again.
NODISCARD enum err commit_narrow(struct commit_work *work, struct commit_item *item,
                                 const struct oid *parent, struct why *why);
// Whether one of the items that are still open deletes what stands at `path`.
bool commit_is_deleted(struct commit_item *const *items, size_t n, const char *path);
// A PUT where a folder stood: left alone when the deletions among `items` take all that the folder holds
// at `parent`. Else it is settled: ERR_CONFLICT when the rest is somebody else's, or for the next batch.
NODISCARD enum err commit_replace(struct commit_work *work, struct commit_item *item,
                                  struct commit_item *const *items, size_t n,
                                  const struct oid *parent, struct why *why);
