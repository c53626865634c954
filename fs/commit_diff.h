// SPDX-License-Identifier: Apache-2.0
// What differs between two revisions of a repository: `hugfs diff`. Two folders with the same git
// object id are the same with all that is in them, so only folders that differ are ever listed, and
// no content is fetched: of a changed Xet file the two plans tell which chunks the new version does
// not share with the old one.
#pragma once

#include "fs/mount_parts.h"

enum { DIFF_CHANGES_MAX = 100000 };

enum change_status { CHANGE_ADDED = 'A', CHANGE_DELETED = 'D', CHANGE_MODIFIED = 'M' };

struct commit_change {
    enum change_status status;
    uint64_t old_size; // 0 of an added file
    uint64_t new_size; // 0 of a deleted one
    // Bytes of the new version that are in no chunk of the old one. Not known when the plans could
    // not be had.
    bool has_differing;
    bool is_estimate; // chunks were packed anew, so only their share is known
    uint64_t differing;
    bool has_plans; // both versions are in Xet
    struct digest old_xet;
    struct digest new_xet;
    char *path; // from the repository root; malloc'd
};

struct diff_side {
    char revision[REVISION_SIZE]; // as it was asked for
    struct oid commit;
};

struct commit_diff {
    struct repo_id repo;
    struct diff_side from;
    struct diff_side to;
    struct commit_change *changes; // in order of path (bytes)
    size_t n;
    size_t capacity;
};
void commit_diff_release(struct commit_diff *diff);

struct diff_question {
    struct repo_id repo;
    const char *path; // only this file or folder; "" = all
    const char *from; // revisions
    const char *to;
};

// Blocks, on a thread of the caller's own, until `owner` is cancelled. ERR_NOT_FOUND: a revision,
// or neither of them has the path; ERR_USAGE: more than DIFF_CHANGES_MAX changes.
NODISCARD enum err commit_diff_run(struct mount *mount, struct wait_owner *owner,
                                   const struct diff_question *question, struct why *why,
                                   struct commit_diff *out);

// ---- diff_tree.c: the two trees

struct diff_trees {
    struct mount *mount;
    struct wait_owner *owner;
    const char *path;
    uint64_t old_root; // stored roots of the two commits
    uint64_t new_root;
};
NODISCARD enum err diff_trees_compare(const struct diff_trees *trees, struct why *why,
                                      struct commit_diff *diff);

// ---- diff_chunks.c: the contents of changed files

// Fills in what differs of every change.
NODISCARD enum err diff_chunks_ask(struct mount *mount, struct wait_owner *owner,
                                   struct commit_diff *diff);

struct chunk_difference {
    uint64_t bytes;
    bool is_estimate;
};
// Compares the terms of two plans.
NODISCARD enum err diff_chunks_compare(const struct cas_term *old_terms, size_t n_old,
                                       const struct cas_term *new_terms, size_t n_new,
                                       struct chunk_difference *out);
