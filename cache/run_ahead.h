// SPDX-License-Identifier: Apache-2.0
// Runs that a stream will read soon, in memory.
#pragma once

#include "base/base.h"

struct run_ahead;
struct run_slot;

NODISCARD enum err run_ahead_new(struct run_ahead **out);
void run_ahead_free(struct run_ahead *ahead); // NULL is fine
// Ends its threads; what is asked for afterwards is not done.
void run_ahead_stop(struct run_ahead *ahead);

// Lends the data of a record until run_ahead_return(). Waits when it is on its way from the disk;
// NULL when it is not. Who is lent it looks only at chunks that the record's place has.
const uint8_t *run_ahead_lend(struct run_ahead *ahead, uint64_t segment, uint64_t offset,
                              struct run_slot **out_slot);
// `read` bytes of it were read.
void run_ahead_return(struct run_ahead *ahead, struct run_slot *slot, uint64_t read);

// The segments are other ones now: what is here is forgotten.
void run_ahead_clear(struct run_ahead *ahead);
// Gives memory back when nobody has used it since the last call.
void run_ahead_tidy(struct run_ahead *ahead);
