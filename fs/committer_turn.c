// SPDX-License-Identifier: Apache-2.0
// A turn of the committer: batch after batch until less is left than is due, or something stands in the
// way; then whoever waited is told.
#include "fs/committer_inside.h"

#include "fs/commit_base.h"
#include "fs/commit_batch.h"
#include "fs/commit_place.h"
#include "fs/commit_prepare.h"
#include "fs/commit_recover.h"
#include "fs/commit_send.h"

enum { NOTHING_MS = 5000 };

static void answer_current(struct committer *committer, enum err err,
                           const struct why *why)
{
    lock_acquire(&committer->lock);
    struct commit_wait *list = commit_waits_take(&committer->current);
    lock_release(&committer->lock);
    commit_waits_call(list, err, why);
}

// What keeps a file from the Hub although this turn has gone well.
static enum err still_here(struct committer *committer, size_t n_taken, struct why *why)
{
    struct overlay_waiting left;
    overlay_waiting(committer->work.overlay, &left);
    if (left.n_conflicts > 0) {
        return why_set(why, ERR_CONFLICT, "%llu in conflict: see `hugfs status`",
                       (unsigned long long)left.n_conflicts);
    }
    if (left.n_failed > 0) {
        return why_set(why, ERR_ACCESS, "%llu refused by the Hub: see `hugfs status`",
                       (unsigned long long)left.n_failed);
    }
    if (left.n_waiting > 0 && n_taken == 0) {
        return why_set(why, ERR_BUSY, "%llu can't be committed now: see `hugfs status`",
                       (unsigned long long)left.n_waiting);
    }
    return ERR_NONE;
}

// -------------------------------------------------------------------------------- batches

bool committer_has_left_overs(const struct committer *committer)
{
    const struct commit_work *work = &committer->work;
    return work->n_recovered > 0 || work->new_branch != NULL || work->pull > 0;
}

bool committer_looks_again(const struct committer *committer)
{
    return commit_recover_is_open(&committer->work) &&
           overlay_is_put_off(committer->work.overlay);
}

// What must be before anything is committed.
static enum commit_end begin(struct committer *committer)
{
    struct commit_work *work = &committer->work;
    struct why why = {""};
    enum err err = ERR_NONE;
    if (!committer->is_begun) {
        err = commit_place_open(work, &why);
        if (err == ERR_NONE) {
            err = commit_recover_look(work, &why);
        }
        committer->is_begun = err == ERR_NONE;
        if (err == ERR_NONE || !err_is_retriable(err)) {
            commit_base_let_go(work);
        }
    } else if (commit_recover_is_open(work)) {
        err = commit_recover_look(work, &why);
        if (err == ERR_NONE) {
            commit_base_let_go(work);
        }
    } else if (work->err == ERR_OFFLINE) { // cheaper than taking everything in vain
        err = commit_base_follow(work, &why, NULL);
    }
    return err == ERR_NONE ? COMMIT_END_DONE : commit_pause(work, err, &why);
}

// `sends`: else only what an earlier process has committed is landed.
static enum commit_end commit_one_batch(struct commit_work *work,
                                        struct commit_batch *batch, bool sends)
{
    enum commit_end end = commit_recover_land(work, batch);
    if (end == COMMIT_END_DONE && sends) {
        end = commit_prepare(work, batch);
    }
    if (end == COMMIT_END_DONE && sends) {
        end = commit_send(work, batch);
    }
    if (end == COMMIT_END_PAUSE) {
        commit_settle_rest(work, batch, work->err, &work->why);
    } else if (end == COMMIT_END_DONE) {
        commit_settle_rest(work, batch, ERR_NONE, NULL);
    }
    return end;
}

static bool is_asked(struct committer *committer)
{
    lock_acquire(&committer->lock);
    bool is_asked = committer->current.first != NULL;
    lock_release(&committer->lock);
    return is_asked;
}

// Whether what the last batch has left is committed in this turn.
static bool is_rest_due(struct committer *committer)
{
    return committer->work.has_narrowed || is_asked(committer) ||
           committer_is_due(committer);
}

static enum commit_end commit_all(struct committer *committer, bool sends,
                                  size_t *out_taken)
{
    struct commit_work *work = &committer->work;
    for (;;) {
        struct commit_batch batch;
        struct why why = {""};
        enum err err = commit_batch_take(work, &batch, &why);
        if (err != ERR_NONE) {
            return commit_pause(work, err, &why);
        }
        if (batch.n == 0) {
            commit_recover_forget(work);
            return COMMIT_END_DONE;
        }
        size_t n_landed = work->n_landed;
        *out_taken += batch.n;
        work->has_narrowed = false;
        enum commit_end end = commit_one_batch(work, &batch, sends);
        bool has_more = batch.taken.has_more || work->has_narrowed;
        commit_batch_release(work, &batch);
        CRASH_POINT("commit.batch_over");
        bool is_barren = work->n_landed == n_landed && !work->has_narrowed;
        committer->n_barren = is_barren ? committer->n_barren + 1 : 0;
        if (end == COMMIT_END_DONE && !has_more) {
            commit_recover_forget(work);
        }
        bool goes_on =
            end == COMMIT_END_DONE && has_more && sends && committer->n_barren == 0;
        if (!goes_on || !is_rest_due(committer)) {
            return end;
        }
    }
}

// What is told to whoever waits, and how long to keep still.
static void end_turn(struct committer *committer, enum commit_end end, size_t n_taken)
{
    struct commit_work *work = &committer->work;
    int64_t now_ms = clock_now_ms();
    struct why why = {""};
    committer->paused_ms = 0;
    committer->nothing_ms = n_taken == 0 ? now_ms + NOTHING_MS : 0;
    if (end == COMMIT_END_STOPPED) {
        return;
    }
    if (end == COMMIT_END_PAUSE) {
        committer->n_failed++;
        int64_t pause_ms =
            commit_pause_ms(work->err, committer->n_failed, commit_quota_ms(work));
        committer->paused_ms = now_ms + pause_ms;
        commit_report_trouble(&committer->report, work->err, &work->why);
        answer_current(committer, work->err, &work->why);
        return;
    }
    committer->n_failed = 0;
    if (committer->n_barren > 0 && n_taken > 0) {
        committer->paused_ms = now_ms + commit_pause_ms(ERR_BUSY, committer->n_barren, 0);
    }
    work->err = ERR_NONE;
    commit_report_trouble(&committer->report, ERR_NONE, NULL);
    enum err err = still_here(committer, n_taken, &why);
    lock_acquire(&committer->lock);
    struct commit_wait *list = commit_waits_take(&committer->current);
    lock_release(&committer->lock);
    while (list != NULL) {
        struct commit_wait *wait = list;
        list = wait->next;
        wait->next = NULL;
        if (!wait->is_for_file) {
            commit_waits_call(wait, err, &why);
        } else if (overlay_is_committed(work->overlay, wait->id)) {
            commit_waits_call(wait, ERR_NONE, NULL); // nothing was to be done for it
        } else {
            struct why own = {""};
            (void)why_set(&own, ERR_BUSY,
                          "the file is safe on this machine and not on the Hub yet: "
                          "somebody writes to it, or it has to wait");
            commit_waits_call(wait, ERR_BUSY, &own);
        }
    }
}

static void take_message(struct committer *committer)
{
    lock_acquire(&committer->lock);
    const char *text = committer->spoken != NULL ? committer->spoken : committer->message;
    free(committer->work.message);
    committer->work.message = text != NULL ? strdup(text) : NULL;
    committer->work.message_was_used = false;
    lock_release(&committer->lock);
}

// A message is of one turn's commits.
static void drop_message(struct committer *committer, enum commit_end end)
{
    bool was_kept = false;
    lock_acquire(&committer->lock);
    if (committer->spoken == NULL && committer->work.message_was_used &&
        committer->message != NULL &&
        strcmp(committer->message, committer->work.message) == 0) {
        free(committer->message);
        committer->message = NULL;
        was_kept = true;
    }
    // One that was said since is the next turn's.
    if (end == COMMIT_END_DONE && committer->spoken != NULL &&
        committer->work.message != NULL &&
        strcmp(committer->spoken, committer->work.message) == 0) {
        free(committer->spoken);
        committer->spoken = NULL;
    }
    lock_release(&committer->lock);
    if (was_kept) {
        struct journal_change *change = journal_change_new();
        journal_change_drop_meta(change, COMMIT_META_MESSAGE);
        journal_submit(committer->work.journal, change, false, NULL, NULL);
    }
}

// Whether somebody waits who wants it to be tried although it is not the time.
static bool is_wanted_now(struct committer *committer)
{
    bool is_wanted = clock_now_ms() >= committer->paused_ms;
    lock_acquire(&committer->lock);
    for (const struct commit_wait *wait = committer->current.first; wait != NULL;
         wait = wait->next) {
        is_wanted = is_wanted || !wait->is_for_file;
    }
    lock_release(&committer->lock);
    return is_wanted;
}

static bool has_work(struct committer *committer)
{
    struct overlay_waiting waiting;
    overlay_waiting(committer->work.overlay, &waiting);
    return waiting.n_waiting > 0 || committer_looks_again(committer) ||
           (!committer->is_begun && committer_has_left_overs(committer));
}

void committer_take_turn(struct committer *committer)
{
    enum commit_end end = COMMIT_END_DONE;
    size_t n_taken = 0;
    if (!is_wanted_now(committer)) {
        answer_current(committer,
                       committer->work.err != ERR_NONE ? committer->work.err : ERR_BUSY,
                       &committer->work.why);
        return;
    }
    bool sends = committer->policy.mode != COMMIT_MANUAL || is_asked(committer);
    take_message(committer);
    if (has_work(committer)) {
        end = begin(committer);
        if (end == COMMIT_END_DONE) {
            end = commit_all(committer, sends, &n_taken);
        }
    }
    drop_message(committer, end);
    end_turn(committer, end, n_taken);
}
