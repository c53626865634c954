// SPDX-License-Identifier: Apache-2.0
// What the tests of runs in memory share: data that is on the disk alone, and a look at the slots.
#pragma once

#include "store_fixture.h"

#include "cache/store_state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

// The segment is on the disk and not in the page cache; false where the file system has no disk.
static inline bool leave_page_cache(const char *dir)
{
    uint8_t byte = 0;
    struct iovec part = {&byte, 1};
    int fd = open(newest_segment_path(dir), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    bool has_left =
        preadv2(fd, &part, 1, SEGMENT_HEADER_BYTES, RWF_NOWAIT) == -1 && errno == EAGAIN;
    close(fd);
    return has_left;
}

// Whether the run of a chunk that is here is in a slot.
static inline bool is_in_memory(struct chunk_store *store, uint64_t number,
                                uint32_t chunk)
{
    struct object_id object = object_number(number);
    struct run_place place;
    struct run_slot *slot;
    assert_int_equal(store_locate(store, &object, chunk, &place), ERR_NONE);
    volatile_run_unref(place.memory);
    bool is = run_ahead_lend(store->ahead, place.segment, place.offset, &slot) != NULL;
    if (is) {
        run_ahead_return(store->ahead, slot, 0);
    }
    return is;
}
