// SPDX-License-Identifier: Apache-2.0
// Which new files of a writable mount stay on this machine: what the root's .hubignore names, in
// the syntax of gitignore(5), and what editors and file managers leave behind.
//
// Neither says anything about a file that the repository has already: the caller asks that first.
#pragma once

#include "base/base.h"

struct ignore_rules;

enum { IGNORE_BYTES_MAX = 256 << 10, IGNORE_RULES_MAX = 10000 };

// Reads the text of a .hubignore; a line that can never match is kept and never matches. Without a
// single rule *out is NULL, which the other verbs take. ERR_TOO_LARGE past the limits.
NODISCARD enum err ignore_rules_parse(const char *text, size_t len,
                                      struct ignore_rules **out);
void ignore_rules_free(struct ignore_rules *rules);

// Whether a path (from the repository's root, legal by path_is_legal()) is named, or lies in a
// folder that is. Constant rules may be asked from any thread; takes no longer than length of the
// path times length of the rules.
bool ignore_rules_match(const struct ignore_rules *rules, const char *path,
                        bool is_folder);

// Whether one of the path's names is .git or .cache, or one that a well-known program gives to
// what nobody wants to keep: backups, locks and swap files of editors, traces of file managers.
// A temporary name that is renamed to the real one needs no rule.
bool ignore_is_litter(const char *path);
