// SPDX-License-Identifier: Apache-2.0
// Commits that an earlier process was making when it ended: whether they were made is asked of the
// branch's history before anything else is committed. One that is not there, while the branch stands at
// its parent, may be made later than we look: until the branch goes on the mount stays where it is, and
// then it is looked for again.
#pragma once

#include "fs/commit_batch.h"

// Loads batches and what else the journal remembers. Before the thread runs.
NODISCARD enum err commit_recover_load(struct commit_work *work, struct why *why);
// The mount shows what the overlay's rows are over until that is done. Before the thread runs.
void commit_recover_hold(struct commit_work *work);
// Looks for those of which it is not known what became; afterwards the mount shows a commit that has
// those that were found. Goes on where it stopped when it is tried again.
NODISCARD enum err commit_recover_look(struct commit_work *work, struct why *why);
// Whether some may still be made.
bool commit_recover_is_open(const struct commit_work *work);
// None of those is made any more: a commit of this process has taken their place.
void commit_recover_close(struct commit_work *work);
// Lands items of the batch that were committed then.
enum commit_end commit_recover_land(struct commit_work *work, struct commit_batch *batch);
// What was found has been landed.
void commit_recover_forget(struct commit_work *work);
void commit_recover_release(struct commit_work *work);
