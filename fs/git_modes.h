// SPDX-License-Identifier: Apache-2.0
// Executable bits and symlinks, which the Hub's listings do not tell: one request for the git
// trees of a commit. Asked for by `hugfs prefetch` and `pin` of whole repositories and folders;
// what they told is visible in the running mount when the command ends.
#pragma once

#include "fs/snapshot.h"
#include "fs/waiters.h"

struct mount;

// Learns the modes of all names of the commit that are stored, once per commit. Always ends
// with ERR_NONE: without them files are plain, as listed. `done` runs on any thread.
void git_modes_learn(struct mount *mount, const struct snapshot_view *view,
                     waiter_fn done, void *ctx);
