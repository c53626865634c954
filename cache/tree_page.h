// SPDX-License-Identifier: Apache-2.0
// A change to one directory's listing: what a page, a whole folder, a single entry and a mode
// have in common. Private to tree_pages.c, which defines these, tree_folders.c and
// tree_modes.c.
#pragma once

#include "cache/tree_state.h"

struct page {
    struct tree_conn *conn;
    struct tree_node dir;
    char *dir_path;
    size_t dir_path_len;
    bool complete;
    uint64_t entries; // positions given out so far
    uint64_t max_ino; // the greatest number made by this transaction
    uint64_t new_files;
    uint64_t new_bytes;
    size_t duplicates;
};

// What is done with a page; `ctx` is the caller's.
typedef enum err (*page_fn)(struct page *page, void *ctx);

// Loads the directory, calls `work`, counts what is new and reserves the numbers: all of a
// transaction (tree_write) but its begin and end.
NODISCARD enum err page_change(struct tree_store *store, struct tree_conn *conn,
                               uint64_t dir_ino, page_fn work, void *ctx)
    REQUIRES(store->writer_lock);

// The name of an entry of this directory; NULL when its path is not DIRPATH/NAME.
const char *page_entry_name(const struct page *page, const struct tree_entry *entry);

// The node of an entry, made when new; `out` has its number.
NODISCARD enum err page_put_node(struct page *page, const struct tree_entry *entry,
                                 struct tree_node *out);
