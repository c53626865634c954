// SPDX-License-Identifier: Apache-2.0
// Looks for one commit in pages of a list of commits.
#pragma once

#include "hub/hub.h"

// `pages` are answers to .../commits/{rev}, newest first. `stop_at` may be NULL.
NODISCARD enum err commit_search(const struct buffer *pages, size_t n_pages,
                                 const struct oid *stop_at, const char *needle,
                                 struct why *why, struct hub_found_commit *out);
