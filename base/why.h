// SPDX-License-Identifier: Apache-2.0
// The sentence that explains an error to a person: what failed, for which path or
// repository, and what to do about it. It travels beside the enum err.
//
// A function that can fail in ways a person has to understand takes `struct why *why` as
// its last but one parameter and fills it when it returns an error. NULL is allowed.
// Tokens and signed addresses never go in: use why_set() with the path, not with the URL.
#pragma once

#include "base/err.h"

#include <stdarg.h>

enum { WHY_MAX = 512 };

struct why {
    char text[WHY_MAX]; // UTF-8 without a line end; "" = nothing to add to err_sentence()
};

// Replaces the sentence; longer text is cut at WHY_MAX - 1 bytes. Returns `err`, so that a
// failing function can end with `return why_set(why, ERR_X, "...")`. NULL `why` is a no-op.
enum err why_set(struct why *why, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Puts "prefix: " before the sentence that is there (context added on the way up).
enum err why_prefix(struct why *why, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The sentence, or err_sentence(err) where there is none. Valid as long as `why` is.
const char *why_text(const struct why *why, enum err err);
