// SPDX-License-Identifier: Apache-2.0
// Commits that an earlier process was making when it ended: whether they were made is asked of the
// branch's history, once, before anything else is committed.
#pragma once

#include "fs/commit_batch.h"

// Loads batches and what else the journal remembers. Before the thread runs.
NODISCARD enum err commit_recover_load(struct commit_work *work, struct why *why);
// The mount shows what the overlay's rows are over until that is done. Before the thread runs.
void commit_recover_hold(struct commit_work *work);
// Looks for them; afterwards the mount shows a commit that has those that were found. Goes on where it
// stopped when it is tried again.
NODISCARD enum err commit_recover_look(struct commit_work *work, struct why *why);
// Lands items of the batch that were committed then.
enum commit_end commit_recover_land(struct commit_work *work, struct commit_batch *batch);
// Everything has been looked at.
void commit_recover_release(struct commit_work *work);
