// SPDX-License-Identifier: Apache-2.0
// A sorted array. Writers mostly append, which costs nothing; a write in the middle moves what
// lies behind it, 100 us at 100,000 ranges.
//
// Invariant: start < end, and each range starts after the end of the one before: ranges that
// touch are one.
#include "cache/range_set.h"

enum { CAPACITY_FIRST = 4, VARINT_BYTES_MAX = 10 };

void range_set_release(struct range_set *set)
{
    free(set->ranges);
    *set = range_set_init();
}

static enum err reserve_one(struct range_set *set)
{
    if (set->n < set->capacity) {
        return ERR_NONE;
    }
    if (set->n >= RANGE_SET_MAX) {
        return ERR_TOO_LARGE;
    }
    size_t capacity = set->capacity ? set->capacity * 2 : CAPACITY_FIRST;
    capacity = capacity > RANGE_SET_MAX ? RANGE_SET_MAX : capacity;
    struct byte_range *ranges = realloc(set->ranges, capacity * sizeof(*ranges));
    if (!ranges) {
        return ERR_NO_MEMORY;
    }
    set->ranges = ranges;
    set->capacity = capacity;
    return ERR_NONE;
}

// The first range that ends at `offset` or later.
static size_t find(const struct range_set *set, uint64_t offset)
{
    size_t low = 0;
    size_t high = set->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].end < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// The first range that has a byte at `offset` or later.
static size_t find_after(const struct range_set *set, uint64_t offset)
{
    size_t i = find(set, offset);
    return i < set->n && set->ranges[i].end == offset ? i + 1 : i;
}

// Puts `n` ranges (0..2) in the place of [from, to). There is room.
static void splice(struct range_set *set, size_t from, size_t to,
                   const struct byte_range *with, size_t n)
{
    size_t tail = set->n - to;
    if (tail > 0 && from + n != to) {
        memmove(&set->ranges[from + n], &set->ranges[to], tail * sizeof(*with));
    }
    for (size_t i = 0; i < n; i++) {
        set->ranges[from + i] = with[i];
    }
    set->n = from + n + tail;
}

enum err range_set_add(struct range_set *set, uint64_t start, uint64_t end)
{
    if (end <= start) {
        return ERR_NONE;
    }
    size_t from = find(set, start);
    size_t to = from;
    struct byte_range range = {start, end};
    for (; to < set->n && set->ranges[to].start <= end; to++) {
        const struct byte_range *met = &set->ranges[to];
        range.start = met->start < range.start ? met->start : range.start;
        range.end = met->end > range.end ? met->end : range.end;
    }
    enum err err = from == to ? reserve_one(set) : ERR_NONE;
    if (!err) {
        splice(set, from, to, &range, 1);
    }
    return err;
}

enum err range_set_remove(struct range_set *set, uint64_t start, uint64_t end)
{
    size_t from = find_after(set, start);
    if (end <= start || from == set->n || set->ranges[from].start >= end) {
        return ERR_NONE;
    }
    size_t to = from;
    while (to < set->n && set->ranges[to].start < end) {
        to++;
    }
    struct byte_range rest[2];
    size_t n = 0;
    if (set->ranges[from].start < start) {
        rest[n++] = (struct byte_range){set->ranges[from].start, start};
    }
    if (set->ranges[to - 1].end > end) {
        rest[n++] = (struct byte_range){end, set->ranges[to - 1].end};
    }
    enum err err = n > to - from ? reserve_one(set) : ERR_NONE;
    if (!err) {
        splice(set, from, to, rest, n);
    }
    return err;
}

void range_set_clip(struct range_set *set, uint64_t size)
{
    while (set->n > 0 && set->ranges[set->n - 1].start >= size) {
        set->n--;
    }
    if (set->n > 0 && set->ranges[set->n - 1].end > size) {
        set->ranges[set->n - 1].end = size;
    }
}

enum err range_set_copy(const struct range_set *set, struct range_set *out)
{
    struct range_set copy = range_set_init();
    if (set->n > 0) {
        copy.ranges = malloc(set->n * sizeof(*copy.ranges));
        if (!copy.ranges) {
            return ERR_NO_MEMORY;
        }
        memcpy(copy.ranges, set->ranges, set->n * sizeof(*copy.ranges));
        copy.n = set->n;
        copy.capacity = set->n;
    }
    *out = copy;
    return ERR_NONE;
}

bool range_set_contains(const struct range_set *set, uint64_t start, uint64_t end)
{
    if (end <= start) {
        return true;
    }
    size_t i = find_after(set, start);
    return i < set->n && set->ranges[i].start <= start && set->ranges[i].end >= end;
}

bool range_set_next(const struct range_set *set, uint64_t offset, uint64_t *out_end)
{
    size_t i = find_after(set, offset);
    bool inside = i < set->n && set->ranges[i].start <= offset;
    *out_end = i == set->n ? UINT64_MAX
               : inside    ? set->ranges[i].end
                           : set->ranges[i].start;
    return inside;
}

uint64_t range_set_sum(const struct range_set *set)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < set->n; i++) {
        sum += set->ranges[i].end - set->ranges[i].start;
    }
    return sum;
}

bool range_set_equal(const struct range_set *a, const struct range_set *b)
{
    return a->n == b->n &&
           (a->n == 0 || memcmp(a->ranges, b->ranges, a->n * sizeof(*a->ranges)) == 0);
}

static size_t write_varint(uint8_t *to, uint64_t value)
{
    size_t n = 0;
    for (; value > 0x7f; value >>= 7) {
        to[n++] = (uint8_t)(value | 0x80);
    }
    to[n++] = (uint8_t)value;
    return n;
}

// One spelling for each number: no zero byte at the end, nothing above 64 bits.
static enum err take_varint(struct cursor *cursor, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        uint8_t byte = 0;
        enum err err = cursor_take_u8(cursor, &byte);
        if (err) {
            return err;
        }
        if ((i > 0 && byte == 0) || (i == VARINT_BYTES_MAX - 1 && byte > 1)) {
            return ERR_MALFORMED;
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out = value;
            return ERR_NONE;
        }
    }
    return ERR_MALFORMED;
}

enum err range_set_encode(const struct range_set *set, struct buffer *to)
{
    uint8_t bytes[2 * VARINT_BYTES_MAX];
    enum err err = buffer_append(to, bytes, write_varint(bytes, set->n));
    uint64_t at = 0;
    for (size_t i = 0; i < set->n && !err; i++) {
        const struct byte_range *range = &set->ranges[i];
        size_t len = write_varint(bytes, range->start - at);
        len += write_varint(bytes + len, range->end - range->start);
        err = buffer_append(to, bytes, len);
        at = range->end;
    }
    return err;
}

static enum err take_range(struct cursor *cursor, bool first, uint64_t *at,
                           struct byte_range *out)
{
    uint64_t gap = 0;
    uint64_t length = 0;
    enum err err = take_varint(cursor, &gap);
    err = err ? err : take_varint(cursor, &length);
    if (err) {
        return err;
    }
    if ((gap == 0 && !first) || length == 0 || !checked_add(*at, gap, &out->start) ||
        !checked_add(out->start, length, &out->end)) {
        return ERR_MALFORMED;
    }
    *at = out->end;
    return ERR_NONE;
}

enum err range_set_decode(const void *bytes, size_t len, struct range_set *out)
{
    struct cursor cursor = cursor_init(bytes, len);
    uint64_t n = 0;
    enum err err = take_varint(&cursor, &n);
    // A range takes two bytes at least, so the bytes that are there bound the memory.
    if (err || n > RANGE_SET_MAX || n > cursor_left(&cursor) / 2) {
        return ERR_MALFORMED;
    }
    AUTO(range_set) struct range_set set = range_set_init();
    if (n > 0) {
        set.ranges = malloc((size_t)n * sizeof(*set.ranges));
        if (!set.ranges) {
            return ERR_NO_MEMORY;
        }
        set.capacity = (size_t)n;
    }
    uint64_t at = 0;
    for (; set.n < n; set.n++) {
        err = take_range(&cursor, set.n == 0, &at, &set.ranges[set.n]);
        if (err) {
            return err;
        }
    }
    if (cursor_left(&cursor) > 0) {
        return ERR_MALFORMED;
    }
    *out = set;
    set = range_set_init();
    return ERR_NONE;
}
