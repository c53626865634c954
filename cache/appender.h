// SPDX-License-Identifier: Apache-2.0
// The segments this process fills: places are given out here, by a few instructions under a
// lock; opening and sealing is the writer's business.
#pragma once

#include "cache/segment_record.h"

// A segment that this process owns: it holds flock on the file.
struct open_segment {
    uint64_t id;
    int fd;
    struct store_uuid uuid;
    uint64_t size;    // allocated
    uint64_t used;    // given out so far
    unsigned writers; // places given out and not yet done
    struct open_segment *next;
};
void open_segment_free(struct open_segment *segment);

struct appender;

NODISCARD enum err appender_new(struct appender **out);
void appender_free(struct appender *appender);

// A place for `bytes` more. ERR_NO_SPACE when no segment has room: the appender then wants
// one, and the one that was too full waits to be sealed.
NODISCARD enum err appender_reserve(struct appender *appender, uint64_t bytes,
                                    struct open_segment **out_segment,
                                    uint64_t *out_offset);
// The place was written and is known to the resident table (or was given up).
void appender_done(struct appender *appender, struct open_segment *segment);

// Reserves a place and writes the record there, its data in n <= RUN_CHUNKS_MAX parts. The caller
// calls appender_done() once the record's place is known to others. A failed write retires the
// segment.
NODISCARD enum err appender_write(struct appender *appender, const struct record *record,
                                  const struct iovec *data, int n,
                                  struct open_segment **out_segment,
                                  uint64_t *out_offset);

enum appender_want { WANTS_NOTHING, WANTS_SPARE, WANTS_SEGMENT };
enum appender_want appender_wants(struct appender *appender);
// Gives it a segment with room, as current or spare.
void appender_install(struct appender *appender, struct open_segment *segment);

// A full segment that nobody writes to any more, now the caller's; NULL when there is none.
struct open_segment *appender_take_full(struct appender *appender);
// Puts back what could not be sealed.
void appender_return_full(struct appender *appender, struct open_segment *segment);
// Nothing more goes into this segment, if it is one that is filled here.
void appender_retire(struct appender *appender, uint64_t id);
// Retires everything: no place is given out until the next install.
void appender_retire_all(struct appender *appender);
// Takes the current (or spare) segment of a process that ends; NULL when there is none.
struct open_segment *appender_take_current(struct appender *appender);
// Whether any segment waits to be sealed.
bool appender_has_full(struct appender *appender);
