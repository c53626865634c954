// SPDX-License-Identifier: Apache-2.0
// The rows of a batch: what a later process needs to know of a commit that was under way.
#pragma once

#include "fs/commit_batch.h"

// Durable when it returns.
NODISCARD enum err commit_journal_put(struct commit_work *work, const char *id,
                                      const struct oid *parent, const char *description,
                                      struct commit_item *const *items, size_t n,
                                      struct why *why);
// It is known what became of it. Need not be durable: a row too many is merely looked at again.
void commit_journal_drop(struct commit_work *work, const char *id);
// It may still come to be, however late, until the branch has moved from `parent`.
void commit_journal_keep(struct commit_work *work, const char *id,
                         const struct oid *parent);
// The branch stands at `head`, which has what was taken: rows of those that can't follow it go.
void commit_journal_drop_kept(struct commit_work *work, const struct oid *head);
