// SPDX-License-Identifier: Apache-2.0
// The questions of the committer, each until its answer is there: it has a thread that may wait.
// ERR_CANCELLED: the mount ends, and the answer is not known.
#pragma once

#include "fs/commit_work.h"

// Where the branch stands now; noted in heads.h too.
NODISCARD enum err commit_ask_head(struct commit_work *work, struct why *why,
                                   struct head *out);
// At most HUB_PREUPLOAD_MAX files; `out` has a place for each.
NODISCARD enum err commit_ask_modes(struct commit_work *work,
                                    const struct hub_preupload_file *files, size_t n,
                                    const char *git_attributes, struct why *why,
                                    struct hub_upload_mode *out);

// What stands at a path of a commit.
struct commit_there {
    bool exists;
    enum entry_kind kind;
    struct file_version version; // as far as it has one; `path` is malloc'd
};
void commit_there_release(struct commit_there *there, size_t n);
// Any number of paths; `out` has a zeroed place for each, and is to be released in any case.
NODISCARD enum err commit_ask_paths(struct commit_work *work, const struct oid *commit,
                                    const char *const *paths, size_t n, struct why *why,
                                    struct commit_there *out);

// `out_reply` is filled in any case; its texts are gone, and "".
NODISCARD enum err commit_ask_commit(struct commit_work *work,
                                     const struct hub_commit_body *body, struct why *why,
                                     struct hub_committed *out_reply);
NODISCARD enum err commit_ask_found(struct commit_work *work, const struct oid *stop_at,
                                    const char *needle, struct why *why,
                                    struct hub_found_commit *out);

// `number` 0 (of commit_ask_found_pull()): there is none.
NODISCARD enum err commit_ask_pull(struct commit_work *work, const char *title,
                                   const char *description, struct why *why,
                                   uint64_t *out_number);
NODISCARD enum err commit_ask_found_pull(struct commit_work *work, const char *needle,
                                         struct why *why, uint64_t *out_number);
NODISCARD enum err commit_ask_branch(struct commit_work *work, const char *branch,
                                     const struct oid *start, struct why *why);

// The stored node at a path below a stored folder. ERR_NOT_FOUND, ERR_NOT_DIRECTORY.
NODISCARD enum err commit_ask_node(struct commit_work *work, uint64_t root,
                                   const char *path, struct why *why,
                                   struct tree_node *out);
// Lists a stored folder to its end.
NODISCARD enum err commit_ask_names(struct commit_work *work, uint64_t folder,
                                    struct why *why);
// The same for a folder of the commit that is shown.
NODISCARD enum err commit_ask_listing(struct commit_work *work, const char *path,
                                      struct why *why);
// Stores a change (taken over).
NODISCARD enum err commit_ask_journal(struct commit_work *work,
                                      struct journal_change *change, struct why *why);
