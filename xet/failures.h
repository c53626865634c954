// SPDX-License-Identifier: Apache-2.0
// Ranges that could not be had lately. The kernel sends every failing buffered read twice
// (the read-ahead, then the one page that somebody wants): the second gets the same answer
// at once instead of waiting for another deadline.
//
// No lock of its own: the caller holds the engine's.
#pragma once

#include "base/base.h"

enum { FAILURES_MAX = 32, FAILURE_MS = 5000 };

struct failure {
    uint64_t file; // id; 0 = an empty place
    uint64_t from;
    uint64_t to;
    int64_t until_ms;
    enum err err;
    struct why why;
};

struct failures {
    struct failure *places; // FAILURES_MAX, NULL before the first one
    size_t next;
};

void failures_release(struct failures *failures);
// Remembers for 5 s; the oldest is forgotten when there are too many.
void failures_add(struct failures *failures, uint64_t file, uint64_t from, uint64_t to,
                  enum err err, const struct why *why);
// The failure that overlaps [from, to) of the file, NULL when there is none.
const struct failure *failures_find(const struct failures *failures, uint64_t file,
                                    uint64_t from, uint64_t to);
