// SPDX-License-Identifier: Apache-2.0
// getrandom(2), or in tests a SplitMix64 stream. The stream's state is one atomic counter, so
// that threads of a test share it without a lock.

#include "base/random.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static atomic_bool is_replaced;
static _Atomic uint64_t stream;

static uint64_t stream_next(void)
{
    const uint64_t step = 0x9e3779b97f4a7c15U;
    uint64_t z = atomic_fetch_add(&stream, step) + step;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static void bytes_from_stream(uint8_t *out, size_t len)
{
    while (len > 0) {
        uint64_t word = stream_next();
        size_t part = len < sizeof(word) ? len : sizeof(word);
        memcpy(out, &word, part);
        out += part;
        len -= part;
    }
}

static void bytes_from_kernel(uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);
        if (got < 0) {
            if (errno != EINTR) {
                abort(); // no kernel that has FUSE lacks it; a guessable name is worse
            }
            continue;
        }
        out += got;
        len -= (size_t)got;
    }
}

void random_bytes(void *out, size_t len)
{
    if (atomic_load(&is_replaced)) {
        bytes_from_stream(out, len);
    } else {
        bytes_from_kernel(out, len);
    }
}

uint64_t random_below(uint64_t bound)
{
    if (bound == 0) {
        return 0;
    }
    // The first (2^64 mod bound) values would make small results likelier: draw again.
    uint64_t unfair = (0 - bound) % bound;
    uint64_t value = 0;
    do {
        random_bytes(&value, sizeof(value));
    } while (value < unfair);
    return value % bound;
}

void random_replace(uint64_t seed)
{
    atomic_store(&stream, seed);
    atomic_store(&is_replaced, seed != 0);
}
