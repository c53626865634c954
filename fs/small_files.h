// SPDX-License-Identifier: Apache-2.0
// Small files that are in git: a reader who goes through those of a commit gets them together.
#pragma once

#include "fs/content.h"

struct mount;

// Whether the node is of a small file in git.
bool small_file_is(const struct tree_node *node);

// Whether the content is such a file that is not on this machine. Asks the chunk store.
bool small_file_is_missing(const struct content *content);

// Something is fetched for a read of the content; does what it takes to have others at hand. Any
// thread; asks the tree store, and waits for nothing else.
void small_files_note(struct mount *mount, const struct content *content);
