// SPDX-License-Identifier: Apache-2.0
// What has been uploaded (or is about to be): every xorb of ours, and where each of its chunks
// is. One table serves deduplication within a session, against earlier ones, and resuming:
//
//   OPEN ──cut, sent──> SENT ──the server has it──> UP ──a shard told of it──> told
//     └──────────────────┴──the session ended─────> DEAD
//
// A xorb that is up but not told when its session fails is told by the next session that
// uses it; what a shard must say about it lies in an unnamed file until then.
#pragma once

#include "xet/chunk_index.h"
#include "xet/shard_writer.h"
#include "xet/xet.h"

// 16 GiB of 64 KiB chunks; 12 MiB.
enum { UPLOADS_CHUNKS_MAX = 256 * 1024 };

enum own_xorb_state { OWN_OPEN, OWN_SENT, OWN_UP, OWN_DEAD };

struct own_xorb {
    struct digest hash; // once it is cut
    enum own_xorb_state state;
    bool is_told;
    bool is_used;     // by a file of this session
    uint32_t session; // that made it
    uint32_t block_len;
    uint64_t block_at; // what a shard says about it, in blocks_fd
};

struct xet_uploads {
    char *dir;
    struct chunk_index *chunks;
    struct own_xorb *xorbs;
    uint32_t n;
    uint32_t places;
    int blocks_fd;
    uint64_t blocks_len;
    uint32_t sessions;
};

// A new xorb, OPEN; *out is its number.
NODISCARD enum err uploads_open_xorb(struct xet_uploads *uploads, uint32_t *out);
// It has been cut: keeps its hash and what a shard must say about it.
NODISCARD enum err uploads_cut_xorb(struct xet_uploads *uploads, uint32_t number,
                                    const struct xorb *xorb, struct why *why);
// As chunk_index_find(), but never in a dead xorb.
bool uploads_find(const struct xet_uploads *uploads, const struct digest *chunk,
                  const struct chunk_place *wanted, struct chunk_place *out);
// The server no longer has what it said it had.
void uploads_forget(struct xet_uploads *uploads);
// A session is over: nothing that is not up will ever be.
void uploads_end_session(struct xet_uploads *uploads);
