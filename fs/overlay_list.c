// SPDX-License-Identifier: Apache-2.0
// Listing a folder: first what the base has and the overlay says nothing about, in its order; then
// what the overlay has, in order of arrival. The position of the second kind has a bit of its own.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

#define OWN_POSITION (UINT64_C(1) << 40)

struct listing_visit {
    struct overlay *overlay;
    struct overlay_node *dir;
    overlay_visit_fn visit;
    void *ctx;
    bool goes_on;
};

NO_THREAD_ANALYSIS static bool visit_base(void *ctx, uint64_t position, const char *name,
                                          const struct tree_node *node)
{
    struct listing_visit *listing = ctx;
    size_t len = strlen(name);
    if (overlay_name_find(listing->dir, name, len) != NULL) {
        return true;
    }
    uint64_t ino = overlay_number_of(node);
    mode_t type = node->kind == ENTRY_SYMLINK ? S_IFLNK : S_IFREG;
    if (node->kind == ENTRY_DIRECTORY) {
        AUTO_FREE char *path = overlay_join(listing->dir->base_path, name, len);
        struct overlay_node *known =
            path != NULL ? overlay_by_base_path(listing->overlay, path) : NULL;
        ino = known != NULL ? known->ino : overlay_number_of(node);
        type = S_IFDIR;
    }
    listing->goes_on = listing->visit(listing->ctx, position, name, ino, type);
    return listing->goes_on;
}

static void visit_own(struct listing_visit *listing, uint64_t after)
{
    for (struct overlay_name *name = listing->dir->names;
         name != NULL && listing->goes_on; name = name->hh.next) { // in order of arrival
        if (name->node != NULL && name->serial > after) {
            listing->goes_on = listing->visit(
                listing->ctx, OWN_POSITION | name->serial, name->name, name->node->ino,
                name->node->kind == ENTRY_DIRECTORY ? S_IFDIR : S_IFREG);
        }
    }
}

// Memories that the base contradicts go first, for the base is about to be shown.
static enum err check_memories(struct overlay *overlay, struct overlay_node *dir)
    REQUIRES(overlay->lock)
{
    for (;;) {
        struct overlay_name *name = dir->names;
        struct overlay_name *next = NULL;
        bool has_dropped = false;
        for (; name != NULL && !has_dropped; name = next) {
            struct overlay_found found;
            next = name->hh.next;
            unsigned n = HASH_COUNT(dir->names);
            char copy[NAME_BYTES_MAX + 1]; // the name may go
            memcpy(copy, name->name, name->len + 1);
            enum err err = name->node != NULL
                               ? overlay_seek(overlay, dir, copy, name->len, &found)
                               : ERR_NONE;
            if (err != ERR_NONE && err != ERR_NOT_FOUND) {
                return err;
            }
            has_dropped = HASH_COUNT(dir->names) != n;
        }
        if (!has_dropped) {
            return ERR_NONE;
        }
    }
}

enum err overlay_list(struct overlay *overlay, uint64_t dir_ino, uint64_t after,
                      overlay_visit_fn visit, void *ctx)
{
    lock_acquire(&overlay->lock);
    struct overlay_node *dir = overlay_by_ino(overlay, dir_ino);
    struct listing_visit listing = {overlay, dir, visit, ctx, true};
    uint64_t base = 0;
    enum err err = dir == NULL                    ? ERR_STALE
                   : dir->kind != ENTRY_DIRECTORY ? ERR_NOT_DIRECTORY
                   : (after & OWN_POSITION) != 0  ? ERR_NOT_FOUND
                                                  : overlay_base_of(overlay, dir, &base);
    if (err == ERR_NONE) {
        struct tree_dir state = {.complete = false};
        err = tree_store_dir(overlay->mount->tree, base, &state);
        err = err == ERR_NONE && !state.complete ? ERR_ABSENT : err;
    }
    if (err == ERR_NONE && after == 0) {
        err = check_memories(overlay, dir);
    }
    if (err == ERR_NONE) {
        err = tree_store_list(overlay->mount->tree, base, after, visit_base, &listing);
    }
    if (err == ERR_NONE || err == ERR_NOT_FOUND) {
        err = ERR_NONE;
        visit_own(&listing, (after & OWN_POSITION) != 0 ? after & ~OWN_POSITION : 0);
    }
    lock_release(&overlay->lock);
    return err;
}
