// SPDX-License-Identifier: Apache-2.0
// Places: where roots of commits hang. `models/OWNER/NAME`, `NAME@main` and
// `hf-cache/.../snapshots/SHA` may show the same commit, and most folders of one commit are also
// in the next. To the kernel a folder has one name; one that is met under a second name is moved
// there, and whoever is in the first meanwhile fails. So each place gets a tag of its own, which
// all folders below it carry in their numbers (ino.h). Files don't.
#pragma once

#include "base/base.h"

struct places;

NODISCARD enum err places_new(struct places **out);
void places_free(struct places *places);

enum place_kind {
    PLACE_REPOSITORY, // its root answers .hub
    PLACE_PLAIN,      // it shows the commit's tree and nothing else
};

struct place {
    enum place_kind kind;
    uint64_t root;                // stored node
    char revision[REVISION_SIZE]; // as it was asked for; "" = the default branch
    bool is_in_mount_of_one;      // below .hub/revisions of a mount of one repository
};

// The kernel's number of the root that `parent` (the kernel's number of a virtual folder) shows
// as `name`: the same as long as the kernel remembers it, and counted once. ERR_NO_MEMORY. Any
// thread, as below.
NODISCARD enum err places_enter(struct places *places, uint64_t parent, const char *name,
                                size_t len, const struct place *place, uint64_t *out_ino);
// The kernel has given up `n` of the times that it was told a number; other numbers than those of
// roots are ignored.
void places_forget(struct places *places, uint64_t ino, uint64_t n);

// The place that a tagged number lies in. False: the kernel remembers none such.
bool places_get(struct places *places, uint64_t ino, struct place *out);

// The next entry of a root that is this stored node gets new numbers, so that the kernel asks
// again for every name below it.
void places_renew(struct places *places, uint64_t root);
