// SPDX-License-Identifier: Apache-2.0
// A set of byte ranges of a file: which bytes were written. Ranges are sorted, do not overlap
// and do not touch. Part of cache.h.
#pragma once

#include "base/base.h"

struct byte_range {
    uint64_t start;
    uint64_t end; // one past the last byte, > start
};

// Ranges a set may hold, and bytes its encoding may have.
enum { RANGE_SET_MAX = 1000000, RANGE_SET_BYTES_MAX = 20 * RANGE_SET_MAX + 12 };

struct range_set {
    struct byte_range *ranges; // NULL until something was added
    size_t n;
    size_t capacity;
};

// {0} is an empty set too.
static inline struct range_set range_set_init(void)
{
    return (struct range_set){0};
}
void range_set_release(struct range_set *set); // empty and usable again

// [start, end) of the set changes; nothing for end <= start. On error (ERR_NO_MEMORY,
// ERR_TOO_LARGE past RANGE_SET_MAX ranges) the set is as it was.
NODISCARD enum err range_set_add(struct range_set *set, uint64_t start, uint64_t end);
NODISCARD enum err range_set_remove(struct range_set *set, uint64_t start, uint64_t end);
// Forgets what lies at `size` and beyond: the file was truncated. Cannot fail.
void range_set_clip(struct range_set *set, uint64_t size);
NODISCARD enum err range_set_copy(const struct range_set *set, struct range_set *out);

// Whether all of [start, end) is in the set; true for an empty range.
bool range_set_contains(const struct range_set *set, uint64_t start, uint64_t end);
// What begins at `offset`: whether that byte is in the set, and where that changes
// (UINT64_MAX: never).
bool range_set_next(const struct range_set *set, uint64_t offset, uint64_t *out_end);
// How many bytes are in the set.
uint64_t range_set_sum(const struct range_set *set);
bool range_set_equal(const struct range_set *a, const struct range_set *b);

// Appends the encoding: varints of the number of ranges, then of each one's gap to the range
// before and its length. `to` wants a maximum of RANGE_SET_BYTES_MAX.
NODISCARD enum err range_set_encode(const struct range_set *set, struct buffer *to);
// ERR_MALFORMED for bytes that range_set_encode() does not write. *out must be empty.
NODISCARD enum err range_set_decode(const void *bytes, size_t len, struct range_set *out);
