// SPDX-License-Identifier: Apache-2.0
// The segment files this process reads: open descriptors, and which parts were touched.
#pragma once

#include "cache/segment_record.h"

struct segment_table;

// One segment file, open for reading as long as it is referenced.
struct segment_file {
    uint64_t id;
    int fd;                 // valid while referenced
    struct store_uuid uuid; // from its header; valid while referenced
    // The table's own:
    struct segment_file *next;
    unsigned refs;
    uint64_t last_use;
    bool gone;              // its row was deleted: freed with the last reference
    int64_t quiet_until_ms; // touches before this belong to the reader that filled it
    _Atomic uint64_t
        *touched; // one bit per TOUCH_GRAIN bytes; NULL until the first touch
};

NODISCARD enum err segment_table_new(const char *dir, struct segment_table **out);
void segment_table_free(struct segment_table *table);

// The name of a segment file, "DIR/segments/%016x". `out` has `size` bytes.
void segment_path(const char *dir, uint64_t id, char *out, size_t size);

// Opens a segment file (`access`: O_RDONLY or O_RDWR) and reads its header; the descriptor is the
// caller's. ERR_ABSENT when there is none, ERR_DAMAGED when it can't be opened or is another one's: what
// it had is given up then, and fetched again. Else (too many open files, no memory) nothing is said of it.
NODISCARD enum err segment_open(const char *dir, uint64_t id, int access, int *out_fd,
                                struct store_uuid *out_uuid);

// Opens the segment or finds it open. ERR_ABSENT when there is no such file (evicted, or
// somebody deleted it), ERR_DAMAGED when its header is not that of this segment.
NODISCARD enum err segment_table_ref(struct segment_table *table, uint64_t id,
                                     struct segment_file **out);
void segment_table_unref(struct segment_table *table, struct segment_file *file);

// The segment was evicted: its descriptor is closed as soon as nobody reads from it, so that
// the space is freed.
void segment_table_drop(struct segment_table *table, uint64_t id);
void segment_table_drop_all(struct segment_table *table);

// The ids of the segments that have a descriptor open; at most `max`.
size_t segment_table_open_ids(struct segment_table *table, uint64_t *out, size_t max);

// Touches of this segment count only from `quiet_until_ms` on (INT64_MAX = not yet).
void segment_table_set_quiet(struct segment_table *table, uint64_t id,
                             int64_t quiet_until_ms);

// Notes a hit on [offset, offset + len).
void segment_file_touch(struct segment_table *table, struct segment_file *file,
                        uint64_t offset, uint64_t len);
// Whether a hit on any part of it was noted.
bool segment_table_is_touched(struct segment_table *table, uint64_t id, uint64_t offset,
                              uint64_t len);
