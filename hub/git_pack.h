// SPDX-License-Identifier: Apache-2.0
// Reads a git pack (gitformat-pack(5)) that holds whole trees: the answer to a fetch of one commit. Objects are found by the SHA-1 of what they really contain, so whoever
// starts at a commit id he trusts can't be given anything else.
#pragma once

#include "base/base.h"

enum git_type { GIT_COMMIT = 1, GIT_TREE = 2, GIT_BLOB = 3, GIT_TAG = 4 };

struct git_object {
    enum git_type type;
    const uint8_t *bytes; // in the pack
    size_t len;
};

struct git_pack;

// Parses and checks everything; `bytes` may go afterwards. ERR_BAD_ANSWER, ERR_TOO_LARGE.
NODISCARD enum err git_pack_parse(const void *bytes, size_t len, struct why *why,
                                  struct git_pack **out);
void git_pack_free(struct git_pack *pack);

// False = no such object.
bool git_pack_find(const struct git_pack *pack, const struct oid *oid,
                   struct git_object *out);

// Calls `each` for every blob, in the order of the pack.
void git_pack_each_blob(const struct git_pack *pack,
                        void (*each)(void *ctx, const struct oid *oid, const void *bytes,
                                     size_t len),
                        void *ctx);
