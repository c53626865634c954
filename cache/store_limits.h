// SPDX-License-Identifier: Apache-2.0
// Every limit of the chunk store, in one place, with its reason.
#pragma once

#include "cache/cache.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

// A segment is small enough to be given up as a whole (1/64 of the budget at most) and large
// enough that a terabyte has only a few thousand. The smallest one takes a run of
// RUN_CHUNKS_MAX chunks of CHUNK_BYTES_MAX with its header; the first one a process opens is
// of that size, so that reading one README does not allocate 256 MiB.
#define SEGMENT_BYTES_MAX (256 * MIB)
#define SEGMENT_BYTES_MIN (16 * MIB + 64 * KIB)
#define SEGMENT_SHARE_OF_BUDGET 64

// A half-filled segment is opened again when it has at least this much room; the largest run
// fits into a new one in any case.
#define SEGMENT_ROOM_MIN (1 * MIB)

// A spare segment is opened ahead of need only where it is a small part of the budget.
#define SPARE_SHARE_OF_BUDGET 16

// Room kept for index.db and its WAL when the budget is checked, which happens only when a
// segment is opened: what the index may grow by until the next one.
#define INDEX_RESERVE_MIN (2 * MIB)
#define INDEX_RESERVE_MAX (64 * MIB)
#define INDEX_RESERVE_SHARE 32

// Pruning of plans starts where the index takes more than this part of the budget.
#define INDEX_SHARE_OF_BUDGET 16

// The WAL is checkpointed when it is longer than this.
#define WAL_BYTES_MAX (1 * MIB)

// A batch is committed when it is this old or this long.
enum { BATCH_MS = 50, BATCH_RUNS = 256 };

// How often the writer thread looks for what other processes did.
enum { TICK_MS = 1000 };

// Runs that the disk refused, or that came before a segment was there.
#define VOLATILE_BYTES_MAX (32 * MIB)

// How long a put waits for the writer when the volatile ring is full and the disk is well.
enum { VOLATILE_WAIT_MS = 2000 };

// Run headers kept in memory, with their "checked" bits.
#define HEADER_CACHE_BYTES (4 * MIB)

// Segment files held open for reading.
enum { SEGMENT_FDS_MAX = 64 };

// A hit within this time after a segment was sealed belongs to the reader that filled it.
enum { OWN_READER_MS = 10000 };

// At most 1/COPY_FORWARD_SHARE of an evicted segment is copied forward.
enum { COPY_FORWARD_SHARE = 4 };

// Pinned bytes may be this many percent of the budget.
enum { PINNED_PERCENT_MAX = 80 };

// run.id = object id << 24 | first chunk.
enum { CHUNK_NUMBER_BITS = 24 };
#define CHUNK_NUMBER_LIMIT (UINT32_C(1) << CHUNK_NUMBER_BITS)

// How long a process waits for another one's write transaction or checkpoint.
enum { STORE_LOCK_WAIT_MS = 10000, SQL_BUSY_MS = 2000 };
