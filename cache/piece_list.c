// SPDX-License-Identifier: Apache-2.0
// Plans overlap all the time: a first answer says "bytes 0-64M are chunks 0-900 of this
// xorb", a later, finer one what lies in the middle of that. Rows stay disjoint: the new
// piece takes its range, and what is left of the old one keeps the chunks left and right of
// it. That arithmetic is exact because pieces of one object meet at chunk borders.
#include "cache/piece_list.h"

void piece_list_release(struct piece_list *list)
{
    free(list->pieces);
    *list = (struct piece_list){0};
}

bool piece_overlaps(const struct piece *piece, uint64_t offset, uint64_t end)
{
    return piece->offset < end && piece->offset + piece->length > offset;
}

bool piece_is_legal(const struct piece *piece)
{
    uint64_t end = 0;
    return piece->length > 0 && piece->n > 0 && piece->first < CHUNK_NUMBER_LIMIT &&
           piece->n <= CHUNK_NUMBER_LIMIT - piece->first &&
           (piece->object.kind == OBJECT_XORB || piece->object.kind == OBJECT_BLOB) &&
           checked_add(piece->offset, piece->length, &end) && end <= INT64_MAX;
}

void piece_trim(const struct piece *old, const struct piece *new, struct piece *out_left,
                bool *out_has_left, struct piece *out_right, bool *out_has_right)
{
    uint64_t old_end = old->offset + old->length;
    uint64_t new_end = new->offset + new->length;
    uint32_t old_last = old->first + old->n;
    uint32_t new_last = new->first + new->n;
    bool same = old->object.kind ==
                new->object.kind &&digest_equal(&old->object.hash, &new->object.hash);
    *out_has_left = same && old->offset<new->offset &&new->first> old->first &&
                    new->first <= old_last;
    *out_has_right =
        same && old_end > new_end && new_last < old_last && new_last >= old->first;
    if (*out_has_left) {
        *out_left = *old;
        out_left->length = new->offset - old->offset;
        out_left->n = new->first - old->first;
    }
    if (*out_has_right) {
        *out_right = *old;
        out_right->offset = new_end;
        out_right->length = old_end - new_end;
        out_right->first = new_last;
        out_right->n = old_last - new_last;
    }
}

static enum err make_room(struct piece_list *list, size_t extra)
{
    if (list->capacity - list->n >= extra) {
        return ERR_NONE;
    }
    size_t capacity = (list->n + extra) * 2;
    struct piece *grown = reallocarray(list->pieces, capacity, sizeof(*grown));
    if (!grown) {
        return ERR_NO_MEMORY;
    }
    list->pieces = grown;
    list->capacity = capacity;
    return ERR_NONE;
}

// The first piece that ends after `offset`.
static size_t lower_bound(const struct piece_list *list, uint64_t offset)
{
    size_t low = 0;
    size_t high = list->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->pieces[middle].offset + list->pieces[middle].length <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

enum err piece_list_replace(struct piece_list *list, const struct piece *new)
{
    enum err err = make_room(list, 2); // at most a remainder more, and the piece itself
    if (err) {
        return err;
    }
    uint64_t end = new->offset + new->length;
    size_t from = lower_bound(list, new->offset);
    size_t to = from;
    struct piece put[3];
    struct piece right;
    bool has_right = false;
    size_t put_n = 0;
    while (to < list->n && list->pieces[to].offset < end) {
        bool has_left = false;
        struct piece left;
        piece_trim(&list->pieces[to], new, &left, &has_left, &right, &has_right);
        if (has_left) {
            put[put_n++] = left; // only the first one can reach out to the left
        }
        to++;
    }
    put[put_n++] = *new;
    if (has_right) {
        put[put_n++] = right; // only the last one can reach out to the right
    }
    if (list->n > to) {
        memmove(&list->pieces[from + put_n], &list->pieces[to],
                (list->n - to) * sizeof(*list->pieces));
    }
    memcpy(&list->pieces[from], put, put_n * sizeof(*put));
    list->n = list->n - (to - from) + put_n;
    return ERR_NONE;
}
