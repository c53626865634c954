// SPDX-License-Identifier: Apache-2.0
// One commit, from its body to what is known of it. It may be sent more than once, but it can
// come to be only once: each body names its parent, and two bodies with one parent exclude
// each other.
#pragma once

#include "fs/commit_batch.h"
#include "fs/commit_id.h"
#include "fs/commit_title.h"

enum commit_outcome {
    COMMIT_ATTEMPT_MADE,     // its items are landed; or nothing was left of it
    COMMIT_ATTEMPT_TOO_MUCH, // something in it is refused, or it is too large
    COMMIT_ATTEMPT_REFUSED,  // all of it, for good: `err` and `why` say so
    COMMIT_ATTEMPT_LATER,    // not for now
    COMMIT_ATTEMPT_STOPPED,  // the mount ends
};

struct commit_attempt {
    struct commit_work *work;
    struct commit_batch *batch;
    struct commit_item *const *items;
    size_t n;
    char id[COMMIT_ID_SIZE];
    struct oid parent;
    char title[COMMIT_TITLE_MAX];
    char *description;
    struct hub_commit_body *body;
    bool has_row; // in the journal
    bool has_uploaded_again;
    bool asks_all; // the Hub knows something of it not: what stands at the paths is asked
    enum commit_outcome outcome;
    enum err err;
    struct why why;
};

NODISCARD enum err commit_attempt_new(struct commit_work *work,
                                      struct commit_batch *batch,
                                      struct commit_item *const *items, size_t n,
                                      struct commit_attempt **out);
// Until the outcome is known.
void commit_attempt_run(struct commit_attempt *attempt);
void commit_attempt_free(struct commit_attempt *attempt);
