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
void refresher_close(struct refresher *refresher);

// Asks now; `done` (may be NULL) is called when the mount stands at the head. Any thread.
void refresher_kick(struct refresher *refresher, mount_done_fn done, void *ctx);

// When the head was last known, and why it was not the last time ("" = it was).
void refresher_status(struct refresher *refresher, int64_t *out_checked_s,
                      struct why *out_error);
