// SPDX-License-Identifier: Apache-2.0
// The journal: states, invariants, and the thread that stores changes in groups.
//
//   CLEAN -first write-> DIRTY -close, fsync-> SEALED -> UPLOADING -> UPLOADED -> COMMITTING
//     ^                    ^                    | ^          |           |            |
//     |                    +---- write again ---+ +----------+-----------+------------+
//     |                                               retriable error, rebase, lost xorb
//     +-- COMMITTED <-- the Hub has it ------------------------------------- COMMITTING
//                       CONFLICT <- the path changed remotely, FAILED <- for good: from
//                       SEALED..COMMITTING; back to SEALED or DIRTY by a person or a write
//
// Invariants; [rule] is checked at each change (journal_rules.c):
//  1 A layer is stored as SEALED or later only after its staging file was synced, and the
//    folder if it is new; or its bytes are in the same transaction (journal_small.c). [rule]
//  2 A staging file is removed only after the transaction that stored COMMITTED, or that took
//    the row's layer away, is on the disk. [rule]
//  3 A sealed layer is written again in place until it is UPLOADING; from then to COMMITTING
//    it does not change: a write makes a new generation with this one below it. At most one
//    generation is under way, so a row has at most two layers. [rule]
//  4 COMMITTING is stored, durably, with a batch (parent, id, paths and generations) before
//    the request is sent. [rule]
//  5 Until the Hub's answer is known, a COMMITTING layer, its row and its batch stay; after a
//    crash the committer asks whether a commit with the batch's id exists. [rule]
//  6 UPLOADED is a hint: the Hub may forget; the way back to SEALED is open. [rule]
//  7 Renames and deletions are rows as well, in the one order of submission.
//  8 States of a layer under way move only by compare and set on (id, generation); a row that
//    is put keeps them. [rule]
//
// A group: everything that waits is taken; each staging file is synced once, then the folder,
// then one transaction holds all changes, then everybody is told. Changes that nobody waits for
// let others join for GROUP_MS and are committed without a flush: the WAL is in the page cache,
// which outlives this process. A failed flush is never tried again: the kernel tells it once
// and drops the bytes.
//
// Locks: `lock` guards the queue and is held for pointers only, never over the disk.
#include "cache/journal_state.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>

enum {
    GROUP_MS = 20,
    GROUP_MAX = 1000,
    GATHER_MS = 2,
    FLUSH_THREADS = 4,
    LINES_BYTES_MAX = 16 << 20
};

const char *journal_state_name(enum journal_state state)
{
    static const char *const names[] = {
        [JOURNAL_CLEAN] = "clean",         [JOURNAL_DIRTY] = "dirty",
        [JOURNAL_SEALED] = "sealed",       [JOURNAL_UPLOADING] = "uploading",
        [JOURNAL_UPLOADED] = "uploaded",   [JOURNAL_COMMITTING] = "committing",
        [JOURNAL_COMMITTED] = "committed", [JOURNAL_CONFLICT] = "in conflict",
        [JOURNAL_FAILED] = "failed",
    };
    return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

// -------------------------------------------------------------------------- the queue

static void enqueue(struct journal *journal, struct journal_change *change)
    REQUIRES(journal->lock)
{
    if (!journal->queue) {
        journal->queued_ms = clock_now_ms();
    }
    *journal->queue_end = change;
    journal->queue_end = &change->next;
    journal->waiting += change->durable;
    journal->stats.queued++;
    condition_signal(&journal->wake);
}

void journal_submit(struct journal *journal, struct journal_change *change, bool durable,
                    journal_done_fn done, void *ctx)
{
    if (!change) {
        struct journal_result result = {ERR_NO_MEMORY, false, "out of memory"};
        if (done) {
            done(ctx, &result);
        }
        return;
    }
    journal_change_capture(change);
    change->durable = change->durable || durable;
    change->done = done;
    change->ctx = ctx;
    lock_acquire(&journal->lock);
    enqueue(journal, change);
    lock_release(&journal->lock);
}

void journal_flush(struct journal *journal, journal_done_fn done, void *ctx)
{
    journal_submit(journal, journal_change_new(), true, done, ctx);
}

// Moves at most GROUP_MAX changes from the queue to the line; returns how many are durable.
static unsigned take_group(struct journal *journal) REQUIRES(journal->lock)
{
    unsigned durable = 0;
    for (unsigned i = 0; i < GROUP_MAX && journal->queue; i++) {
        struct journal_change *change = journal->queue;
        journal->queue = change->next;
        durable += change->durable;
        change->next = NULL;
        *journal->line_end = change;
        journal->line_end = &change->next;
    }
    if (!journal->queue) {
        journal->queue_end = &journal->queue;
    }
    journal->waiting -= durable;
    return durable;
}

// When the next group is to be stored. Those who were told a moment ago mostly come back at
// once. Without waiting for them they and those who came meanwhile would be two groups for
// ever, each of which waits for the other one's flush. A disk that flushes fast is not waited
// for: `wanted_until_ms` is at most as far as the last group took.
static int64_t due_ms(const struct journal *journal) REQUIRES(journal->lock)
{
    int64_t due = INT64_MAX;
    if (journal->waiting > 0) {
        due = journal->waiting >= journal->wanted ? 0 : journal->wanted_until_ms;
    } else if (journal->queue) {
        due = journal->queued_ms + GROUP_MS;
    }
    return journal->line && journal->retry_ms < due ? journal->retry_ms : due;
}

// Waits until there is a group to store; false: closing, and nothing is left.
static bool wait_for_group(struct journal *journal) REQUIRES(journal->lock)
{
    for (;;) {
        if (journal->is_closing) {
            return journal->queue || journal->line;
        }
        int64_t due = due_ms(journal);
        if (due <= clock_now_ms()) {
            return true;
        }
        if (due == INT64_MAX) {
            condition_wait(&journal->wake, &journal->lock);
        } else {
            condition_wait_until(&journal->wake, &journal->lock, due);
        }
    }
}

static void *run(void *ctx)
{
    struct journal *journal = ctx;
    (void)prctl(PR_SET_NAME, "hugfs-journal");
    lock_acquire(&journal->lock);
    while (wait_for_group(journal)) {
        bool was_left = journal->line != NULL;
        bool is_last = journal->is_closing;
        unsigned durable = take_group(journal);
        bool had_more = journal->queue != NULL;
        lock_release(&journal->lock);
        int64_t began_ms = clock_now_ms();
        journal_store_line(journal);
        int64_t now_ms = clock_now_ms();
        int64_t took_ms = now_ms - began_ms;
        lock_acquire(&journal->lock);
        journal->wanted = durable + journal->waiting;
        journal->wanted_until_ms = now_ms + (took_ms < GATHER_MS ? took_ms : GATHER_MS);
        // A disk that is still full at the end is not waited for.
        if (is_last && journal->line && (was_left || !had_more)) {
            break;
        }
    }
    lock_release(&journal->lock);
    return NULL;
}

// ------------------------------------------------------------------ opening and closing

static enum err find_any(void *ctx, uint64_t id, uint32_t number)
{
    (void)id;
    (void)number;
    *(bool *)ctx = true;
    return ERR_NONE;
}

static enum err explain(const struct journal *journal, enum err err, bool has_files,
                        struct why *why)
{
    switch (err) {
    case ERR_NONE:
        return ERR_NONE;
    case ERR_ABSENT:
        return why_set(why, ERR_DAMAGED,
                       "%s is %s, but the staging folder beside it holds files; nothing "
                       "was changed: `hugfs recover` saves them",
                       journal->path, has_files ? "new or missing" : "missing");
    case ERR_DAMAGED:
        return why_set(why, err,
                       "%s is damaged; nothing was changed: `hugfs recover` saves what "
                       "waits there",
                       journal->path);
    case ERR_NEWER_SCHEMA:
        return why_set(why, err, "%s was written by a newer hugfs; it was not touched",
                       journal->path);
    default:
        return why && why->text[0] ? err
                                   : why_set(why, err, "cannot open %s: %s",
                                             journal->path, err_sentence(err));
    }
}

static enum err open_files(struct journal *journal, const struct journal_config *config,
                           struct why *why)
{
    enum err err = file_make_dirs(journal->dir, 0700, why);
    err = err ? err
              : journal_lock_folder(journal->dir, config->mountpoint, why,
                                    &journal->lock_fd);
    err = err ? err : staging_open_folder(journal->dir, why, &journal->staging);
    bool has_files = false;
    err = err ? err : staging_each(journal->staging, find_any, &has_files);
    if (err) {
        return why && why->text[0] ? err
                                   : why_set(why, err, "cannot use %s: %s", journal->dir,
                                             err_sentence(err));
    }
    if (why) {
        why->text[0] = '\0';
    }
    err = journal_db_open(journal->path, !has_files, &journal->db);
    err = err ? err : journal_take_stock(journal, config->first_id, why);
    return explain(journal, err, has_files, why);
}

static struct journal *make(const struct journal_config *config)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    if (!journal) {
        return NULL;
    }
    journal->lock_fd = -1;
    lock_init(&journal->lock);
    lock_init(&journal->db_lock);
    condition_init(&journal->wake);
    journal->queue_end = &journal->queue;
    journal->line_end = &journal->line;
    journal->names_lines = buffer_init(LINES_BYTES_MAX);
    journal->dir = strdup(config->dir);
    if (asprintf(&journal->path, "%s/journal.db", config->dir) < 0) {
        journal->path = NULL;
    }
    return journal;
}

static void release(struct journal *journal, bool clean)
{
    while (journal->lost) {
        struct lost_layer *lost = journal->lost;
        journal->lost = lost->next;
        free(lost);
    }
    if (journal->pool) {
        worker_pool_free(journal->pool);
    }
    if (clean) {
        enum err err = journal_restore_small(&journal->db, journal->staging, NULL);
        (void)err; // a help for people: the next opening does it again
    }
    journal_db_close(&journal->db, clean);
    staging_close_folder(journal->staging);
    if (journal->lock_fd >= 0) {
        close(journal->lock_fd);
    }
    buffer_release(&journal->names_lines);
    condition_destroy(&journal->wake);
    lock_destroy(&journal->db_lock);
    lock_destroy(&journal->lock);
    free(journal->path);
    free(journal->dir);
    free(journal);
}

enum err journal_open(const struct journal_config *config, struct why *why,
                      struct journal **out)
{
    struct journal *journal = make(config);
    if (!journal) {
        return ERR_NO_MEMORY;
    }
    enum err err = ERR_NO_MEMORY;
    if (journal->dir && journal->path) {
        err = open_files(journal, config, why);
    }
    if (!err) {
        journal_write_readme(journal->dir);
        journal_write_names(journal);
        journal_publish(journal, false, false);
        err = worker_pool_new(FLUSH_THREADS, "hugfs-flush", &journal->pool);
    }
    if (!err) {
        int failed = pthread_create(&journal->thread, NULL, run, journal);
        err = failed ? why_set(why, err_from_errno(failed), "cannot start a thread")
                     : ERR_NONE;
    }
    if (err) {
        release(journal, false);
        return err;
    }
    *out = journal;
    return ERR_NONE;
}

void journal_stop(struct journal *journal)
{
    if (!journal || journal->is_stopped) {
        return;
    }
    journal_flush(journal, NULL, NULL);
    lock_acquire(&journal->lock);
    journal->is_closing = true;
    condition_signal(&journal->wake);
    lock_release(&journal->lock);
    pthread_join(journal->thread, NULL);
    journal->left = journal->line ? ERR_NO_SPACE : ERR_NONE;
    journal->left = journal->why.text[0] ? ERR_SYSTEM : journal->left;
    journal_drop_line(journal, ERR_NO_SPACE, "no space is left on the device");
    journal->is_stopped = true;
}

enum err journal_close(struct journal *journal)
{
    if (!journal) {
        return ERR_NONE;
    }
    journal_stop(journal);
    enum err err = journal->left;
    release(journal, !err);
    return err;
}

struct staging *journal_staging(struct journal *journal)
{
    return journal->staging;
}

uint64_t journal_next_id(struct journal *journal)
{
    return atomic_fetch_add(&journal->next_id, 1);
}

void journal_stats(struct journal *journal, struct journal_stats *out)
{
    lock_acquire(&journal->lock);
    struct journal_stats stats = journal->stats;
    lock_release(&journal->lock);
    staging_usage(journal->staging, &stats.staging_files, &stats.staging_bytes);
    *out = stats;
}
