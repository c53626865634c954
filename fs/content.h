// SPDX-License-Identifier: Apache-2.0
// The contents behind inodes. The mount serves no OPEN, so a READ brings a number and
// nothing else: what the number stands for is kept for the files read lately, so that a warm
// read asks SQLite nothing.
#pragma once

#include "fs/locator.h"
#include "fs/stream.h"
#include "xet/xet.h"

#include <stdatomic.h>

struct content_cache;

struct content {
    uint64_t ino;
    uint64_t size;
    enum entry_kind kind;  // ENTRY_FILE or ENTRY_SYMLINK
    bool masked;           // gated: the listing hid what it is
    struct xet_file *file; // NULL when masked
    struct xet_source source;
    bool is_small; // small_file_is()
    char *path;    // source.path, from the repository root

    // The cache's own.
    atomic_uint references; // grows from 0 under the cache's lock only
    atomic_bool is_gone;    // content_gone()
    int64_t row;            // of the repository
    uint64_t repo_root;     // the stored root of the source's commit
    struct lock lock;
    struct stream_table streams GUARDED_BY(lock);
    int64_t complained_ms GUARDED_BY(lock);
    struct content *next, *prev; // by last use
    UT_hash_handle hh;
};

// All of them outlive it.
NODISCARD enum err content_cache_new(struct xet *xet, struct tree_store *tree,
                                     struct locator *locator, struct content_cache **out);
// All contents must have been given back; before xet_close().
void content_cache_free(struct content_cache *cache);

// The content of an inode, referenced. ERR_STALE unknown, ERR_IS_DIRECTORY. Any thread.
NODISCARD enum err content_get(struct content_cache *cache, uint64_t ino,
                               struct content **out);
// The content of a version that no inode stands for, referenced; never found by content_get().
struct file_version;
NODISCARD enum err content_of_version(struct content_cache *cache,
                                      const struct repo_id *repo, uint64_t ino,
                                      const struct file_version *version,
                                      struct content **out);
// Gives such a content back for good: it goes when nobody reads it any more.
void content_discard(struct content_cache *cache, struct content *content);
// Another reference, for somebody who has one. Give each back.
struct content *content_ref(struct content *content);
void content_put(struct content *content);

// The Hub has the commit no more that the content is fetched from: the next content_get() looks for
// another one.
void content_gone(struct content_cache *cache, struct content *content);

// Why a masked content can't be read: ERR_ACCESS, with a sentence.
enum err content_refuse(const struct content *content, struct why *why);

// What the chunk store knows a content by: Xet hash, else SHA-256, else git oid and zeros.
struct digest content_id(const struct tree_node *node);

// Notes a read for stream detection.
struct xet_pattern content_note_read(struct content *content, uint64_t offset,
                                     size_t len);
// Whether a failure should be logged: at most once in 5 s per file, since the kernel sends
// every failing read twice and readers try again.
bool content_may_complain(struct content *content);
