// SPDX-License-Identifier: Apache-2.0
// Runs that a stream will read soon, in memory.
#pragma once

#include "base/base.h"

struct run_ahead;

NODISCARD enum err run_ahead_new(struct run_ahead **out);
void run_ahead_free(struct run_ahead *ahead); // NULL is fine
// Ends its threads; what is asked for afterwards is not done.
void run_ahead_stop(struct run_ahead *ahead);

// Copies bytes [begin, end) of the data of a record, which are in chunks that its place has.
// Waits when they are on their way from the disk; false when they are not.
bool run_ahead_copy(struct run_ahead *ahead, uint64_t segment, uint64_t offset,
                    uint64_t begin, uint64_t end, void *to);

// The segments are other ones now: what is here is forgotten.
void run_ahead_clear(struct run_ahead *ahead);
// Gives memory back when nobody has used it since the last call.
void run_ahead_tidy(struct run_ahead *ahead);
