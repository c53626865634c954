// SPDX-License-Identifier: Apache-2.0
// When a commit is made, and how long the committer keeps still after a failure. Pure.
#pragma once

#include "base/base.h"
#include "fs/mount_options.h"

enum { COMMIT_FILES_MAX = 100 };
// Bytes that travel in the commit's own body; what goes through Xet doesn't count.
#define COMMIT_REGULAR_BYTES_MAX (UINT64_C(64) << 20)
// Larger files than that the Hub takes through Xet alone.
#define COMMIT_REGULAR_FILE_MAX (UINT64_C(10) << 20)

struct commit_policy {
    enum commit_mode mode;
    int64_t quiet_ms;     // after the newest seal
    int64_t max_delay_ms; // after the oldest
};

struct commit_load {
    uint64_t n;           // files and names that wait
    uint64_t small_bytes; // of those that may travel in the body
    int64_t first_ms;     // when the oldest was sealed, monotonic
    int64_t last_ms;      // and the newest
    bool is_asked;        // somebody waits for a commit
    int64_t paused_ms;    // nothing is tried before, but for who asks; 0 = now
};
// When the next commit is to be begun, monotonic; in the past: now. DEADLINE_NONE.
int64_t commit_due_ms(const struct commit_policy *policy, const struct commit_load *load);

// How long to keep still after the `n_failed`th (1, 2 ...) failure in a row. `told_ms`: what the
// Hub told, 0 = nothing.
int64_t commit_pause_ms(enum err err, unsigned n_failed, int64_t told_ms);
