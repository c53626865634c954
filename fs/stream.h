// SPDX-License-Identifier: Apache-2.0
// Which reads of one inode belong together. The mount serves no OPEN, so a read carries no
// handle: several readers of a file are told apart by where they read. Pure: no clock, no
// lock, no I/O; the owner of the table serialises.
#pragma once

#include "xet/xet.h"

#include <stdint.h>

enum { STREAMS_PER_INODE = 8 };

struct stream {
    uint64_t from;     // where its first read began
    uint64_t next;     // one past the highest byte read so far
    uint64_t consumed; // bytes read in order
    uint64_t used;     // the table's turn at its last read; 0 = the place is free
    uint64_t gap;      // what the last jump forward left out
    uint64_t run_from; // where it began, or its last jump has led
    uint64_t expected; // how long it will be from there, most likely; 0 = not known
    uint32_t score;    // evidence of order; a stream from STREAM_SCORE on
    uint32_t turns;    // how often it was read on after another
};

// All zero is an empty table.
struct stream_table {
    struct stream at[STREAMS_PER_INODE];
    uint64_t turn;
    uint64_t guess;  // how long the last run was whose place was taken; 0 = not known
    uint32_t strays; // whose places were taken since
};

// Notes a read of `len` > 0 bytes at `offset` and says what it belongs to.
struct xet_pattern stream_note(struct stream_table *table, uint64_t offset, uint64_t len);
