// SPDX-License-Identifier: Apache-2.0
// What is on its way to the Hub: the items that the overlay gave away, and what became of each.
// Every item is settled once; nothing is dropped.
#pragma once

#include "fs/commit_work.h"

// Says which files are LFS; the Hub may edit it with a commit.
#define COMMIT_ATTRIBUTES_PATH ".gitattributes"

enum commit_fate {
    COMMIT_FATE_OPEN,
    COMMIT_FATE_THERE,   // the Hub has it already: to be landed without being sent
    COMMIT_FATE_SETTLED, // the overlay has been told
};

struct commit_item {
    const struct overlay_item *item; // in `taken`
    enum commit_fate fate;
    bool has_failed;     // settled, but not in the repository
    bool takes_too_much; // a deletion of a folder, in which others have changed something
    struct local_file *reader; // of a PUT: reads what is committed; a reference
    uint64_t size;
    bool is_lfs;    // its content does not travel in the body
    bool has_ours;  // the next ones are known, as far as they apply
    struct oid oid; // git's: of the content, or of the LFS pointer
    struct digest sha256;
    bool has_xet;
    struct digest xet_hash;
};

struct commit_batch {
    struct overlay_items taken;
    struct commit_item *items;
    size_t n;
};

// Takes what waits; *out_n 0: nothing does. Lists what has to be listed for that.
NODISCARD enum err commit_batch_take(struct commit_work *work, struct commit_batch *out,
                                     struct why *why);
// Nothing of it is on its way any more.
void commit_batch_release(struct commit_work *work, struct commit_batch *batch);

// git's id of a PUT, NULL for a deletion.
const struct oid *commit_item_ours(const struct commit_item *item);

// Settles one that did not go, and logs why. ERR_CONFLICT, ERR_ACCESS, ERR_USAGE and their like:
// it waits until somebody changes it; others: for the next commit.
void commit_settle_returned(struct commit_work *work, struct commit_item *item,
                            enum err err, const struct why *why, int64_t pause_ms);
// Settles one for the next commit without a word: another one's has told it.
void commit_settle_put_off(struct commit_work *work, struct commit_item *item,
                           const struct why *why);
// Settles one that somebody else has changed; `theirs` NULL: they deleted it.
void commit_settle_conflict(struct commit_work *work, struct commit_item *item,
                            const struct file_version *theirs);
// Settles all that are not settled: the batch ends here.
void commit_settle_rest(struct commit_work *work, struct commit_batch *batch,
                        enum err err, const struct why *why);

// For verbs that read what is committed of an item, on the committer's thread (hub_read_fn).
struct commit_reading {
    struct commit_work *work;
    struct commit_item *item;
    enum err err; // what reading failed with: then it is not the Hub's doing
};
NODISCARD enum err commit_read(void *ctx, uint64_t offset, void *to, size_t len,
                               struct why *why);
