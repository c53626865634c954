// SPDX-License-Identifier: Apache-2.0
// One entry of a repository listing, as the Hub's tree API tells it: the vocabulary that
// hub (which parses it), cache (which stores it) and fs (which shows it) share.
#pragma once

#include "base/digest.h"

#include <stdbool.h>
#include <stdint.h>

enum entry_kind { ENTRY_FILE, ENTRY_DIRECTORY, ENTRY_SYMLINK };

struct tree_entry {
    const char *path;     // from the root, legal by path_is_legal(); NUL-terminated
    enum entry_kind kind; // the tree API tells only FILE and DIRECTORY
    bool executable;      // only a git tree tells it
    bool has_sha256;      // an LFS file: `sha256` names its content
    bool has_xet;         // readable through Xet: `xet_hash` names its content
    bool masked;          // gated: the listing hid the hashes, reading is EACCES
    uint64_t size;        // bytes of content (not of an LFS pointer); 0 for directories
    struct oid oid;       // git's id of the blob (LFS: of the pointer) or tree
    struct digest sha256;
    struct digest xet_hash;
};
