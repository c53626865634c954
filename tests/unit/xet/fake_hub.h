// SPDX-License-Identifier: Apache-2.0
// Stands where hub/ would be linked: answers plans and ranges from contents in memory, in an
// order and in pieces that a seed decides, with faults on request, and counts what was asked.
// Data is delivered on the loop's thread, plans on the pool, as hub/ does.
#pragma once

#include "hub/hub.h"

// A content and where its chunks lie in xorbs.
struct fake_file;

enum fake_layout {
    FAKE_PLAIN,      // one xorb after the other
    FAKE_REPETITIVE, // some chunks are used several times, some xorb chunks by nobody
};

// `kind` as for fake_content(); xorbs of `xorb_chunks` chunks.
struct fake_file *fake_file_new(uint64_t seed, size_t size, int kind,
                                uint32_t xorb_chunks, enum fake_layout layout);
void fake_file_free(struct fake_file *file);
const uint8_t *fake_file_bytes(const struct fake_file *file);
size_t fake_file_size(const struct fake_file *file);
// What names it: the file hash over its chunks, SHA-256, git's object id.
const struct digest *fake_file_xet_hash(const struct fake_file *file);
const struct digest *fake_file_sha256(const struct fake_file *file);
const struct oid *fake_file_oid(const struct fake_file *file);
// How often its most fetched xorb chunk was delivered.
unsigned fake_file_most_fetched(const struct fake_file *file);
// The file offset at which chunk i begins.
uint64_t fake_file_chunk_start(const struct fake_file *file, size_t i);

enum fake_fault {
    FAULT_EXPIRED,    // the range is refused with 403
    FAULT_TRUNCATE,   // ends after `value` bytes
    FAULT_FLIP,       // byte `value` is inverted
    FAULT_HANG,       // never answers (until it is cancelled)
    FAULT_PLAN_FAILS, // with enum err `value`; a git fetch too
    FAULT_PLAN_SHORT, // lacks its last term
    FAULT_PLAN_LIES,  // says that the first term is `value` bytes longer
    FAULT_PLAN_EARLY, // begins `value` chunks before what was asked for
    FAULT_PLAN_ALIEN, // has a term that no range holds
};

struct hub *fake_hub_new(struct event_loop *loop, struct worker_pool *pool,
                         uint64_t seed);
// As hub_close(): ends what is under way with ERR_CANCELLED. On the loop's thread, or after.
void fake_hub_close(struct hub *hub);
// Loop and pool have been replaced by others.
void fake_hub_set_threads(struct hub *hub, struct event_loop *loop,
                          struct worker_pool *pool);
void fake_hub_add(struct hub *hub, struct fake_file *file); // the hub owns it
// The n-th plan (for FAULT_PLAN_*) or range from now on, 1 = the next one.
void fake_hub_fault(struct hub *hub, enum fake_fault fault, unsigned n, uint64_t value);
// From now on all faults heal: no byte of a body is in two ranges that a fault befell. One
// that is due there waits for the next range elsewhere.
void fake_hub_heal(struct hub *hub);
// Answers nothing until it is let go.
void fake_hub_hold(struct hub *hub, bool hold);
// A git fetch brings one file and the pointer of a large one, and then nothing until it is let go.
void fake_hub_hold_git(struct hub *hub, bool hold);
// What that pointer is.
struct oid fake_hub_pointer(void);
// Delivers at most so many bytes at a time (default 65536).
void fake_hub_set_step(struct hub *hub, size_t bytes);

struct fake_counts {
    unsigned plans;
    unsigned ranges;
    unsigned git_fetches;
    unsigned promotions;
    unsigned cancels;
    unsigned pauses;
    unsigned faults; // that happened
    unsigned under_way;
    uint64_t bytes;   // of bodies
    uint64_t longest; // file bytes of the longest plan asked for
};
struct fake_counts fake_hub_counts(struct hub *hub);
