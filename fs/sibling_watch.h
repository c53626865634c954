// SPDX-License-Identifier: Apache-2.0
// Notices a reader that goes from folder to folder: three folders of one parent listed one by one,
// none of them large. Then it is worth while to list the parent recursively. Pure.
#pragma once

#include "base/base.h"

enum { SIBLING_SLOTS = 32 };

struct sibling_slot {
    uint64_t repo_root; // 0 = free
    uint64_t parent;    // hash of its path
    unsigned n_folders;
    uint64_t n_entries;
    uint64_t used; // turn of the last use
};

struct sibling_watch {
    struct sibling_slot slots[SIBLING_SLOTS];
    uint64_t turn;
};

// A folder was listed by itself, in one page of `n_entries`. True from the third sibling on, as long
// as they have few entries on average; *out_parent_len: how much of `path` is the parent's.
bool sibling_watch_note(struct sibling_watch *watch, uint64_t repo_root, const char *path,
                        size_t n_entries, size_t *out_parent_len);
