// SPDX-License-Identifier: Apache-2.0
// Where a revision stands, and what a mount shows of it: asked once when mounting, then by
// the refresher. Both block, so both bring a wait_owner.
#pragma once

#include "fs/heads.h"
#include "fs/snapshot.h"
#include "fs/wait.h"

struct mount;

// Decides what is mounted: asks the Hub, or takes what is stored (a commit never moves; a
// branch's last known place serves while the Hub can't be reached). Sets mount->repo,
// repo_row and is_commit.
NODISCARD enum err head_resolve(struct mount *mount, struct wait_owner *owner,
                                struct why *why, struct head *out);

// Asks the Hub where the revision stands now, and stores it.
NODISCARD enum err head_ask(struct mount *mount, struct wait_owner *owner,
                            const struct hub_call *call, struct why *why,
                            struct head *out);

// The view of a commit: its root, and the folder SUBDIR in it. ERR_NOT_FOUND when the commit
// has no such folder.
NODISCARD enum err head_view(struct mount *mount, struct wait_owner *owner,
                             const struct hub_call *call, const struct head *head,
                             struct why *why, struct snapshot_view *out);
