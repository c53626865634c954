// SPDX-License-Identifier: Apache-2.0
// Patterns for one file name, byte by byte and as git reads them: "*", "?", "[a-z]", "[!a-z]" or
// "[^a-z]", "[[:alpha:]]", and a backslash before what is meant as it stands.
#pragma once

#include "base/base.h"

// Whether all of a name matches. At most the product of the lengths in time. A pattern with a
// bracket that doesn't end, an unknown class or a backslash at its end matches nothing.
bool name_pattern_match(const char *pattern, const char *name, size_t len);

// Whether fnmatch(3), with these flags, finds one of the patterns to match a name.
bool name_matches_any(const char *name, const char *const *patterns, size_t n, int flags);

// The same for the last name of a path, in any case of letters: what format a file is said to have.
bool name_tells_format(const char *path, const char *const *patterns, size_t n);

// `bracket` stands at its '['; behind its ']', or NULL: it has none.
const char *name_pattern_bracket_end(const char *bracket);
