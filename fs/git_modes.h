// SPDX-License-Identifier: Apache-2.0
// Executable bits and symlinks, which the Hub's listings do not tell: one request for the git
// trees of a commit. Asked for by `hugfs prefetch` and `pin` of whole repositories and folders;
// what they told is visible in the running mount when the command ends.
#pragma once

#include "fs/waiters.h"
#include "hub/hub.h"

struct mount;

// Learns the modes of all names of the commit (its stored root; the repository's row) that are
// stored, once per commit. Always ends
// with ERR_NONE: without them files are plain, as listed. `done` runs on any thread.
void git_modes_learn(struct mount *mount, int64_t row, const struct hub_source *source,
                     uint64_t repo_root, waiter_fn done, void *ctx);
