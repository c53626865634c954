// SPDX-License-Identifier: Apache-2.0
// One listing of an owner's repositories while it comes in, page by page: names in order of arrival,
// each once, with where its default branch stood. Private to owner_lists.c, under its lock.
#pragma once

#include "cache/cache.h"
#include "hub/hub.h"

enum { OWNER_NAMES_MAX = 250000 };

struct owner_item {
    bool has_head;
    struct oid sha;
    int64_t modified_s;
    UT_hash_handle hh;
    char name[]; // without the owner
};

struct owner_listing {
    uint32_t turn;
    struct owner_item *names; // by name
    struct owner_item **order;
    size_t n;
    size_t n_room;
    char *next; // the next page; NULL = the first, or complete
    bool is_complete;
    unsigned n_pages;
    unsigned n_barren; // pages without a new name, in a row
    int64_t begun_ms;
    int64_t begun_s; // wall clock: when its heads were true at the latest
    int64_t came_ms; // its last page
    int64_t came_s;  // wall clock
};

// NULL = no memory.
struct owner_listing *owner_listing_new(uint32_t turn);
void owner_listing_free(struct owner_listing *listing); // NULL is fine

// A name that is there already is left alone. `repo` tells the head; NULL = not known.
// ERR_TOO_LARGE: there are OWNER_NAMES_MAX.
NODISCARD enum err owner_listing_add(struct owner_listing *listing, const char *name,
                                     const struct hub_listed_repo *repo);
// Fills an empty listing with the owner's repositories that have been looked into here, and completes
// it.
NODISCARD enum err owner_listing_fill(struct owner_listing *listing,
                                      struct tree_store *tree, const char *endpoint,
                                      const char *fingerprint, enum repo_kind kind,
                                      const char *owner);
// Adds what an older listing of the same owner had; what it told of heads is as old as that.
NODISCARD enum err owner_listing_recall(struct owner_listing *listing,
                                        const struct owner_listing *before);
// NULL = not in it.
const struct owner_item *owner_listing_find(const struct owner_listing *listing,
                                            const char *name);

// Whether a reader who begins now wants a newer one: a complete listing is good for a second a page,
// one that nobody has read to its end for a minute.
bool owner_listing_is_old(const struct owner_listing *listing, int64_t now_ms);
