// SPDX-License-Identifier: Apache-2.0
// `hugfs cache verify|trim|clear` on an open store, whoever opened it: a running mount or the
// command itself. Says in text what happened and returns fsck(8)'s statuses for verify.
#pragma once

#include "cache/cache.h"
#include "fs/control_protocol.h"

enum {
    VERIFY_CLEAN = 0,
    VERIFY_REPAIRED = 1, // damaged chunks were dropped; they will be fetched again
    VERIFY_LEFT = 4,     // a second look still found damage: the disk is unreliable
    VERIFY_FAILED = 8,   // the store could not be read
    VERIFY_USAGE = 16,
};

// Appends lines of text to `out`; returns the exit status. With a status above
// VERIFY_REPAIRED, `why` says why.
int cache_upkeep_run(struct chunk_store *store, const struct control_request *request,
                     struct buffer *out, struct why *why);
