// SPDX-License-Identifier: Apache-2.0
// What stat() tells of a node.
#pragma once

#include "cache/cache.h"

#include <sys/stat.h>

struct attributes {
    uint32_t uid;
    uint32_t gid;
    uint32_t umask;     // bits taken away from 0555 / 0444
    int64_t fallback_s; // mtime of nodes that have none: the date of the commit shown
};

// Fills `out` for a node that the kernel knows as `ino`.
void attributes_fill(const struct attributes *attributes, const struct tree_node *node,
                     uint64_t ino, struct stat *out);
// The same for a virtual node: type and permissions, bytes, the time of its last change.
void attributes_fill_virtual(const struct attributes *attributes, mode_t mode,
                             uint64_t size, int64_t changed_s, uint64_t ino,
                             struct stat *out);
