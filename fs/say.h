// SPDX-License-Identifier: Apache-2.0
// How commands talk to people: sentences on stderr, never with a secret or a control
// character in them.
#pragma once

#include "base/base.h"

// Prints "hugfs: sentence" and returns the exit status that fits the error.
int say_error(enum err err, const struct why *why);

// The same for wrong usage, with "Try 'hugfs VERB --help'."; `verb` may be NULL.
int say_usage(const struct why *why, const char *verb);

// Prints "hugfs: ..." without an exit status.
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Replaces control characters, so that a name from outside can't command a terminal. In place.
void make_printable(char *text);
