// SPDX-License-Identifier: Apache-2.0
// A table by name over an array in order of arrival.
#include "fs/owner_listing.h"

enum {
    GOOD_MS_PER_PAGE = 1000,
    ABANDONED_MS = 60000,
};

struct owner_listing *owner_listing_new(uint32_t turn)
{
    struct owner_listing *listing = calloc(1, sizeof(*listing));
    if (listing != NULL) {
        listing->turn = turn;
        listing->begun_ms = listing->came_ms = clock_now_ms();
        listing->begun_s = clock_wall_s();
    }
    return listing;
}

void owner_listing_free(struct owner_listing *listing)
{
    if (listing == NULL) {
        return;
    }
    HASH_CLEAR(hh, listing->names);
    for (size_t i = 0; i < listing->n; i++) {
        free(listing->order[i]);
    }
    free(listing->order);
    free(listing->next);
    free(listing);
}

bool owner_listing_is_old(const struct owner_listing *listing, int64_t now_ms)
{
    return listing->is_complete
               ? now_ms - listing->came_ms >= (int64_t)listing->n_pages * GOOD_MS_PER_PAGE
               : now_ms - listing->came_ms >= ABANDONED_MS;
}

enum err owner_listing_add(struct owner_listing *listing, const char *name,
                           const struct hub_listed_repo *repo)
{
    size_t len = strlen(name);
    struct owner_item *item = NULL;
    HASH_FIND(hh, listing->names, name, len, item);
    if (item != NULL) {
        return ERR_NONE; // a name that is listed twice is shown once
    }
    if (listing->n == OWNER_NAMES_MAX) {
        return ERR_TOO_LARGE;
    }
    if (listing->n == listing->n_room) {
        size_t room = listing->n_room == 0 ? 256 : listing->n_room * 2;
        struct owner_item **order =
            reallocarray(listing->order, room, sizeof(struct owner_item *));
        if (order == NULL) {
            return ERR_NO_MEMORY;
        }
        listing->order = order;
        listing->n_room = room;
    }
    item = calloc(1, sizeof(*item) + len + 1);
    if (item == NULL) {
        return ERR_NO_MEMORY;
    }
    memcpy(item->name, name, len + 1);
    if (repo != NULL && repo->has_sha && !repo->disabled) {
        item->has_head = true;
        item->sha = repo->sha;
        item->modified_s = repo->modified_s;
    }
    HASH_ADD(hh, listing->names, name[0], len, item);
    listing->order[listing->n++] = item;
    return ERR_NONE;
}

enum err owner_listing_recall(struct owner_listing *listing,
                              const struct owner_listing *before)
{
    enum err err = ERR_NONE;
    listing->begun_ms = before->begun_ms;
    listing->begun_s = before->begun_s;
    for (size_t i = 0; err == ERR_NONE && i < before->n; i++) {
        const struct owner_item *item = before->order[i];
        const struct hub_listed_repo repo = {
            .has_sha = item->has_head, .sha = item->sha, .modified_s = item->modified_s};
        err = owner_listing_add(listing, item->name, &repo);
    }
    return err;
}

const struct owner_item *owner_listing_find(const struct owner_listing *listing,
                                            const char *name)
{
    struct owner_item *item = NULL;
    HASH_FIND(hh, listing->names, name, strlen(name), item);
    return item;
}

struct filling {
    struct owner_listing *listing;
    const char *owner;
    size_t owner_len;
    enum err err;
};

static bool add_stored(void *ctx, int64_t row, const struct repo_id *repo)
{
    struct filling *filling = ctx;
    const char *name = repo->name;
    (void)row;
    if (strncmp(name, filling->owner, filling->owner_len) == 0 &&
        name[filling->owner_len] == '/') {
        filling->err =
            owner_listing_add(filling->listing, name + filling->owner_len + 1, NULL);
    }
    return filling->err == ERR_NONE;
}

enum err owner_listing_fill(struct owner_listing *listing, struct tree_store *tree,
                            const char *endpoint, const char *fingerprint,
                            enum repo_kind kind, const char *owner)
{
    struct filling filling = {listing, owner, strlen(owner), ERR_NONE};
    enum err err =
        tree_store_repos(tree, endpoint, fingerprint, kind, add_stored, &filling);
    listing->is_complete = true;
    listing->n_pages = 1;
    listing->came_ms = clock_now_ms();
    listing->came_s = clock_wall_s();
    return err != ERR_NONE ? err : filling.err;
}
