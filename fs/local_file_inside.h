// SPDX-License-Identifier: Apache-2.0
// Inside a local file, for local_file.c (what is written), local_file_layer.c (where to),
// local_file_generations.c (what becomes of it) and local_file_read.c (what is read).
#pragma once

#include "fs/local_file.h"
#include "fs/local_scan.h"

#include <stdatomic.h>

// What the Hub takes at most (Hub documentation, "Storage limits").
#define LOCAL_FILE_BYTES_MAX (UINT64_C(500) * 1000 * 1000 * 1000)

struct layer {
    uint32_t number; // of its staging file; 0 = there is no such layer
    int fd;
    bool is_in_memory;    // the staging file is
    uint64_t below_valid; // bytes of what lies below that can still be seen
    struct range_set ranges;
    bool is_sealed; // was once; the next three are those of the last time
    uint64_t generation;
    uint64_t size;
    int64_t mtime_ns;
    struct local_scan *scan; // of its staging file; NULL = none
    bool has_no_scan;        // and gets none
};

struct local_file {
    struct local_file_parts parts;
    uint64_t id;
    atomic_uint references;
    struct lock lock;
    struct local_scanner *scanner GUARDED_BY(lock); // NULL = nothing is scanned
    bool has_base GUARDED_BY(lock);
    struct file_version base GUARDED_BY(lock);
    struct content *content GUARDED_BY(lock); // of the base; NULL = not made yet
    struct layer top GUARDED_BY(lock);
    struct layer flight GUARDED_BY(lock);
    uint32_t last_number GUARDED_BY(lock);
    uint64_t generation GUARDED_BY(lock); // counts up with each change after a seal
    uint64_t size GUARDED_BY(lock);
    int64_t mtime_ns GUARDED_BY(lock);
    bool is_dirty GUARDED_BY(lock); // changed since the last seal
};

static inline bool has_layer(const struct layer *layer)
{
    return layer->number != 0;
}

// False for a layer that a write has made and then failed: it says nothing.
static inline bool is_sealed(const struct layer *layer)
{
    return has_layer(layer) && layer->is_sealed;
}

struct layer local_file_no_layer(void);
void local_file_release_layer(struct local_file *file, struct layer *layer);
void local_file_end_scan(struct layer *layer);
// Makes a top that may be written if there is none.
NODISCARD enum err local_file_ensure_top(struct local_file *file, struct why *why)
    REQUIRES(file->lock);
// Before `layer` gets bytes up to `end` and so many ranges more: what won't travel in its row goes
// to the disk. After an error it is as before.
NODISCARD enum err local_file_make_room(struct local_file *file, struct layer *layer,
                                        uint64_t end, size_t n_ranges, struct why *why)
    REQUIRES(file->lock);
