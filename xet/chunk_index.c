// SPDX-License-Identifier: Apache-2.0
// Two open-addressed tables, the newer and the older half. A key is 16 of the 32 bytes: the
// names are cryptographic hashes, so two chunks with the same key don't happen by accident,
// and the server compares whole names before it believes a term.
#include "xet/chunk_index.h"

#include <string.h>

enum { KEY_WORDS = 2, SAME_KEY_MAX = 4, SLOTS_FIRST = 1024 };

struct slot {
    uint64_t key[KEY_WORDS]; // both zero = empty
    struct chunk_place place;
};

struct half {
    struct slot *slots;
    size_t n_slots; // a power of two, or 0
    size_t used;
};

struct chunk_index {
    size_t half_max;
    struct half newer;
    struct half older;
};

struct chunk_index *chunk_index_new(size_t max)
{
    struct chunk_index *index = calloc(1, sizeof(*index));
    if (index) {
        index->half_max = max / 2 + 1;
    }
    return index;
}

void chunk_index_clear(struct chunk_index *index)
{
    free(index->newer.slots);
    free(index->older.slots);
    index->newer = (struct half){0};
    index->older = (struct half){0};
}

void chunk_index_free(struct chunk_index *index)
{
    if (index) {
        chunk_index_clear(index);
        free(index);
    }
}

// The last word is left out: a rule of the format makes its low bits special.
static void key_of(const struct digest *chunk, uint64_t key[KEY_WORDS])
{
    key[0] = load_u64(chunk->bytes) | 1; // never empty
    key[1] = load_u64(chunk->bytes + 8);
}

static bool is_key(const struct slot *slot, const uint64_t key[KEY_WORDS])
{
    return slot->key[0] == key[0] && slot->key[1] == key[1];
}

static bool is_place(const struct chunk_place *a, const struct chunk_place *b)
{
    return a->xorb == b->xorb && a->chunk == b->chunk;
}

static void insert(struct half *half, const struct slot *slot)
{
    size_t mask = half->n_slots - 1;
    size_t at = slot->key[1] & mask;
    for (unsigned same = 0; half->slots[at].key[0] != 0; at = (at + 1) & mask) {
        if (is_key(&half->slots[at], slot->key) &&
            (++same == SAME_KEY_MAX || is_place(&half->slots[at].place, &slot->place))) {
            return;
        }
    }
    half->slots[at] = *slot;
    half->used++;
}

// Room for one more, at most two thirds full.
static bool make_room(struct half *half)
{
    if (half->used < half->n_slots / 3 * 2) {
        return true;
    }
    struct half larger = {.n_slots = half->n_slots ? 2 * half->n_slots : SLOTS_FIRST};
    larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
    if (!larger.slots) {
        return false;
    }
    for (size_t i = 0; i < half->n_slots; i++) {
        if (half->slots[i].key[0] != 0) {
            insert(&larger, &half->slots[i]);
        }
    }
    free(half->slots);
    *half = larger;
    return true;
}

void chunk_index_add(struct chunk_index *index, const struct digest *chunk,
                     struct chunk_place place)
{
    if (index->newer.used == index->half_max) {
        free(index->older.slots);
        index->older = index->newer;
        index->newer = (struct half){0};
    }
    struct slot slot = {.place = place};
    key_of(chunk, slot.key);
    if (make_room(&index->newer)) {
        insert(&index->newer, &slot);
    }
}

static bool find_in(const struct half *half, const uint64_t key[KEY_WORDS],
                    const struct chunk_place *wanted, struct chunk_place *out)
{
    bool is_found = false;
    if (half->n_slots == 0) {
        return false;
    }
    size_t mask = half->n_slots - 1;
    for (size_t at = key[1] & mask; half->slots[at].key[0] != 0; at = (at + 1) & mask) {
        const struct slot *slot = &half->slots[at];
        if (!is_key(slot, key)) {
            continue;
        }
        if (!wanted || is_place(&slot->place, wanted)) {
            *out = slot->place;
            return true;
        }
        if (!is_found) {
            *out = slot->place;
        }
        is_found = true;
    }
    return is_found;
}

bool chunk_index_find(const struct chunk_index *index, const struct digest *chunk,
                      const struct chunk_place *wanted, struct chunk_place *out)
{
    uint64_t key[KEY_WORDS];
    key_of(chunk, key);
    struct chunk_place older;
    bool is_newer = find_in(&index->newer, key, wanted, out);
    if (is_newer && (!wanted || is_place(out, wanted))) {
        return true;
    }
    if (!find_in(&index->older, key, wanted, &older)) {
        return is_newer;
    }
    if (!is_newer || (wanted && is_place(&older, wanted))) {
        *out = older;
    }
    return true;
}

// A hole would end the search for what was put behind it, so the table is made anew; without
// memory for that it is given up.
static void filter(struct half *half, bool (*keep)(void *ctx, struct chunk_place place),
                   void *ctx)
{
    struct half kept = {.n_slots = half->n_slots};
    kept.slots = half->n_slots > 0 ? calloc(half->n_slots, sizeof(*kept.slots)) : NULL;
    if (!kept.slots) {
        kept.n_slots = 0;
    }
    for (size_t i = 0; i < kept.n_slots; i++) {
        if (half->slots[i].key[0] != 0 && keep(ctx, half->slots[i].place)) {
            insert(&kept, &half->slots[i]);
        }
    }
    free(half->slots);
    *half = kept;
}

void chunk_index_filter(struct chunk_index *index,
                        bool (*keep)(void *ctx, struct chunk_place place), void *ctx)
{
    filter(&index->newer, keep, ctx);
    filter(&index->older, keep, ctx);
}
