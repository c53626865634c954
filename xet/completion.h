// SPDX-License-Identifier: Apache-2.0
// Fetching the rest of a file that is read here and there.
#pragma once

#include "xet/engine.h"

// Counts `len` bytes that have to be fetched for a read; whether it is time, were there no other file.
bool completion_is_due(struct completion *completion, const struct xet_pattern *pattern,
                       uint64_t len, uint64_t size);
// The same for the file. True: it is noted as under way, and completion_begin() has to be called once the
// lock is released.
bool completion_note(struct xet_file *file, const struct xet_pattern *pattern,
                     uint64_t len) REQUIRES(engine_role);
// Fetches all that the store does not have, at class PREFETCH.
void completion_begin(struct xet_file *file, const struct xet_source *source)
    EXCLUDES(engine_role);
