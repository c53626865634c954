// SPDX-License-Identifier: Apache-2.0
// Before a commit: how each file is to be sent, what git will call it, and for large ones the
// upload of what the Hub doesn't have.
#pragma once

#include "fs/commit_batch.h"

// Items that can't be prepared are settled. COMMIT_END_DONE: all that are still open are ready.
enum commit_end commit_prepare(struct commit_work *work, struct commit_batch *batch);
