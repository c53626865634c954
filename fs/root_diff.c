// SPDX-License-Identifier: Apache-2.0
// Nodes are immutable and named by (path, oid), so two names are the same exactly when their
// inode numbers are. One table of names, filled from the old listing, emptied by the new.
#include "fs/root_diff.h"

struct diff_name {
    uint64_t old_ino; // 0 = not in the old listing
    uint64_t new_ino;
    UT_hash_handle hh;
    char name[];
};

struct diff {
    struct diff_name *names;
    bool is_new;
    enum err err;
};

static bool note(void *ctx, uint64_t position, const char *name,
                 const struct tree_node *node)
{
    struct diff *diff = ctx;
    struct diff_name *entry = NULL;
    size_t len = strlen(name);
    (void)position;
    HASH_FIND(hh, diff->names, name, len, entry);
    if (entry == NULL) {
        entry = calloc(1, sizeof(*entry) + len + 1);
        if (entry == NULL) {
            diff->err = ERR_NO_MEMORY;
            return false;
        }
        memcpy(entry->name, name, len);
        HASH_ADD(hh, diff->names, name[0], len, entry);
    }
    *(diff->is_new ? &entry->new_ino : &entry->old_ino) = node->ino;
    return true;
}

enum err root_diff(struct tree_store *tree, uint64_t old_dir, uint64_t new_dir,
                   root_diff_fn differs, void *ctx)
{
    struct diff diff = {0};
    enum err err = tree_store_list(tree, old_dir, 0, note, &diff);
    if (err == ERR_NONE && diff.err == ERR_NONE) {
        diff.is_new = true;
        err = tree_store_list(tree, new_dir, 0, note, &diff);
    }
    err = err != ERR_NONE ? err : diff.err;
    struct diff_name *entry;
    struct diff_name *next;
    HASH_ITER (hh, diff.names, entry, next) {
        if (err == ERR_NONE && entry->old_ino != entry->new_ino) {
            differs(ctx, entry->name);
        }
        HASH_DEL(diff.names, entry);
        free(entry);
    }
    return err;
}
