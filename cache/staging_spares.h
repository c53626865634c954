// SPDX-License-Identifier: Apache-2.0
// Staging files that are done with, to be used again: "spare.%u" in the staging folder.
#pragma once

#include "base/base.h"

enum {
    SPARES_MAX = 256,
    SPARE_BLOCKS_MAX = 32, // of 512 bytes: larger files are deleted
};

struct staging_spares {
    int dir; // the staging folder; borrowed
    struct lock lock;
    uint32_t numbers[SPARES_MAX] GUARDED_BY(lock);
    size_t n GUARDED_BY(lock);
    uint32_t next GUARDED_BY(lock);
};

// Any thread, but for the first and the last.
void staging_spares_init(struct staging_spares *spares, int dir);
void staging_spares_release(struct staging_spares *spares); // deletes them
void staging_spares_drop(struct staging_spares *spares);    // their room is needed
// Whether the file of this name is a spare now; false: it is left alone.
bool staging_spares_keep(struct staging_spares *spares, const char *name);
// A spare with this name, empty and open for reading and writing; -1: there is none.
int staging_spares_take(struct staging_spares *spares, const char *name);
