// SPDX-License-Identifier: Apache-2.0
// What a name from outside may be before it becomes a name in a folder.
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { NAME_BYTES_MAX = 255, PATH_BYTES_MAX = 4095 };

// One path component: 1..255 bytes, no '/' and no NUL, not "." or "..". Any other byte
// sequence is a legal name (git does not ask for UTF-8).
bool path_name_is_legal(const char *name, size_t len);

// A repository path "a/b/c": legal names joined by single slashes, <= 4095 bytes, no
// leading or trailing slash.
bool path_is_legal(const char *path, size_t len);

// Whether a symlink at `link_path` (in the repository) with `target` stays inside the
// repository: relative, and never climbs above the root. ".." behind a name is refused: the
// name may be another symlink, and nobody knows what lies above where that leads.
bool path_symlink_is_contained(const char *link_path, const char *target,
                               size_t target_len);
