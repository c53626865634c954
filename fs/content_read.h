// SPDX-License-Identifier: Apache-2.0
// Reading a content on a thread that may wait for it.
#pragma once

#include "fs/content.h"
#include "fs/wait.h"

// Exactly [offset, offset + len), which lies inside it; what is not here is fetched at class
// PREFETCH. ERR_CANCELLED through `owner`.
NODISCARD enum err content_read(struct content *content, struct wait_owner *owner,
                                uint64_t offset, void *to, size_t len, struct why *why);
