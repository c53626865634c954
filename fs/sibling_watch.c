// SPDX-License-Identifier: Apache-2.0
// The parents seen lately; the least recently used one makes room. A parent is known by a hash of
// its path: two that collide would at worst be listed recursively too early.
#include "fs/sibling_watch.h"

enum {
    SIBLINGS_LEAST = 3,
    ENTRIES_MEAN_MAX =
        500, // half a page: recursion saves nothing where folders fill pages
};

static struct sibling_slot *find_slot(struct sibling_watch *watch, uint64_t repo_root,
                                      uint64_t parent)
{
    struct sibling_slot *oldest = &watch->slots[0];
    for (size_t i = 0; i < SIBLING_SLOTS; i++) {
        struct sibling_slot *slot = &watch->slots[i];
        if (slot->repo_root == repo_root && slot->parent == parent) {
            return slot;
        }
        oldest = slot->used < oldest->used ? slot : oldest;
    }
    *oldest = (struct sibling_slot){.repo_root = repo_root, .parent = parent};
    return oldest;
}

bool sibling_watch_note(struct sibling_watch *watch, uint64_t repo_root, const char *path,
                        size_t n_entries, size_t *out_parent_len)
{
    const char *slash = strrchr(path, '/');
    size_t parent_len = slash != NULL ? (size_t)(slash - path) : 0;
    if (path[0] == '\0') {
        return false; // a root has no siblings
    }
    struct sibling_slot *slot =
        find_slot(watch, repo_root, hash_table_bytes(path, parent_len));
    slot->used = ++watch->turn;
    slot->n_folders++;
    slot->n_entries += n_entries;
    *out_parent_len = parent_len;
    return slot->n_folders >= SIBLINGS_LEAST &&
           slot->n_entries <= (uint64_t)slot->n_folders * ENTRIES_MEAN_MAX;
}
