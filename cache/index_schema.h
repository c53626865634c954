// SPDX-License-Identifier: Apache-2.0
// index.db: its tables, and how a connection that writes gets one.
#pragma once

#include "cache/segment_record.h"
#include "cache/sqlite_db.h"

enum { INDEX_SCHEMA_VERSION = 1 };

enum segment_class {
    SEGMENT_OPEN,        // being filled; its owner holds flock on the file
    SEGMENT_SEALED,      // may be evicted, oldest first
    SEGMENT_PINNED,      // eviction leaves it alone
    SEGMENT_OPEN_PINNED, // being filled with pinned runs
};

// Opens index.db for writing and makes its tables when it has none. Call under the store's
// lock. ERR_NEWER_SCHEMA, ERR_DAMAGED or what the disk said.
NODISCARD enum err index_open_for_writing(const char *path, sqlite3 **out);

// The store's uuid; ERR_ABSENT in a new index.
NODISCARD enum err index_get_uuid(sqlite3 *db, struct store_uuid *out);
NODISCARD enum err index_set_uuid(sqlite3 *db, const struct store_uuid *uuid);

// Whether a row of run can be one. Readers and the writer must agree on it: a row that a
// reader skips, and that keeps the writer from inserting another, would hide its chunks for
// ever.
static inline bool run_row_is_legal(int64_t n, int64_t segment, int64_t offset)
{
    return n > 0 && n <= RUN_CHUNKS_MAX && segment > 0 && offset >= SEGMENT_HEADER_BYTES;
}
