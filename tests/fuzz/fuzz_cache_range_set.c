// SPDX-License-Identifier: Apache-2.0
// What decodes encodes to the same bytes again, and is a set: sorted, apart, not empty.

#include "cache/range_set.h"
#include "tests/fuzz/fuzz_target.h"

static void check_order(const struct range_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        fuzz_require(set->ranges[i].start < set->ranges[i].end);
        fuzz_require(i == 0 || set->ranges[i - 1].end < set->ranges[i].start);
    }
}

static void check_encoding(const struct range_set *set, const uint8_t *bytes, size_t len)
{
    AUTO(buffer) struct buffer again = buffer_init(RANGE_SET_BYTES_MAX);
    fuzz_require(range_set_encode(set, &again) == ERR_NONE);
    fuzz_require(again.len == len && memcmp(again.bytes, bytes, len) == 0);
}

// Takes the set apart range by range, and back.
static void check_changes(const struct range_set *set)
{
    AUTO(range_set) struct range_set rest = range_set_init();
    AUTO(range_set) struct range_set other = range_set_init();
    fuzz_require(range_set_copy(set, &rest) == ERR_NONE);
    for (size_t i = 0; i < set->n; i += 2) {
        struct byte_range range = set->ranges[i];
        fuzz_require(range_set_remove(&rest, range.start, range.end) == ERR_NONE);
        fuzz_require(range_set_add(&other, range.start, range.end) == ERR_NONE);
        fuzz_require(!range_set_contains(&rest, range.start, range.end));
        fuzz_require(range_set_contains(&other, range.start, range.end));
    }
    fuzz_require(range_set_sum(&rest) + range_set_sum(&other) == range_set_sum(set));
    for (size_t i = 0; i < other.n; i++) {
        struct byte_range range = other.ranges[i];
        fuzz_require(range_set_add(&rest, range.start, range.end) == ERR_NONE);
    }
    fuzz_require(range_set_equal(&rest, set));
    uint64_t middle = set->n ? set->ranges[set->n / 2].start + 1 : 0;
    range_set_clip(&rest, middle);
    check_order(&rest);
    fuzz_require(rest.n == 0 || rest.ranges[rest.n - 1].end <= middle);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO(range_set) struct range_set set = range_set_init();
    enum err err = range_set_decode(bytes, len, &set);
    fuzz_require(err == ERR_NONE || err == ERR_MALFORMED);
    if (err) {
        fuzz_require(set.ranges == NULL && set.n == 0);
        return 0;
    }
    check_order(&set);
    check_encoding(&set, bytes, len);
    if (set.n < 1000) {
        check_changes(&set);
    }
    return 0;
}
