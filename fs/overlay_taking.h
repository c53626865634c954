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
    char **sources; // versions of the repository that must not be deleted yet: paths
    size_t n_sources;
};

// A new item, `path` (malloc'd) is its own from here on. NULL: no memory.
struct overlay_item *overlay_take_item(struct overlay_taking *taking, enum overlay_op op,
                                       char *path);

// The name that the folder, or one above it, was moved to: what is known of that place is that nothing
// stood there at the commit `under` it. NULL: none was moved.
const struct overlay_name *overlay_moved_above(const struct overlay_node *folder);

// ---- overlay_take_folder.c: ERR_ABSENT with *taking->out_folder: it has to be listed first

// Where the folder stands, and those above it. New ones get a place in the repository with the first
// file in them.
NODISCARD enum err overlay_take_places(struct overlay_node *dir, bool has_files);
// A folder of the repository that stands at `path` by now: with every file that is in it.
NODISCARD enum err overlay_take_moved(struct overlay_taking *taking,
                                      struct overlay_node *folder, const char *path)
    REQUIRES(taking->overlay->lock);
// Something else stands under the name of a folder of the repository: its files are deleted.
NODISCARD enum err overlay_take_replaced(struct overlay_taking *taking,
                                         struct overlay_node *dir,
                                         const struct overlay_name *entry)
    REQUIRES(taking->overlay->lock);
