// SPDX-License-Identifier: Apache-2.0
// Fetching the small files that follow one in its folder, each by a request of its own.
#pragma once

#include "fs/small_watch.h"

struct content;
struct mount;

enum { SIBLING_PLACES = 16 };

// How far readers have come, by folder.
struct small_places {
    struct small_place {
        uint64_t dir_ino; // 0 = free
        uint64_t position;
        uint64_t used;
    } places[SIBLING_PLACES];
    uint64_t turn;
};

// A small file had to be fetched, and it comes not far behind one that had to before: those behind it
// are fetched, too, at class AHEAD. Any thread; asks the tree store.
void small_siblings_fetch(struct mount *mount, const struct content *content);
