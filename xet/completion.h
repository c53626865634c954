// SPDX-License-Identifier: Apache-2.0
// Fetching the rest of a file that is read here and there.
#pragma once

#include "xet/xet.h"

enum { COMPLETIONS_MAX = 4 }; // files at a time

// Of one file, guarded as it is.
struct completion {
    uint64_t
        asked; // bytes that strays have asked for, as chunks, since it was last tried
    bool was_tried;
    bool is_under_way;
};

// Notes that `len` bytes have to be fetched for a read. True: it is time; unless others are under way
// already, the caller notes that this one is, and calls completion_begin() when it has released the lock.
bool completion_is_due(struct completion *completion, const struct xet_pattern *pattern,
                       uint64_t len, uint64_t size);
// Fetches all that the store does not have, at class PREFETCH.
void completion_begin(struct xet_file *file, const struct xet_source *source);
