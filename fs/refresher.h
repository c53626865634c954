// SPDX-License-Identifier: Apache-2.0
// Keeps a mount of a branch at its head: one thread that asks from time to time where the
// branch stands, and moves the mount there.
#pragma once

#include "base/base.h"
#include "fs/mount.h"

struct refresher;

// `checked_s`: when the head was last asked for, wall clock; -1 = never (mounted from the
// store).
NODISCARD enum err refresher_open(struct mount *mount, int64_t checked_s,
                                  struct refresher **out);
// Gives up what it waits for; returns when the thread has ended. Before the loop is stopped.
// The verbs below may still be called: they find the end.
void refresher_stop(struct refresher *refresher);
// When nobody can call a verb any more.
void refresher_free(struct refresher *refresher);

// Asks now; `done` (may be NULL) is called when the mount stands at the head. Any thread.
void refresher_kick(struct refresher *refresher, mount_done_fn done, void *ctx);

// Calls `run` on the refresher's thread, the only one that tells the kernel to forget names
// and so may be blocked by it. `may_tell` is false at the end of the mount: then the kernel
// must be left alone, and it may be another thread. ERR_NO_MEMORY: it is not called. Any
// thread.
typedef void (*refresher_fn)(void *ctx, bool may_tell);
NODISCARD enum err refresher_run(struct refresher *refresher, refresher_fn run,
                                 void *ctx);

// When the head was last known, why it was not the last time ("" = it was), and what the
// repository is called: it may have been renamed since it was mounted.
void refresher_status(struct refresher *refresher, int64_t *out_checked_s,
                      struct why *out_error, struct repo_id *out_repo);
