// SPDX-License-Identifier: Apache-2.0
// The terms of a file while its chunks are placed one after the other, and its hash.
// Neighbours in a xorb become one term.
#pragma once

#include "xet/chunk_index.h"
#include "xet/xet_hash.h"

enum { RANGES_WATCHED = 128 };

struct term {
    uint32_t xorb; // as in chunk_place
    uint32_t first;
    uint32_t end;
    uint32_t bytes;
    struct digest range_hash;
};

struct term_list {
    struct term *terms;
    size_t n;
    size_t term_places;
    struct digest *hashes; // of the last term's chunks
    size_t n_hashes;
    size_t hash_places;
    struct hash_tree tree; // of all chunks
    // How long the last terms are, so that a file does not fall into crumbs:
    uint32_t watched[RANGES_WATCHED];
    uint64_t watched_chunks;
    bool is_refusing;
};

void term_list_init(struct term_list *list);
void term_list_release(struct term_list *list);

// The next chunk of the file is at `place`.
NODISCARD enum err term_list_add(struct term_list *list, struct chunk_place place,
                                 const struct digest *hash, uint32_t len);
// Where the next chunk would have to be to belong to the last term. False without one.
bool term_list_next(const struct term_list *list, struct chunk_place *out);
// Whether a run of so many chunks elsewhere is too short: the last 128 terms have had fewer
// than four chunks on average, and the run has fewer than they.
bool term_list_refuses(struct term_list *list, uint32_t run);
// After the last chunk.
void term_list_finish(struct term_list *list, struct digest *out_hash);
