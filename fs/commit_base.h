// SPDX-License-Identifier: Apache-2.0
// Moving the mount to another commit on the committer's behalf: to one that it has made, or to
// where somebody else has moved the branch.
#pragma once

#include "fs/commit_work.h"

// What the mount shows of a commit.
NODISCARD enum err commit_base_view(struct commit_work *work, const struct head *head,
                                    struct why *why, struct snapshot_view *out);
// Logs that it does.
void commit_base_tell(const struct oid *commit);
// Others may move the mount again (overlay_hold()), and those who could not do so now.
void commit_base_let_go(struct commit_work *work);
// Shows `head` from now on.
NODISCARD enum err commit_base_move(struct commit_work *work, const struct head *head,
                                    struct why *why);
// Asks where the branch stands, and moves there. `out_moved` may be NULL.
NODISCARD enum err commit_base_follow(struct commit_work *work, struct why *why,
                                      bool *out_moved);
// A commit that is the branch's head since this moment.
struct head commit_base_head(const struct commit_work *work, const struct oid *commit);
