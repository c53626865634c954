// SPDX-License-Identifier: Apache-2.0
// The journal: the durable form of a writable mount's overlay. Part of cache.h.
//
// fs/ holds the overlay in memory and submits what it changes; the journal is what a later
// process finds. A state directory belongs to one process at a time:
//
//   DIR/journal.db   rows: inodes, names, batches, metas
//   DIR/staging/     the written bytes (staging.h)
//   DIR/lock         held for life; says who holds it
//   DIR/README.txt   for a person who has only these files
//
// A change is a list of row changes that happens whole or not at all. Changes happen in the
// order of submission. The states and invariants are at the top of journal.c.
#pragma once

#include "cache/range_set.h"
#include "cache/staging.h"

struct journal;
struct journal_change;

enum journal_state { // stored: never renumber
    JOURNAL_CLEAN = 0,
    JOURNAL_DIRTY = 1,
    JOURNAL_SEALED = 2,
    JOURNAL_UPLOADING = 3,
    JOURNAL_UPLOADED = 4,
    JOURNAL_COMMITTING = 5,
    JOURNAL_COMMITTED = 6,
    JOURNAL_CONFLICT = 7,
    JOURNAL_FAILED = 8,
};
enum journal_kind { JOURNAL_FILE = 1, JOURNAL_DIRECTORY = 2 };
enum {
    JOURNAL_BASE_MAX = 4096,
    JOURNAL_VALUE_MAX = 65536, // of a meta, of an item's extra, of a text
    // A layer that has no more of them travels in its row when it is synced.
    JOURNAL_SMALL_BYTES = 16384,
    JOURNAL_SMALL_RANGES = 256,
};

const char *journal_state_name(enum journal_state state); // "sealed"; "?" for none

// One generation of a file's content: what was written, over what lies below it.
struct journal_layer {
    uint32_t number; // of its staging file; 0 = it has none, and no ranges
    enum journal_state state;
    uint64_t generation; // counts up from 1 with each layer that an inode gets
    uint64_t size;
    uint64_t below_valid; // bytes of what lies below that can still be seen (truncation)
    int64_t mtime_ns;
    struct range_set ranges; // bytes of the staging file that count
};

// The row of a file or directory that differs from the base tree. `top` is what readers see
// and writers change; `flight` is the sealed generation below it that is UPLOADING..COMMITTING
// while top is written anew. Without flight, top lies on the base.
// Directories use id, kind and base, and top.state, .generation and .mtime_ns.
// A row's ranges name bytes that were synced: a DIRTY row keeps those of its last seal.
struct journal_inode {
    uint64_t id;
    enum journal_kind kind;
    struct journal_layer top;
    struct journal_layer flight; // .generation 0 = none
    const void *base;            // opaque; what the inode is a version of
    size_t base_len;             // <= JOURNAL_BASE_MAX
    const char *path;            // where it was last sealed, for people; NULL = ""
    const char *error;           // why it is FAILED, CONFLICT or waits; NULL = ""
    int64_t not_before_s;        // wall clock; 0 = now
    uint32_t tries;
};

// A commit that is being made.
struct journal_batch {
    const char *id; // what its description says, to find it again
    const void *parent;
    size_t parent_len;
    uint32_t state; // the committer's own
    const char *description;
    int64_t at_s;
};
struct journal_item {
    uint32_t op; // the committer's own
    const char *path;
    size_t path_len;
    uint64_t inode; // 0 = none (a deletion)
    uint64_t generation;
    const void *extra;
    size_t extra_len;
};

// ------------------------------------------------------------------- opening and closing

struct journal_config {
    const char *dir;        // made with 0700 when it is not there
    const char *mountpoint; // told to a second opener; NULL = "hugfs recover"
    uint64_t first_id;      // of inodes; used when the journal is new
};

// Opens or makes the journal and starts its thread. Open after daemonising.
//   ERR_BUSY          another process owns the directory; the sentence names it
//   ERR_NEWER_SCHEMA  a newer hugfs wrote it; nothing was touched
//   ERR_DAMAGED       nothing was touched; the sentence names `hugfs recover`
//   ERR_READ_ONLY, ERR_NO_SPACE, ERR_ACCESS with a sentence that names the folder
NODISCARD enum err journal_open(const struct journal_config *config, struct why *why,
                                struct journal **out);
// Finishes what was submitted (durably): when it returns all `done` have been called, and nothing may
// be submitted any more. NULL is fine.
void journal_stop(struct journal *journal);
// Closes, stopped or not. The error of what could not be stored.
enum err journal_close(struct journal *journal);
// Moves a damaged journal.db with its staging files to a new folder in `dir`, so that the
// next journal_open() begins anew. ERR_BUSY while a process owns `dir`.
NODISCARD enum err journal_set_aside(const char *dir, struct why *why, char **out_folder);

struct staging *journal_staging(struct journal *journal);
// A new inode id; never given out before. Any thread.
uint64_t journal_next_id(struct journal *journal);

// Everything that is stored by now: what was submitted may still be on its way. Any function may
// be NULL. What a row points to is valid during the call. The functions must not
// call the journal. An error that one returns ends the loading. Bytes of small files that a
// power cut took from the staging files were already put back by journal_open().
struct journal_visitor {
    enum err (*inode)(void *ctx, const struct journal_inode *inode);
    // inode 0: a whiteout
    enum err (*name)(void *ctx, uint64_t dir, const char *name, size_t len,
                     uint64_t inode, const void *extra, size_t extra_len);
    // All batches, the oldest first; after each its items in order.
    enum err (*batch)(void *ctx, const struct journal_batch *batch);
    enum err (*item)(void *ctx, const char *batch_id, const struct journal_item *item);
    enum err (*meta)(void *ctx, const char *key, const void *value, size_t len);
    void *ctx;
};
// ERR_DAMAGED with a sentence when a row fails its checksum.
NODISCARD enum err journal_load(struct journal *journal,
                                const struct journal_visitor *visitor, struct why *why);

// -------------------------------------------------------------------------------- changes

// A change under construction; everything is copied. One thread at a time. Out of memory and
// values that are too large are remembered and make journal_submit() fail the change, so
// nothing here returns an error; _new() returns NULL without memory, which all verbs and
// journal_submit() accept (done gets ERR_NO_MEMORY).
struct journal_change *journal_change_new(void);
void journal_change_free(struct journal_change *change); // one that is not submitted

void journal_change_put_inode(struct journal_change *change,
                              const struct journal_inode *inode);
void journal_change_drop_inode(struct journal_change *change, uint64_t id);
// `inode` 0 = a whiteout; `extra` is the caller's own.
void journal_change_put_name(struct journal_change *change, uint64_t dir,
                             const char *name, size_t len, uint64_t inode,
                             const void *extra, size_t extra_len);
void journal_change_drop_name(struct journal_change *change, uint64_t dir,
                              const char *name, size_t len);
// Compare and set: the layer of inode `id` that has this generation goes from one state to
// the other, the inode's error, not_before_s and tries are replaced. When the layer is not
// there or in another state the whole change fails with ERR_STALE.
void journal_change_move_state(struct journal_change *change, uint64_t id,
                               uint64_t generation, enum journal_state from,
                               enum journal_state to, const char *error,
                               int64_t not_before_s, uint32_t tries);
void journal_change_put_batch(struct journal_change *change,
                              const struct journal_batch *batch,
                              const struct journal_item *items, size_t n);
void journal_change_drop_batch(struct journal_change *change, const char *id);
// `key` does not begin with a full stop.
void journal_change_put_meta(struct journal_change *change, const char *key,
                             const void *value, size_t len);
void journal_change_drop_meta(struct journal_change *change, const char *key);
// The bytes of the layer's staging file are safe before the change is stored: needed by every
// change that makes a layer with ranges SEALED (by a put or by move_state). `fd` is
// used until journal_submit() returns. Small contents travel in the journal instead of being
// synced. If syncing fails the change fails, and so does each later sync of that layer: the
// kernel has dropped the bytes, only writing them to a new layer helps.
void journal_change_sync(struct journal_change *change, uint64_t id, uint32_t number,
                         int fd);
// Removes the layer's staging file after the change is stored. No row may name it then.
void journal_change_remove_staging(struct journal_change *change, uint64_t id,
                                   uint32_t number);

// Takes the change over. `done` (may be NULL) is called once, on the journal's thread without
// a lock held, when the change is stored or has failed; it may submit, and must not block.
//   durable  stored means: survives a power cut, with all changes submitted before it. They
//            are grouped: whatever waits shares the flushes.
//   else     stored means: survives this process. May wait some 20 ms for company.
// ERR_STALE: a move_state did not apply. ERR_SYSTEM, ERR_NO_SPACE with a sentence: a staging
// file could not be synced; nothing of the change happened, the others are not affected.
// ERR_NO_SPACE with `queued` true: the disk is full; the change stays in line, in memory, and
// is tried again (with each submit, and each second).
// ERR_SYSTEM for all from the first time that the disk fails journal.db: it is closed to
// writing until it is opened again. Any thread; copies at most 16 KiB from `fd`.
struct journal_result {
    enum err err;
    bool queued;
    const char *sentence; // "" = none; valid during the call
};
typedef void (*journal_done_fn)(void *ctx, const struct journal_result *result);
void journal_submit(struct journal *journal, struct journal_change *change, bool durable,
                    journal_done_fn done, void *ctx);
// A durable change without content: what was submitted before is safe when it is done.
void journal_flush(struct journal *journal, journal_done_fn done, void *ctx);

struct journal_stats {
    uint64_t inodes; // rows
    uint64_t names;
    uint64_t batches;
    uint64_t staging_files;
    uint64_t staging_bytes; // blocks on disk
    uint64_t queued;        // changes that wait
    uint64_t flushes;       // fdatasync and fsync calls, WAL included
    uint64_t transactions;
    bool full;   // the disk refused the last transaction
    bool broken; // the disk failed: nothing is stored any more
};
void journal_stats(struct journal *journal, struct journal_stats *out);
