// SPDX-License-Identifier: Apache-2.0
// The answer to POST /v2/shards: lines of JSON that tell the progress, and the last one the
// result.
#pragma once

#include "base/base.h"

// ERR_NONE: registered. ERR_USAGE: refused, with the server's sentence. ERR_SERVER: failed,
// may be tried again. ERR_TRUNCATED: the lines ended before a result. ERR_BAD_ANSWER: no such
// lines. ERR_NO_MEMORY.
NODISCARD enum err shard_events_parse(const void *body, size_t len, struct why *why);
