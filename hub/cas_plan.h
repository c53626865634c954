// SPDX-License-Identifier: Apache-2.0
// Parses the answer of a reconstruction request, of either version, into struct cas_plan.
#pragma once

#include "hub/hub.h"

enum plan_version { PLAN_V1, PLAN_V2 };

// ERR_BAD_ANSWER with a sentence when the shape is wrong: counts and lengths in bounds, every
// term inside one fetchable range of its xorb, the first offset inside the first term.
NODISCARD enum err cas_plan_parse(const void *body, size_t len, enum plan_version version,
                                  struct why *why, struct cas_plan **out);
