// SPDX-License-Identifier: Apache-2.0
// Walks the records of one segment file, damaged or not.
#pragma once

#include "cache/segment_record.h"

// A record that was found at `offset`; its head is sound, its data was not looked at.
// Return false to stop.
typedef bool (*segment_visit_fn)(void *ctx, uint64_t offset, const struct record *record);

// Calls `visit` for every sound record in order of offset and says where the last one ends
// (SEGMENT_HEADER_BYTES when there is none): the place where appending may go on. Never
// fails: what cannot be read is skipped.
void segment_scan(int fd, const struct store_uuid *uuid, uint64_t segment,
                  segment_visit_fn visit, void *ctx, uint64_t *out_end);

// Reads and parses the head of the record at `offset`. ERR_MALFORMED, ERR_TRUNCATED, or what
// the system said.
NODISCARD enum err record_read(int fd, const struct record_place *place,
                               struct record *out);

// Reads the record's data and compares every chunk with its checksum; false = damaged.
bool record_data_is_sound(int fd, uint64_t offset, const struct record *record);
