// SPDX-License-Identifier: Apache-2.0
// Looks a JSON text over before it is parsed into memory: bounds and encodings only.
#pragma once

#include "base/base.h"

// ERR_BAD_ANSWER for invalid UTF-8, a NUL (raw or \u0000), nesting or counts past the
// limits, or brackets and strings that don't close. Everything else is left to the parser.
NODISCARD enum err json_scan(const uint8_t *bytes, size_t len, struct why *why);
