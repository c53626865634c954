// SPDX-License-Identifier: Apache-2.0
// Fetching the rest of a file that is read here and there.
#pragma once

#include "xet/xet.h"

struct fetch_source;

// Of one file, guarded as it is.
struct completion {
    uint64_t asked; // bytes that strays have asked for, as chunks
    bool is_under_way;
};

// Notes that `len` bytes have to be fetched for a read. True: it is time, and the caller has to call
// completion_begin() when it has released the lock.
bool completion_is_due(struct completion *completion, const struct xet_pattern *pattern,
                       uint64_t len, uint64_t size);
// Fetches all that the store does not have, at class PREFETCH.
void completion_begin(struct xet_file *file, const struct xet_source *source);
