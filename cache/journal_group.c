// SPDX-License-Identifier: Apache-2.0
// One group: the transaction and the answers. On the journal's thread.
//
// SQLite is told about a full disk apart from all other errors. Full: the changes stay in line
// and who waits is told; the ballast is given up first, so that mostly nobody notices.
// Anything else, and any flush of the WAL that failed, leaves unknown what the disk has: from
// then on the journal refuses everything until it is opened again and reads what is there.
#include "cache/journal_state.h"

enum { RETRY_MS = 1000, WAL_FRAMES_MAX = CRASH_LIMIT(1000, 150) };

// -------------------------------------------------------------------- one transaction

static bool removes_files(const struct journal_change *change)
{
    for (const struct op *op = change->first; op; op = op->next) {
        if (op->kind == OP_REMOVE_STAGING) {
            return true;
        }
    }
    return false;
}

// A file goes only when no power cut brings back the row that names it.
static bool line_is_durable(const struct journal *journal)
{
    for (const struct journal_change *change = journal->line; change;
         change = change->next) {
        if (change->durable || removes_files(change)) {
            return true;
        }
    }
    return false;
}

static bool line_has_rows(const struct journal *journal)
{
    for (const struct journal_change *change = journal->line; change;
         change = change->next) {
        if (!change->err && change->first) {
            return true;
        }
    }
    return false;
}

// A flush of what earlier transactions left in the page cache needs a row to write.
static enum err touch(struct journal *journal)
{
    enum err err = sql_exec(journal->db.db, "BEGIN IMMEDIATE");
    err = err ? err
              : journal_db_put(&journal->db, PUT_META,
                               (struct cell[]){cell_text(".flush"), cell_text("")},
                               META_CELLS);
    err = err ? err : sql_exec(journal->db.db, "COMMIT");
    if (err && !sqlite3_get_autocommit(journal->db.db)) {
        enum err rolled = sql_exec(journal->db.db, "ROLLBACK");
        (void)rolled;
    }
    return err;
}

static enum err store(struct journal *journal, bool durable)
{
    enum err err = journal_db_set_full(&journal->db, durable);
    journal->db.has_written = false;
    if (!err && line_has_rows(journal)) {
        err = journal_apply(journal);
        journal->transactions += !err;
    }
    if (!err && durable && journal->has_unflushed && !journal->db.has_written) {
        err = touch(journal);
    }
    if (!err && journal->db.has_written) {
        journal->flushes += durable;
        journal->has_unflushed = !durable;
        CRASH_POINT("journal.committed");
    }
    if (!err && journal->counts.batches < 0) {
        err = sql_query_i64(journal->db.db, "SELECT count(*) FROM batch",
                            &journal->counts.batches);
    }
    return err;
}

// A full disk is waited for. Everything else, and a flush of the WAL that failed for whatever
// reason, leaves what is on the disk unknown.
static bool is_full(struct journal *journal, enum err err)
{
    int code = sqlite3_extended_errcode(journal->db.db);
    return (err == ERR_NO_SPACE || err == ERR_NO_MEMORY) && code != SQLITE_IOERR_FSYNC;
}

static void remove_files(struct journal *journal, const struct journal_change *change)
{
    for (const struct op *op = change->first; op; op = op->next) {
        if (op->kind == OP_REMOVE_STAGING) {
            staging_remove(journal->staging, (uint64_t)op->cells[0].number,
                           (uint32_t)op->cells[1].number);
        }
    }
}

void journal_publish(struct journal *journal, bool full, bool broken)
{
    lock_acquire(&journal->lock);
    journal->is_broken = journal->is_broken || broken;
    journal->stats = (struct journal_stats){
        .inodes = (uint64_t)journal->counts.inodes,
        .names = (uint64_t)journal->counts.names,
        .batches = (uint64_t)journal->counts.batches,
        .queued = journal->stats.queued,
        .flushes = journal->flushes,
        .transactions = journal->transactions,
        .full = full,
        .broken = journal->is_broken,
    };
    lock_release(&journal->lock);
}

void journal_drop_line(struct journal *journal, enum err err, const char *sentence)
{
    while (journal->line) {
        struct journal_change *change = journal->line;
        journal->line = change->next;
        if (!err && !change->err) {
            remove_files(journal, change);
        }
        lock_acquire(&journal->lock);
        journal->stats.queued--;
        lock_release(&journal->lock);
        journal_change_finish(change, change->err ? change->err : err, false,
                              change->err ? change->why.text : sentence);
        journal_change_free(change);
    }
    journal->line_end = &journal->line;
}

// The disk is full: who waits is told, the changes stay in line.
static void keep_line(struct journal *journal, enum err err, const char *sentence)
{
    journal->retry_ms = clock_now_ms() + RETRY_MS;
    for (struct journal_change *change = journal->line; change; change = change->next) {
        if (change->durable) {
            journal_change_finish(change, change->err ? change->err : err, !change->err,
                                  change->err ? change->why.text : sentence);
        }
    }
}

// The kernel tells once that it has lost what was written; whoever asks again is told that all is well.
static void note_lost_wal(struct journal *journal)
{
    (void)why_set(&journal->why, ERR_SYSTEM, "cannot write %s: %s", journal->path,
                  sqlite3_errmsg(journal->db.db));
    log_error("cache", "%s", journal->why.text);
    journal_publish(journal, false, true);
}

static void tidy(struct journal *journal)
{
    if (staging_names_are_long(journal->staging)) {
        journal_write_names(journal);
    }
    staging_make_ballast(journal->staging);
    if (journal->db.wal_frames > WAL_FRAMES_MAX) {
        CRASH_POINT("journal.checkpoint");
        int rc = sqlite3_wal_checkpoint_v2(journal->db.db, NULL,
                                           SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        if ((rc & 0xff) == SQLITE_IOERR) {
            note_lost_wal(journal);
        }
        journal->flushes += 2;
        CRASH_POINT("journal.checkpointed");
    }
}

void journal_store_line(struct journal *journal)
{
    if (journal->why.text[0]) {
        journal_drop_line(journal, ERR_SYSTEM, journal->why.text);
        return;
    }
    bool durable = line_is_durable(journal);
    journal_flush_line(journal);
    lock_acquire(&journal->db_lock);
    enum err err = store(journal, durable);
    if (err == ERR_NO_SPACE && is_full(journal, err)) {
        staging_drop_ballast(journal->staging);
        err = store(journal, durable);
    }
    struct why why = {{0}};
    if (err) {
        why_set(&why, err, "cannot write %s: %s", journal->path,
                sqlite3_errmsg(journal->db.db));
        log_error("cache", "%s", why.text);
    }
    bool full = err && is_full(journal, err);
    lock_release(&journal->db_lock);
    journal_publish(journal, full, err && !full);
    if (full) {
        keep_line(journal, ERR_NO_SPACE, why.text);
        return;
    }
    if (err) {
        journal->why = why;
    } else {
        journal_append_names(journal); // what is confirmed can be found without us
    }
    journal_drop_line(journal, err ? ERR_SYSTEM : ERR_NONE, why.text);
    if (!err) {
        lock_acquire(&journal->db_lock);
        tidy(journal);
        lock_release(&journal->db_lock);
    }
}
