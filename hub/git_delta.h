// SPDX-License-Identifier: Apache-2.0
// git's delta format: a new object as copies from a base and literal bytes.
#pragma once

#include "base/base.h"

// Rebuilds the object into malloc'd *out. `max` bounds its size. ERR_MALFORMED when the delta
// does not fit the base or itself, ERR_TOO_LARGE.
NODISCARD enum err git_delta_apply(const uint8_t *base, size_t base_len,
                                   const uint8_t *delta, size_t delta_len, size_t max,
                                   uint8_t **out, size_t *out_len);
