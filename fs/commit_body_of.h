// SPDX-License-Identifier: Apache-2.0
// The body of a commit: title, description, and what of its items is open.
#pragma once

#include "fs/commit_attempt.h"

// Makes attempt->body, title and description for attempt->parent anew. An item that can't be read
// is settled and left out; with nothing open there is no body.
NODISCARD enum err commit_body_of(struct commit_attempt *attempt);
