// SPDX-License-Identifier: Apache-2.0
// What the files of the journal share of it.
#pragma once

#include "cache/journal_change.h"
#include "cache/journal_db.h"
#include "cache/journal_rules.h"
#include "cache/journal_small.h"
#include "cache/staging_folder.h"

#include <stdatomic.h>

struct journal_counts {
    int64_t inodes;
    int64_t names;
    int64_t batches;
};

// Layers whose flush failed once: the kernel has dropped their bytes.
struct lost_layer {
    struct lost_layer *next;
    uint64_t id;
    uint32_t number;
};

struct journal {
    char *dir;
    char *path; // of journal.db
    int lock_fd;
    struct staging *staging;
    atomic_uint_fast64_t next_id;
    pthread_t thread;
    struct worker_pool *pool; // flushes files side by side

    // The journal's thread, and who loads, one at a time. Nothing is called back below it but a
    // visitor, which may hold locks of its own.
    struct lock db_lock;
    struct journal_db db;

    // The journal's thread; before the first submit, who opened it:
    struct journal_counts counts;
    bool is_stopped;
    enum err left; // when it was stopped: why something could not be stored
    struct lost_layer *lost;
    struct journal_change *line; // taken from the queue, not stored yet
    struct journal_change **line_end;
    struct buffer names_lines; // for NAMES.txt, when the transaction is stored
    bool has_unflushed;        // transactions that only the page cache has
    struct why why;            // the error that broke it; "" = none
    int64_t retry_ms;          // when to try again after the disk was full
    uint64_t flushes;
    uint64_t transactions;

    struct lock lock;
    struct condition wake;
    struct journal_change *queue GUARDED_BY(lock);
    struct journal_change **queue_end GUARDED_BY(lock);
    int64_t queued_ms GUARDED_BY(lock); // when the oldest of the queue came
    unsigned waiting GUARDED_BY(lock);  // durable changes in the queue
    unsigned wanted GUARDED_BY(lock);   // how many of them to wait for, and until when
    int64_t wanted_until_ms GUARDED_BY(lock);
    bool is_closing GUARDED_BY(lock);
    bool is_broken GUARDED_BY(lock);
    struct journal_stats stats GUARDED_BY(lock);
};

// Flushes the staging files of the line, and the folder. Changes whose files the disk did not
// take get their error.
void journal_flush_line(struct journal *journal);
// Flushes, stores and answers the line. It is empty afterwards unless the disk is full.
void journal_store_line(struct journal *journal);
// Answers and frees the line; `err` for those without an error of their own.
void journal_drop_line(struct journal *journal, enum err err, const char *sentence);
// Makes the figures visible to journal_stats().
void journal_publish(struct journal *journal, bool full, bool broken);

// Stores all changes of the line that have no error in one transaction. A change that breaks
// a rule gets its error and sentence. An error is the transaction's: nothing was stored.
NODISCARD enum err journal_apply(struct journal *journal);

// Counts rows, finds the highest id, restores small contents, deletes staging files that no
// row names, writes NAMES.txt.
NODISCARD enum err journal_take_stock(struct journal *journal, uint64_t first_id,
                                      struct why *why);
// Begins NAMES.txt anew from the rows.
void journal_write_names(struct journal *journal);
// Moves the lines that are gathered in names_lines to NAMES.txt.
void journal_append_names(struct journal *journal);
// Appends the line of an inode's row when it has something sealed.
void journal_names_line(const struct cell *cells, struct buffer *to);

// Takes DIR/lock and says in it who we are.
NODISCARD enum err journal_lock_folder(const char *dir, const char *mountpoint,
                                       struct why *why, int *out_fd);
// README.txt.
void journal_write_readme(const char *dir);
