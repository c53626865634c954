// SPDX-License-Identifier: Apache-2.0
// Where commits go: the branch that is mounted, a new one, or a pull request, which are made when
// they are first needed.
#pragma once

#include "fs/commit_work.h"

// What the journal remembers between two mounts, by the names of its metas.
#define COMMIT_META_PULL "pull" // the number, as text
#define COMMIT_META_PULL_KEY                                                             \
    "pull_key" // what the title of one that may have been opened says
#define COMMIT_META_MESSAGE "message" // of the next commit

// Makes sure that it exists, and that the mount shows it; once done it asks nothing any more.
// Whatever fails can be tried again. ERR_ACCESS, ERR_NOT_FOUND, ERR_USAGE: for good.
NODISCARD enum err commit_place_open(struct commit_work *work, struct why *why);
// Knows it again from the journal: before commit_place_open().
NODISCARD enum err commit_place_recall(struct commit_work *work, const char *key,
                                       const void *value, size_t len);
