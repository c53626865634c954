// SPDX-License-Identifier: Apache-2.0
// A change as the journal's thread sees it: a list of operations, each a few cells.
#pragma once

#include "cache/journal_rows.h"

enum op_kind {
    OP_PUT_INODE,      // INODE_CELLS
    OP_DROP_INODE,     // id
    OP_PUT_NAME,       // NAME_CELLS
    OP_DROP_NAME,      // dir, name
    OP_MOVE,           // MOVE_CELLS
    OP_PUT_BATCH,      // BATCH_CELLS
    OP_PUT_ITEM,       // ITEM_CELLS
    OP_DROP_BATCH,     // id
    OP_PUT_META,       // META_CELLS
    OP_DROP_META,      // key
    OP_SYNC,           // SMALL_CELLS; ranges and bytes are set when the content is small
    OP_REMOVE_STAGING, // id, number
};
enum move_cell {
    MOVE_ID,
    MOVE_GENERATION,
    MOVE_FROM,
    MOVE_TO,
    MOVE_ERROR,
    MOVE_NOT_BEFORE,
    MOVE_TRIES,
    MOVE_CELLS
};

struct op {
    struct op *next;
    enum op_kind kind;
    int caller_fd; // OP_SYNC: the submitter's, until journal_change_capture()
    int fd;        // OP_SYNC: what to flush: a duplicate of it, or -1
    bool is_small; // OP_SYNC: the bytes travel in the journal
    size_t n;
    struct cell cells[]; // what they point to is the change's
};

struct journal_change {
    struct journal_change *next;
    enum err err;    // why it cannot be stored; ERR_NONE so far
    struct why why;  // the sentence to that
    bool durable;    // the submitter waits for the disk
    bool is_flushed; // its files are synced
    journal_done_fn done;
    void *ctx;
    size_t bytes; // of memory, roughly
    struct op *first;
    struct op **end;
    struct block *blocks;
};

// Memory that lives as long as the change; NULL makes it fail.
void *journal_change_take(struct journal_change *change, size_t len);
// Reads small contents from the files and duplicates the descriptors of large ones.
void journal_change_capture(struct journal_change *change);
// The numbers of the layers of inode `id` that the change syncs; at most `max`.
size_t journal_change_synced(const struct journal_change *change, int64_t id,
                             uint32_t *out_numbers, size_t max);
// Calls done, once.
void journal_change_finish(struct journal_change *change, enum err err, bool queued,
                           const char *sentence);
