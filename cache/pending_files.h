// SPDX-License-Identifier: Apache-2.0
// Plans and verdicts that are known but not committed yet.
#pragma once

#include "cache/piece_list.h"

struct pending_files;

struct pending_file {
    struct pending_file *next;
    struct digest content;
    uint64_t size;
    bool has_verdict;
    enum verified_state verdict;
    struct piece_list pieces;
};

// Files in no particular order; stays as it is until pending_files_committed().
struct pending_batch {
    const struct pending_file *files;
};

NODISCARD enum err pending_files_new(struct pending_files **out);
void pending_files_free(struct pending_files *files);

NODISCARD enum err pending_files_put(struct pending_files *files,
                                     const struct digest *content, uint64_t size,
                                     const struct piece *pieces, size_t n);
NODISCARD enum err pending_files_set_verdict(struct pending_files *files,
                                             const struct digest *content, uint64_t size,
                                             enum verified_state verdict);

// Lays the pending pieces that overlap [offset, end) over `list`. false: out of memory.
bool pending_files_overlay(struct pending_files *files, const struct digest *content,
                           uint64_t offset, uint64_t end, struct piece_list *list);
bool pending_files_verdict(struct pending_files *files, const struct digest *content,
                           uint64_t *out_size, enum verified_state *out);

// What to commit next; false when nothing is pending. One thread.
bool pending_files_begin(struct pending_files *files, struct pending_batch *out);
void pending_files_committed(struct pending_files *files);
void pending_files_clear(struct pending_files *files);
bool pending_files_any(struct pending_files *files);
