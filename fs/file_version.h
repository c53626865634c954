// SPDX-License-Identifier: Apache-2.0
// One version of one file as the Hub has it: what names its bytes, and where they are to be had.
// Unlike a node of the tree store it stands for itself, so it can be kept in the journal and
// outlives the cache.
#pragma once

#include "cache/cache.h"
#include "xet/xet.h"

struct file_version {
    bool executable;
    bool has_sha256;
    bool has_xet;
    uint64_t size;
    struct oid oid; // git's: of the blob, or of the LFS pointer
    struct digest sha256;
    struct digest xet_hash;
    struct oid commit; // one that has it
    char *path;        // there; malloc'd
};

// Of a stored node that stands at `path` of a commit.
NODISCARD enum err file_version_of(const struct tree_node *node, const struct oid *commit,
                                   const char *path, struct file_version *out);
// And back: what the node says of the file; it has no place in the store.
struct tree_node file_version_node(const struct file_version *version);
NODISCARD enum err file_version_copy(const struct file_version *version,
                                     struct file_version *out);
void file_version_release(struct file_version *version);

// What xet knows the bytes by.
struct xet_content file_version_content(const struct file_version *version);

// For the journal; decoding checks every byte: ERR_MALFORMED.
NODISCARD enum err file_version_encode(const struct file_version *version,
                                       struct buffer *out);
NODISCARD enum err file_version_decode(struct cursor *from, struct file_version *out);
