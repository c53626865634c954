// SPDX-License-Identifier: Apache-2.0
// The file behind a struct hub_commit_body.
#pragma once

#include "hub/hub.h"

// A descriptor of its own (the caller closes it) for the *out_size bytes written so far.
NODISCARD enum err commit_body_dup(const struct hub_commit_body *body, int *out_fd,
                                   uint64_t *out_size);
