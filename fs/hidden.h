// SPDX-License-Identifier: Apache-2.0
// .hub: what a mount tells about a repository, in a folder that the root of each commit answers to
// and never lists (it stands before a real one of that name):
//
//   commit, status, log          text, made when it is looked up
//   message                      of the next commit, where the mount writes
//   info/PATH                    JSON about a file, as `hugfs info --json`
//   revisions/branches, tags, pulls, converts
//                                in a mount of the whole Hub symlinks to NAME@REV; in a mount of one
//                                repository folders
#pragma once

#include "fs/directory.h"
#include "fs/vnode.h"

bool hidden_is(const char *name, size_t len);
// Whether the folder that the kernel knows as `dir` is the root of a commit that answers it.
bool hidden_is_at(struct mount *mount, uint64_t dir);
NODISCARD enum err hidden_enter(struct mount *mount, uint64_t dir, struct entry *out);

// The repository and the commit that a folder like that is about.
struct hidden_about {
    struct repo_id repo;
    int64_t row;
    struct oid commit;
};
// ERR_STALE.
NODISCARD enum err hidden_about(struct mount *mount, uint64_t dir,
                                struct hidden_about *out);
