// SPDX-License-Identifier: Apache-2.0
// hf-cache/: the official client's cache as it would be if everything had been downloaded, so that
// with HF_HUB_CACHE=~/hub/hf-cache an unmodified client reads lazily through the mount.
//
//   CACHEDIR.TAG, .locks/ANYTHING/
//   models--OWNER--NAME/  (datasets--, spaces--; models--NAME for old ids without owner)
//     refs/REV                  the commit id, 40 digits without a line end
//     snapshots/SHA/            the commit's tree, as plain files: the same nodes as NAME@SHA
//     trees/SHA.json            the client's own copy of the listing
//     .no_exist/SHA/PATH        an empty file for what the tree does not have
//     blobs/                    empty: nothing is stored twice
#pragma once

#include "fs/vnode.h"

#define HF_CACHE_NAME "hf-cache"

extern const struct vnode_type hf_cache_root;

// ---- private to hf_cache*.c

// What is inside the folder of a repository; subject.repo is the repository as it was asked for.
extern const struct vnode_type hf_cache_repo;
extern const struct vnode_type
    hf_cache_refs; // subject.text: what precedes a name, "" or "a/"
extern const struct vnode_type hf_cache_snapshots;
extern const struct vnode_type hf_cache_trees;
extern const struct vnode_type hf_cache_no_exist;
extern const struct vnode_type hf_cache_empty;

// Commits of the repository that the view lists: those that one of its known branches or tags
// stands at, or that were asked for by id, and whose root has been looked into. While the Hub can't be reached only those whose
// every folder is known, because who scans a cache walks each of them.
typedef bool (*hf_cache_commit_fn)(void *ctx, const char *revision,
                                   const struct oid *commit);
NODISCARD enum err hf_cache_commits(struct mount *mount, const struct repo_id *repo,
                                    hf_cache_commit_fn visit, void *ctx);

// The canonical repository of what a folder was named, if it is known here; ERR_ABSENT.
NODISCARD enum err hf_cache_canonical(struct mount *mount, const struct repo_id *asked,
                                      struct repo_id *out);
// The stored root of a commit of the repository that is known here; ERR_ABSENT.
NODISCARD enum err hf_cache_known_root(struct mount *mount, const struct repo_id *asked,
                                       const struct oid *commit, uint64_t *out_root);
// Whether all folders below a stored root are known; a yes is remembered.
bool hf_cache_is_whole(struct mount *mount, uint64_t root);
// Asks the Hub for a commit by its id.
void hf_cache_ask_commit(struct mount *mount, const struct repo_id *asked,
                         const struct oid *commit, const struct hub_call *call,
                         waiter_fn done, void *ctx);
// A commit id of 40 digits at the beginning of `name`, which `ending` follows.
bool hf_cache_commit_name(const char *name, size_t len, const char *ending,
                          struct oid *out);
