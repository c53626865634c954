// SPDX-License-Identifier: Apache-2.0
// Two tables over the same entries: by tag, and by (parent, name, root). Only roots are counted:
// the kernel keeps a folder as long as it remembers anything below it.
#include "fs/places.h"

#include "fs/ino.h"

enum { TAG_BITS = 18 }; // with the bits of a stored node below, 62: DESIGN "Inodes"

struct entry {
    uint64_t tag;
    uint64_t n_lookups;
    struct place place;
    bool is_renewed; // no longer in by_name
    UT_hash_handle by_tag;
    UT_hash_handle by_name;
    size_t key_len;
    char key[]; // parent, root, name
};

struct places {
    struct lock lock;
    struct entry *tags GUARDED_BY(lock);
    struct entry *names GUARDED_BY(lock);
    uint64_t last_tag GUARDED_BY(lock);
};

enum err places_new(struct places **out)
{
    struct places *places = calloc(1, sizeof(*places));
    if (places == NULL) {
        return ERR_NO_MEMORY;
    }
    lock_init(&places->lock);
    *out = places;
    return ERR_NONE;
}

void places_free(struct places *places)
{
    if (places == NULL) {
        return;
    }
    struct entry *entry;
    struct entry *next;
    lock_acquire(&places->lock); // nobody else has it: this is for the annotations
    HASH_CLEAR(by_name, places->names);
    HASH_ITER (by_tag, places->tags, entry, next) {
        HASH_DELETE(by_tag, places->tags, entry);
        free(entry);
    }
    lock_release(&places->lock);
    lock_destroy(&places->lock);
    free(places);
}

// A tag that is free, never 0; 0 when there is none.
static uint64_t free_tag(struct places *places) REQUIRES(places->lock)
{
    const uint64_t n_tags = UINT64_C(1) << TAG_BITS;
    if (HASH_CNT(by_tag, places->tags) >= n_tags - 1) {
        return 0;
    }
    struct entry *taken = NULL;
    do {
        places->last_tag = (places->last_tag + 1) % n_tags;
        HASH_FIND(by_tag, places->tags, &places->last_tag, sizeof(places->last_tag),
                  taken);
    } while (places->last_tag == 0 || taken != NULL);
    return places->last_tag;
}

static struct entry *make(struct places *places, const char *key, size_t key_len,
                          const struct place *place) REQUIRES(places->lock)
{
    uint64_t tag = free_tag(places);
    struct entry *entry = tag != 0 ? calloc(1, sizeof(*entry) + key_len) : NULL;
    if (entry == NULL) {
        return NULL;
    }
    entry->tag = tag;
    entry->place = *place;
    entry->key_len = key_len;
    memcpy(entry->key, key, key_len);
    HASH_ADD(by_tag, places->tags, tag, sizeof(entry->tag), entry);
    HASH_ADD(by_name, places->names, key[0], key_len, entry);
    return entry;
}

enum err places_enter(struct places *places, uint64_t parent, const char *name,
                      size_t len, const struct place *place, uint64_t *out_ino)
{
    char key[2 * sizeof(uint64_t) + NAME_BYTES_MAX];
    if (len > NAME_BYTES_MAX) {
        return ERR_NAME_TOO_LONG;
    }
    memcpy(key, &parent, sizeof(parent));
    memcpy(key + sizeof(parent), &place->root, sizeof(place->root));
    memcpy(key + 2 * sizeof(uint64_t), name, len);
    size_t key_len = 2 * sizeof(uint64_t) + len;
    struct entry *entry = NULL;
    lock_acquire(&places->lock);
    HASH_FIND(by_name, places->names, key, key_len, entry);
    if (entry == NULL) {
        entry = make(places, key, key_len, place);
    }
    if (entry != NULL) {
        entry->n_lookups++;
        *out_ino = ino_tagged(entry->tag, place->root);
    }
    lock_release(&places->lock);
    return entry != NULL ? ERR_NONE : ERR_NO_MEMORY;
}

static struct entry *find_tag(struct places *places, uint64_t ino) REQUIRES(places->lock)
{
    uint64_t tag = ino_tag(ino);
    struct entry *entry = NULL;
    HASH_FIND(by_tag, places->tags, &tag, sizeof(tag), entry);
    return entry;
}

void places_forget(struct places *places, uint64_t ino, uint64_t n)
{
    if (ino_tag(ino) == 0) {
        return;
    }
    lock_acquire(&places->lock);
    struct entry *entry = find_tag(places, ino);
    if (entry != NULL && entry->place.root == ino_node(ino)) {
        entry->n_lookups -= n < entry->n_lookups ? n : entry->n_lookups;
        if (entry->n_lookups == 0) {
            HASH_DELETE(by_tag, places->tags, entry);
            if (!entry->is_renewed) {
                HASH_DELETE(by_name, places->names, entry);
            }
            free(entry);
        }
    }
    lock_release(&places->lock);
}

bool places_get(struct places *places, uint64_t ino, struct place *out)
{
    lock_acquire(&places->lock);
    const struct entry *entry = find_tag(places, ino);
    if (entry != NULL) {
        *out = entry->place;
    }
    lock_release(&places->lock);
    return entry != NULL;
}

void places_renew(struct places *places, uint64_t root)
{
    struct entry *entry;
    struct entry *next;
    lock_acquire(&places->lock);
    HASH_ITER (by_name, places->names, entry, next) {
        if (entry->place.root == root) {
            HASH_DELETE(by_name, places->names, entry);
            entry->is_renewed = true;
        }
    }
    lock_release(&places->lock);
}
