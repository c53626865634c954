// SPDX-License-Identifier: Apache-2.0
// h = 2h + table[byte] forgets a byte after 64 steps, so the hash at the smallest size at
// which a chunk may end depends on the 64 bytes before alone: what lies before those is
// passed over without a look. A chunk ends where the upper 16 bits are zero. The step is a
// chain of one addition a byte; four to a turn keep the loop's own cost out of it (measured
// 2.2 to 2.6 GB/s with the skip).
#include "xet/chunker.h"

#include "cache/cache.h"
#include "xet/gear_table.h"

enum { GEAR_WINDOW = 64, GEAR_SKIP = CHUNK_BYTES_MIN - GEAR_WINDOW - 1 };

static const uint64_t END_BELOW = UINT64_C(1) << 48; // the upper 16 bits are zero

void chunker_init(struct chunker *chunker)
{
    *chunker = (struct chunker){0};
}

static inline uint64_t step(uint64_t hash, uint8_t byte)
{
    return (hash << 1) + GEAR_TABLE[byte];
}

// The number of bytes up to and with the first one at which a chunk may end; len and
// *out_is_end false when there is none.
static size_t find_end(uint64_t *hash, const uint8_t *bytes, size_t len, bool *out_is_end)
{
    uint64_t h = *hash;
    size_t i = 0;
    *out_is_end = true;
    for (; i + 4 <= len; i += 4) {
        uint64_t a = step(h, bytes[i]);
        if (a < END_BELOW) {
            return i + 1;
        }
        uint64_t b = step(a, bytes[i + 1]);
        if (b < END_BELOW) {
            return i + 2;
        }
        uint64_t c = step(b, bytes[i + 2]);
        if (c < END_BELOW) {
            return i + 3;
        }
        h = step(c, bytes[i + 3]);
        if (h < END_BELOW) {
            return i + 4;
        }
    }
    for (; i < len; i++) {
        h = step(h, bytes[i]);
        if (h < END_BELOW) {
            return i + 1;
        }
    }
    *out_is_end = false;
    *hash = h;
    return len;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// The bytes of an open chunk that come before the first one at which it may end.
static size_t take_beginning(struct chunker *chunker, const uint8_t *bytes, size_t len)
{
    size_t taken = 0;
    if (chunker->size < GEAR_SKIP) {
        taken = smaller(len, GEAR_SKIP - chunker->size);
        chunker->size += (uint32_t)taken;
    }
    while (taken < len && chunker->size < CHUNK_BYTES_MIN - 1) {
        chunker->hash = step(chunker->hash, bytes[taken++]);
        chunker->size++;
    }
    return taken;
}

size_t chunker_feed(struct chunker *chunker, const uint8_t *bytes, size_t len,
                    bool *out_is_end)
{
    *out_is_end = false;
    size_t taken = take_beginning(chunker, bytes, len);
    if (taken == len) {
        return len;
    }
    size_t room = smaller(len - taken, CHUNK_BYTES_MAX - chunker->size);
    size_t more = find_end(&chunker->hash, bytes + taken, room, out_is_end);
    chunker->size += (uint32_t)more;
    if (*out_is_end || chunker->size == CHUNK_BYTES_MAX) {
        *out_is_end = true;
        chunker_init(chunker);
    }
    return taken + more;
}
