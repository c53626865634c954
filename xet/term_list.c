// SPDX-License-Identifier: Apache-2.0
#include "xet/term_list.h"

#include "xet/xorb_builder.h"

enum { GROW_BY = 16, MEAN_MIN = 4, MEAN_RECOVERED = 8 };

void term_list_init(struct term_list *list)
{
    *list = (struct term_list){0};
    hash_tree_init(&list->tree);
}

void term_list_release(struct term_list *list)
{
    free(list->terms);
    free(list->hashes);
    *list = (struct term_list){0};
}

static void close_last(struct term_list *list)
{
    if (list->n > 0) {
        xet_hash_range(list->hashes, list->n_hashes,
                       &list->terms[list->n - 1].range_hash);
    }
    list->n_hashes = 0;
}

static enum err begin_term(struct term_list *list, struct chunk_place place)
{
    if (list->n == list->term_places) {
        size_t places = list->n + list->n / 2 + GROW_BY;
        struct term *terms = realloc(list->terms, places * sizeof(*terms));
        if (!terms) {
            return ERR_NO_MEMORY;
        }
        list->terms = terms;
        list->term_places = places;
    }
    close_last(list);
    uint32_t *watched = &list->watched[list->n % RANGES_WATCHED];
    list->watched_chunks -= *watched;
    *watched = 0;
    list->terms[list->n++] =
        (struct term){.xorb = place.xorb, .first = place.chunk, .end = place.chunk};
    return ERR_NONE;
}

static enum err keep_hash(struct term_list *list, const struct digest *hash)
{
    if (list->n_hashes == list->hash_places) {
        size_t places = 2 * list->hash_places + GROW_BY;
        struct digest *hashes = realloc(list->hashes, places * sizeof(*hashes));
        if (!hashes) {
            return ERR_NO_MEMORY;
        }
        list->hashes = hashes;
        list->hash_places = places;
    }
    list->hashes[list->n_hashes++] = *hash;
    return ERR_NONE;
}

bool term_list_next(const struct term_list *list, struct chunk_place *out)
{
    if (list->n == 0) {
        return false;
    }
    const struct term *last = &list->terms[list->n - 1];
    *out = (struct chunk_place){last->xorb, last->end};
    return true;
}

enum err term_list_add(struct term_list *list, struct chunk_place place,
                       const struct digest *hash, uint32_t len)
{
    struct chunk_place next;
    bool goes_on = term_list_next(list, &next) && next.xorb == place.xorb &&
                   next.chunk == place.chunk;
    enum err err = goes_on ? ERR_NONE : begin_term(list, place);
    if (!err) {
        err = keep_hash(list, hash);
    }
    if (err) {
        return err;
    }
    struct term *last = &list->terms[list->n - 1];
    last->end++;
    last->bytes += len;
    list->watched[(list->n - 1) % RANGES_WATCHED]++;
    list->watched_chunks++;
    hash_tree_add(&list->tree, hash, len);
    return ERR_NONE;
}

bool term_list_refuses(struct term_list *list, uint32_t run)
{
    if (list->n < RANGES_WATCHED) {
        return false;
    }
    uint64_t wanted = list->is_refusing ? MEAN_RECOVERED : MEAN_MIN;
    list->is_refusing = list->watched_chunks < wanted * RANGES_WATCHED;
    return list->is_refusing && (uint64_t)run * RANGES_WATCHED < list->watched_chunks;
}

void term_list_finish(struct term_list *list, struct digest *out_hash)
{
    close_last(list);
    hash_tree_file(&list->tree, out_hash);
    free(list->hashes);
    list->hashes = NULL;
    list->hash_places = 0;
}
