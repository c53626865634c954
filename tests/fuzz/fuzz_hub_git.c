// SPDX-License-Identifier: Apache-2.0
// The git fetch answer. The first byte picks where to begin: the pkt-lines, the pack (whose
// checksum is put right here, or nothing would ever be reached), or a delta. What a pack
// gives under an object id hashes to it.
#include "base/base.h"
#include "hub/git_delta.h"
#include "hub/git_tree.h"
#include "hub/limits.h"
#include "hub/pkt_line.h"
#include "tests/fuzz/fuzz_target.h"

enum { CHECKSUM = 20, DELTA_MAX = 1 << 20 };

static void try_pack(const uint8_t *bytes, size_t len, const struct oid *commit)
{
    struct git_pack *pack = NULL;
    struct git_modes modes;
    if (git_pack_parse(bytes, len, NULL, &pack) != ERR_NONE) {
        return;
    }
    if (git_modes_collect(pack, commit, NULL, &modes) == ERR_NONE) {
        for (size_t i = 0; i < modes.count; i++) {
            fuzz_require(
                path_is_legal(modes.entries[i].path, strlen(modes.entries[i].path)));
        }
        git_modes_release(&modes);
    }
    git_pack_free(pack);
}

// The first 20 bytes are the commit to look for, the rest a pack without its checksum.
static void try_checked_pack(const uint8_t *bytes, size_t len)
{
    struct oid commit;
    struct oid sum;
    if (len < sizeof(commit.bytes)) {
        return;
    }
    memcpy(commit.bytes, bytes, sizeof(commit.bytes));
    AUTO(buffer) struct buffer pack = buffer_init(len + CHECKSUM);
    struct sha *sha = sha_new(SHA_1);
    sha_update(sha, bytes + sizeof(commit.bytes), len - sizeof(commit.bytes));
    sha_final_1(sha, &sum);
    sha_free(sha);
    fuzz_require(buffer_append(&pack, bytes + sizeof(commit.bytes),
                               len - sizeof(commit.bytes)) == ERR_NONE);
    fuzz_require(buffer_append(&pack, sum.bytes, sizeof(sum.bytes)) == ERR_NONE);
    try_pack(pack.bytes, pack.len, &commit);
}

static void try_delta(const uint8_t *bytes, size_t len)
{
    uint8_t *out = NULL;
    size_t out_len = 0;
    size_t base_len = len / 2;
    if (git_delta_apply(bytes, base_len, bytes + base_len, len - base_len, DELTA_MAX,
                        &out, &out_len) == ERR_NONE) {
        fuzz_require(out_len <= DELTA_MAX);
        free(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO(buffer) struct buffer pack = buffer_init(GIT_BODY_MAX);
    if (len == 0) {
        return 0;
    }
    switch (bytes[0] % 3) {
    case 0:
        if (buffer_append(&pack, bytes + 1, len - 1) == ERR_NONE &&
            git_fetch_take_pack(&pack, NULL) == ERR_NONE) {
            fuzz_require(pack.len > 0 && pack.len < len);
        }
        break;
    case 1:
        try_checked_pack(bytes + 1, len - 1);
        break;
    default:
        try_delta(bytes + 1, len - 1);
    }
    return 0;
}
