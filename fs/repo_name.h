// SPDX-License-Identifier: Apache-2.0
// "NAME[@REV]" as a name of a folder. A slash in a revision is written %2F.
#pragma once

#include "base/base.h"

struct repo_name {
    char name[REPO_NAME_SIZE];
    char revision[REVISION_SIZE]; // decoded; "" = the default branch
};

// False when no repository can have that name or no revision that spelling, so that it costs no
// request: the Hub's own rules, and what desktops look for in every folder.
bool repo_name_parse(const char *text, size_t len, struct repo_name *out);

// The opposite, "NAME@REV" or "NAME"; `out` holds NAME_BYTES_MAX + 1. False: it is too long.
bool repo_name_format(const char *name, const char *revision, char *out, size_t size);
