// SPDX-License-Identifier: Apache-2.0
// A sorted array of chunk ranges, neighbours merged: a pinned model of 100 GB is about 1,600
// ranges, one per xorb. It is a copy of what index.db says (pin and piece), read again when
// that changes.
//
// Lock: `lock`, a leaf.
#include "cache/pin_set.h"

struct pin_range {
    struct object_id object;
    uint32_t first;
    uint32_t end;
};

struct pin_set {
    struct lock lock;
    struct pin_range *ranges GUARDED_BY(lock); // by object, then first; disjoint
    size_t ranges_n GUARDED_BY(lock);
    size_t ranges_capacity GUARDED_BY(lock);
    struct digest *contents GUARDED_BY(lock);
    size_t contents_n GUARDED_BY(lock);
};

enum err pin_set_new(struct pin_set **out)
{
    struct pin_set *set = calloc(1, sizeof(*set));
    if (!set) {
        return ERR_NO_MEMORY;
    }
    lock_init(&set->lock);
    *out = set;
    return ERR_NONE;
}

void pin_set_clear(struct pin_set *set)
{
    lock_acquire(&set->lock);
    free(set->ranges);
    free(set->contents);
    set->ranges = NULL;
    set->contents = NULL;
    set->ranges_n = 0;
    set->ranges_capacity = 0;
    set->contents_n = 0;
    lock_release(&set->lock);
}

void pin_set_free(struct pin_set *set)
{
    if (set) {
        pin_set_clear(set);
        lock_destroy(&set->lock);
        free(set);
    }
}

static bool has_content(struct pin_set *set, const struct digest *content)
    REQUIRES(set->lock)
{
    for (size_t i = 0; i < set->contents_n; i++) {
        if (digest_equal(&set->contents[i], content)) {
            return true;
        }
    }
    return false;
}

bool pin_set_has_content(struct pin_set *set, const struct digest *content)
{
    lock_acquire(&set->lock);
    bool has = has_content(set, content);
    lock_release(&set->lock);
    return has;
}

static int compare(const struct pin_range *range, const struct object_id *object,
                   uint32_t chunk)
{
    if (range->object.kind != object->kind) {
        return range->object.kind < object->kind ? -1 : 1;
    }
    int order =
        memcmp(range->object.hash.bytes, object->hash.bytes, sizeof(object->hash.bytes));
    if (order != 0) {
        return order;
    }
    return range->end < chunk ? -1 : 0; // a range that ends at the chunk touches it
}

// The first range of the object that ends at or after the chunk, or where it would go.
static size_t lower_bound(struct pin_set *set, const struct object_id *object,
                          uint32_t chunk) REQUIRES(set->lock)
{
    size_t low = 0;
    size_t high = set->ranges_n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&set->ranges[middle], object, chunk) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_object(const struct pin_range *range, const struct object_id *object)
{
    return range->object.kind == object->kind &&
           digest_equal(&range->object.hash, &object->hash);
}

bool pin_set_covers(struct pin_set *set, const struct object_id *object, uint32_t first,
                    uint32_t n)
{
    bool covers = false;
    lock_acquire(&set->lock);
    if (set->contents_n > 0) {
        covers = object->kind == OBJECT_BLOB && has_content(set, &object->hash);
        for (size_t i = lower_bound(set, object, first);
             !covers && i < set->ranges_n && is_object(&set->ranges[i], object); i++) {
            if (set->ranges[i].first >= first + n) {
                break;
            }
            covers = set->ranges[i].end > first;
        }
    }
    lock_release(&set->lock);
    return covers;
}

enum err pin_set_add_content(struct pin_set *set, const struct digest *content)
{
    enum err err = ERR_NONE;
    lock_acquire(&set->lock);
    if (!has_content(set, content)) {
        struct digest *grown =
            reallocarray(set->contents, set->contents_n + 1, sizeof(*grown));
        if (grown) {
            set->contents = grown;
            set->contents[set->contents_n++] = *content;
        } else {
            err = ERR_NO_MEMORY;
        }
    }
    lock_release(&set->lock);
    return err;
}

static enum err add_range(struct pin_set *set, struct pin_range range) REQUIRES(set->lock)
{
    size_t at = lower_bound(set, &range.object, range.first);
    size_t to = at;
    while (to < set->ranges_n && is_object(&set->ranges[to], &range.object) &&
           set->ranges[to].first <= range.end) {
        range.first =
            set->ranges[to].first < range.first ? set->ranges[to].first : range.first;
        range.end = set->ranges[to].end > range.end ? set->ranges[to].end : range.end;
        to++;
    }
    if (set->ranges_n + 1 > set->ranges_capacity) {
        size_t capacity = set->ranges_capacity ? set->ranges_capacity * 2 : 64;
        struct pin_range *grown = reallocarray(set->ranges, capacity, sizeof(*grown));
        if (!grown) {
            return ERR_NO_MEMORY;
        }
        set->ranges = grown;
        set->ranges_capacity = capacity;
    }
    memmove(&set->ranges[at + 1], &set->ranges[to], (set->ranges_n - to) * sizeof(range));
    set->ranges[at] = range;
    set->ranges_n = set->ranges_n - (to - at) + 1;
    return ERR_NONE;
}

enum err pin_set_add_range(struct pin_set *set, const struct object_id *object,
                           uint32_t first, uint32_t n)
{
    lock_acquire(&set->lock);
    enum err err = add_range(set, (struct pin_range){*object, first, first + n});
    lock_release(&set->lock);
    return err;
}

void pin_set_swap(struct pin_set *set, struct pin_set *from)
{
    // `from` belongs to the caller alone, but the annotations want its lock too.
    lock_acquire(&from->lock);
    struct pin_range *ranges = from->ranges;
    struct digest *contents = from->contents;
    size_t ranges_n = from->ranges_n;
    size_t ranges_capacity = from->ranges_capacity;
    size_t contents_n = from->contents_n;
    from->ranges = NULL;
    from->contents = NULL;
    from->ranges_n = from->ranges_capacity = from->contents_n = 0;
    lock_release(&from->lock);
    pin_set_clear(set);
    lock_acquire(&set->lock);
    set->ranges = ranges;
    set->contents = contents;
    set->ranges_n = ranges_n;
    set->ranges_capacity = ranges_capacity;
    set->contents_n = contents_n;
    lock_release(&set->lock);
}
