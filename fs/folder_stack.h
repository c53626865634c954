// SPDX-License-Identifier: Apache-2.0
// The folders that are open while a recursive listing comes in: those on the path to the last entry.
// A folder is closed as soon as an entry comes that is not below it; so memory holds the entries of
// open folders only.
//
// That the server lists folder by folder (a folder, all that is in it, what follows it) is what git
// does and nobody promises. So a folder that is closed goes into the store only if its entries give the
// id that the listing told for it. Where they don't (there are executables or symlinks in it, of which
// a listing says nothing), it is kept until the listing has come to its end in this order, or left to
// be listed by itself. An entry whose folder is not open, or a folder that would be closed empty (git
// has none), is ERR_UNSUPPORTED: the order is another one.
#pragma once

#include "cache/cache.h"

enum { FOLDER_DEPTH_MAX = 256, FOLDERS_UNPROVEN_MAX = 64 };

struct open_folder {
    uint64_t ino;
    struct oid oid;             // as listed
    char *path;                 // from the repository root
    struct tree_entry *entries; // their paths: offsets into `paths` until it is closed
    size_t *offsets;
    size_t n;
    size_t n_room;
    struct buffer paths;
};

struct folder_stack {
    struct tree_store *tree;
    struct open_folder open[FOLDER_DEPTH_MAX];
    size_t depth;
    struct open_folder unproven[FOLDERS_UNPROVEN_MAX]; // closed
    size_t n_unproven;
    size_t unproven_bytes;
    size_t n_proven;
    size_t n_left; // to be listed by themselves
};

// Zeroed otherwise. `tree` outlives it.
void folder_stack_init(struct folder_stack *stack, struct tree_store *tree);
void folder_stack_release(struct folder_stack *stack);

// Opens the folder that is listed: a stored node and its path.
NODISCARD enum err folder_stack_begin(struct folder_stack *stack, uint64_t ino,
                                      const char *path);
// The next entry of the listing.
NODISCARD enum err folder_stack_put(struct folder_stack *stack,
                                    const struct tree_entry *entry);
// The listing has ended: closes all that is open.
NODISCARD enum err folder_stack_end(struct folder_stack *stack);
