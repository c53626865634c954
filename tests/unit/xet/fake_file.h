// SPDX-License-Identifier: Apache-2.0
// The inside of a fake file, for fake_hub.c and fake_plan.c.
#pragma once

#include "base/base.h"
#include "tests/unit/xet/fake_hub.h"

#include <stdatomic.h>

struct fake_xorb_chunk {
    struct digest hash;
    uint32_t len;
    size_t start; // of the record in the xorb's bytes
    size_t end;
    atomic_uint fetched; // how often its last byte was delivered
};

struct fake_xorb {
    struct digest hash;
    struct buffer bytes;
    uint32_t n;
    struct fake_xorb_chunk *chunks;
};

struct fake_chunk {
    uint64_t offset; // in the file
    uint32_t len;
    uint32_t xorb;
    uint32_t index; // in the xorb
};

struct fake_file {
    struct fake_file *next; // the hub's list
    uint8_t *bytes;
    size_t size;
    struct fake_chunk *chunks;
    size_t n;
    uint64_t n_stored;
    struct fake_xorb *xorbs;
    uint32_t n_xorbs;
    struct digest xet_hash;
    struct digest sha256;
    struct oid oid;
};

// The true plan for [first, last]; `early` chunks more at the front.
struct cas_plan *fake_plan_new(const struct fake_file *file, uint64_t first,
                               uint64_t last, size_t early);
// The xorb's bytes and chunks that a range of a plan names.
struct fake_xorb *fake_plan_xorb(struct fake_file *files, const struct cas_range *range);
