// SPDX-License-Identifier: Apache-2.0
// Inside overlay_take.c: what is taken so far. Everything is guarded by overlay->lock.
#pragma once

#include "fs/overlay_node.h"

struct overlay_taking {
    struct overlay *overlay;
    struct overlay_items *items;
    size_t capacity;
    size_t n_max;
    int64_t now_ms;
    struct snapshot_view view;
    // What goes file by file goes as it was at this commit; NULL = at the one that is shown.
    const struct oid *replaced_at;
    char **out_folder;
};

// A new item, `path` (malloc'd) is its own from here on. NULL: no memory.
struct overlay_item *overlay_take_item(struct overlay_taking *taking, enum overlay_op op,
                                       char *path);

// ---- overlay_take_folder.c

// Every file of a folder of the base, and of those in it, but what was changed in it: at `path` now;
// NULL: each is deleted. ERR_ABSENT with *taking->out_folder: it has to be listed first.
NODISCARD enum err overlay_take_folder(struct overlay_taking *taking, uint64_t base_ino,
                                       const char *base_path, const char *path);
