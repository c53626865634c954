// SPDX-License-Identifier: Apache-2.0
// The flushes before a transaction: each large staging file of the line once, and the folder,
// side by side: the file system makes one commit of its own journal for all that come at once.
#include "cache/journal_state.h"

#include <errno.h>
#include <inttypes.h>

struct latch {
    struct lock lock;
    struct condition zero;
    size_t left GUARDED_BY(lock);
};

// One file to flush. `error` is errno.
struct flush {
    struct job job;
    struct latch *latch;
    const struct op *op;
    int error;
};

static bool is_same_layer(const struct op *a, const struct op *b)
{
    return cell_equal(&a->cells[0], &b->cells[0]) &&
           cell_equal(&a->cells[1], &b->cells[1]);
}

static bool is_lost(const struct journal *journal, const struct op *op)
{
    for (const struct lost_layer *lost = journal->lost; lost; lost = lost->next) {
        if (lost->id == (uint64_t)op->cells[0].number &&
            lost->number == (uint32_t)op->cells[1].number) {
            return true;
        }
    }
    return false;
}

static void lose(struct journal *journal, const struct op *op)
{
    struct lost_layer *lost = calloc(1, sizeof(*lost));
    if (lost) {
        *lost = (struct lost_layer){journal->lost, (uint64_t)op->cells[0].number,
                                    (uint32_t)op->cells[1].number};
        journal->lost = lost;
    }
}

static void fail_sync(struct journal_change *change, const struct op *op, enum err err)
{
    change->err =
        why_set(&change->why, err == ERR_NO_SPACE ? err : ERR_SYSTEM,
                "the disk did not take staging/%016" PRIx64 ".%" PRId64
                ".data (%s); what was written since the last save is lost",
                (uint64_t)op->cells[0].number, op->cells[1].number, err_sentence(err));
    log_error("cache", "%s", change->why.text);
}

// fdatasync() of one descriptor, once: a second one would say that all is well.
static void flush(struct flush *flush)
{
    CRASH_POINT("journal.sync");
    flush->error = fdatasync(flush->op->fd) == 0 ? 0 : errno;
    CRASH_POINT("journal.synced");
}

static void run_flush(struct job *job)
{
    struct flush *one = (struct flush *)(void *)job; // its first member
    struct latch *latch = one->latch;
    flush(one);
    lock_acquire(&latch->lock);
    if (--latch->left == 0) {
        condition_signal(&latch->zero);
    }
    lock_release(&latch->lock);
}

// The syncs of the line that have a file to flush.
static size_t count_syncs(const struct journal *journal)
{
    size_t n = 0;
    for (const struct journal_change *change = journal->line; change;
         change = change->next) {
        for (const struct op *op = change->first; op && !change->is_flushed;
             op = op->next) {
            n += op->kind == OP_SYNC && op->fd >= 0 && !change->err;
        }
    }
    return n;
}

static bool has_flush(const struct flush *flushes, size_t n, const struct op *op)
{
    for (size_t i = 0; i < n; i++) {
        if (is_same_layer(flushes[i].op, op)) {
            return true;
        }
    }
    return false;
}

// One for each layer.
static size_t collect(const struct journal *journal, struct flush *flushes)
{
    size_t n = 0;
    for (const struct journal_change *change = journal->line; change;
         change = change->next) {
        for (const struct op *op = change->first; op && !change->is_flushed;
             op = op->next) {
            if (op->kind == OP_SYNC && op->fd >= 0 && !change->err &&
                !is_lost(journal, op) && !has_flush(flushes, n, op)) {
                flushes[n++] = (struct flush){.job = {.run = run_flush}, .op = op};
            }
        }
    }
    return n;
}

// Returns the folder's error.
static enum err run_all(struct journal *journal, struct flush *flushes, size_t n)
{
    struct latch latch = {.left = n};
    lock_init(&latch.lock);
    condition_init(&latch.zero);
    for (size_t i = 0; i < n; i++) {
        flushes[i].latch = &latch;
        worker_pool_submit(journal->pool, &flushes[i].job, JOB_DEMAND);
    }
    enum err err = staging_sync_folder(journal->staging, &journal->flushes);
    lock_acquire(&latch.lock);
    while (latch.left > 0) {
        condition_wait(&latch.zero, &latch.lock);
    }
    lock_release(&latch.lock);
    condition_destroy(&latch.zero);
    lock_destroy(&latch.lock);
    journal->flushes += n;
    for (size_t i = 0; i < n; i++) {
        if (flushes[i].error) {
            lose(journal, flushes[i].op);
        }
    }
    return err;
}

static enum err error_of(const struct journal *journal, const struct flush *flushes,
                         size_t n, const struct op *op)
{
    for (size_t i = 0; i < n; i++) {
        if (flushes[i].error && is_same_layer(flushes[i].op, op)) {
            return err_from_errno(flushes[i].error);
        }
    }
    return is_lost(journal, op) ? ERR_SYSTEM : ERR_NONE;
}

static void mark(struct journal *journal, const struct flush *flushes, size_t n,
                 enum err folder)
{
    for (struct journal_change *change = journal->line; change; change = change->next) {
        for (const struct op *op = change->first;
             op && !change->err && !change->is_flushed; op = op->next) {
            if (op->kind != OP_SYNC) {
                continue;
            }
            enum err err = error_of(journal, flushes, n, op);
            err = err || op->fd < 0 ? err : folder;
            if (err) {
                fail_sync(change, op, err);
            }
        }
        change->is_flushed = true;
    }
}

void journal_flush_line(struct journal *journal)
{
    size_t n = count_syncs(journal);
    struct flush *flushes = n > 0 ? calloc(n, sizeof(*flushes)) : NULL;
    enum err folder = ERR_NONE;
    if (flushes) {
        n = collect(journal, flushes);
        folder = run_all(journal, flushes, n);
    } else if (n > 0) {
        n = 0;
        folder = ERR_NO_MEMORY; // nothing was flushed: these changes fail
    }
    mark(journal, flushes, n, folder);
    free(flushes);
}
