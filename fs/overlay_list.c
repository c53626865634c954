// SPDX-License-Identifier: Apache-2.0
// Listing a folder: first what the base has, in its order; then what stood there besides when the listing
// began, in order of arrival. The position of the second kind has a bit of its own.
//
// Whoever lists changes the folder meanwhile, and so does the base that moves, also by our own commits:
// a listing goes on with the folder of the base and the names that it began with. What has gone since is
// left out where that is known, what has come is shown by the next listing.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

#define OWN_POSITION (UINT64_C(1) << 40)

// A name that the overlay had when the listing began.
struct own_name {
    uint64_t position; // 1, 2, 3 ...
    UT_hash_handle hh;
    char name[];
};

struct overlay_listing {
    bool has_begun;
    uint64_t base;        // the stored folder of the base; 0 = none
    struct own_name *own; // in order of arrival
};

struct overlay_listing *overlay_listing_new(void)
{
    return calloc(1, sizeof(struct overlay_listing));
}

static void forget_names(struct overlay_listing *listing)
{
    struct own_name *name;
    struct own_name *next;
    HASH_ITER (hh, listing->own, name, next) {
        HASH_DEL(listing->own, name);
        free(name);
    }
}

void overlay_listing_free(struct overlay_listing *listing)
{
    if (listing != NULL) {
        forget_names(listing);
        free(listing);
    }
}

// ------------------------------------------------------------------------------ beginning

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

static enum err note_names(struct overlay_listing *listing,
                           const struct overlay_node *dir)
{
    uint64_t position = 0;
    forget_names(listing);
    for (const struct overlay_name *name = dir->names; name != NULL;
         name = name->hh.next) {
        if (name->node == NULL) {
            continue;
        }
        struct own_name *own = calloc(1, sizeof(*own) + name->len + 1);
        if (own == NULL) {
            return ERR_NO_MEMORY;
        }
        memcpy(own->name, name->name, name->len);
        own->position = ++position;
        HASH_ADD_KEYPTR(hh, listing->own, own->name, name->len, own);
    }
    return ERR_NONE;
}

static enum err begin(struct overlay *overlay, struct overlay_node *dir,
                      struct overlay_listing *listing) REQUIRES(overlay->lock)
{
    uint64_t base = 0;
    struct tree_dir state = {.complete = false};
    enum err err = overlay_base_of(overlay, dir, &base);
    if (err == ERR_NONE) {
        err = tree_store_dir(overlay->mount->tree, base, &state);
        err = err == ERR_NONE && !state.complete ? ERR_ABSENT : err;
    }
    if (err == ERR_NONE) {
        err = check_memories(overlay, dir);
    }
    if (err != ERR_NONE && err != ERR_NOT_FOUND) {
        return err;
    }
    listing->base = err == ERR_NONE ? base : 0;
    overlay_keep_changed(overlay, dir);
    err = note_names(listing, dir);
    listing->has_begun = err == ERR_NONE;
    return err;
}

// -------------------------------------------------------------------------------- showing

struct listing_visit {
    struct overlay *overlay;
    struct overlay_node *dir;
    const struct overlay_listing *listing;
    overlay_visit_fn visit;
    void *ctx;
    bool goes_on;
};

static mode_t type_of(enum entry_kind kind)
{
    return kind == ENTRY_DIRECTORY ? S_IFDIR : kind == ENTRY_SYMLINK ? S_IFLNK : S_IFREG;
}

NO_THREAD_ANALYSIS static bool visit_base(void *ctx, uint64_t position, const char *name,
                                          const struct tree_node *node)
{
    struct listing_visit *visit = ctx;
    size_t len = strlen(name);
    struct own_name *own = NULL;
    HASH_FIND(hh, visit->listing->own, name, len, own);
    const struct overlay_name *entry = overlay_name_find(visit->dir, name, len);
    if (own != NULL || (entry != NULL && entry->node == NULL)) {
        return true; // it comes later, or was deleted
    }
    uint64_t ino = overlay_number_of(node);
    mode_t type = type_of(node->kind);
    if (entry != NULL) {
        ino = entry->node->ino;
        type = type_of(entry->node->kind);
    } else if (node->kind == ENTRY_DIRECTORY && visit->dir->base_path != NULL) {
        AUTO_FREE char *path = overlay_join(visit->dir->base_path, name, len);
        const struct overlay_node *known =
            path != NULL ? overlay_by_base_path(visit->overlay, path) : NULL;
        ino = known != NULL ? known->ino : ino;
    }
    visit->goes_on = visit->visit(visit->ctx, position, name, ino, type);
    return visit->goes_on;
}

// As it stands by now. The base may have it, where the overlay has forgotten what was committed.
NO_THREAD_ANALYSIS static void show(struct listing_visit *visit,
                                    const struct own_name *own)
{
    struct overlay_found found = {.node = NULL};
    const struct overlay_name *entry =
        overlay_name_find(visit->dir, own->name, strlen(own->name));
    const struct overlay_node *node = entry != NULL ? entry->node : NULL;
    if (entry == NULL && overlay_seek(visit->overlay, visit->dir, own->name,
                                      strlen(own->name), &found) == ERR_NONE) {
        node = found.node;
    } else if (node == NULL) {
        return;
    }
    visit->goes_on =
        visit->visit(visit->ctx, OWN_POSITION | own->position, own->name,
                     node != NULL ? node->ino : overlay_number_of(&found.base),
                     type_of(node != NULL ? node->kind : found.base.kind));
}

NO_THREAD_ANALYSIS static void visit_own(struct listing_visit *visit, uint64_t after)
{
    const struct own_name *own = visit->listing->own;
    for (; own != NULL && visit->goes_on; own = own->hh.next) {
        if (own->position > after) {
            show(visit, own);
        }
    }
}

enum err overlay_list(struct overlay *overlay, uint64_t dir_ino,
                      struct overlay_listing *listing, uint64_t after,
                      overlay_visit_fn visit, void *ctx)
{
    lock_acquire(&overlay->lock);
    struct overlay_node *dir = overlay_by_ino(overlay, dir_ino);
    struct listing_visit each = {overlay, dir, listing, visit, ctx, true};
    bool is_gone = dir != NULL && dir->parent == NULL && dir->ino != INO_ROOT;
    enum err err = dir == NULL                    ? ERR_STALE
                   : dir->kind != ENTRY_DIRECTORY ? ERR_NOT_DIRECTORY
                                                  : ERR_NONE;
    if (err == ERR_NONE && !is_gone && (after == 0 || !listing->has_begun)) {
        err = begin(overlay, dir, listing);
    }
    if (err == ERR_NONE && !is_gone && listing->base != 0 &&
        (after & OWN_POSITION) == 0) {
        err = tree_store_list(overlay->mount->tree, listing->base, after, visit_base,
                              &each);
    }
    if (err == ERR_NONE && !is_gone) {
        visit_own(&each, (after & OWN_POSITION) != 0 ? after & ~OWN_POSITION : 0);
    }
    lock_release(&overlay->lock);
    return err;
}
