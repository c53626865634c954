// SPDX-License-Identifier: Apache-2.0
// Deletions of folders in which somebody else has changed something meanwhile.
#pragma once

#include "fs/commit_batch.h"

// Leaves the item alone when the folder is the same at `parent` as where it was deleted. Else the item
// is settled: what is the same still is deleted by the next batch, and what others have put or changed
// there stays. An error is about the Hub: try again.
NODISCARD enum err commit_narrow(struct commit_work *work, struct commit_item *item,
                                 const struct oid *parent, struct why *why);
