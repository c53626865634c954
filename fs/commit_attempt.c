// SPDX-License-Identifier: Apache-2.0
// A round: check the items against the parent, write the body, tell the journal, send, look what
// became of it. Another round follows when the branch has moved, or the Hub lacks content.
//
// Invariants: the batch's row is durable before its body is sent. A reply that is no clear no is
// looked into before anything else is done. A row is dropped only when it is known what became of
// the body, or when the branch has moved past its parent.
#include "fs/commit_attempt.h"

#include "fs/commit_above.h"
#include "fs/commit_ask.h"
#include "fs/commit_base.h"
#include "fs/commit_body_of.h"
#include "fs/commit_check.h"
#include "fs/commit_journal.h"
#include "fs/commit_land.h"
#include "fs/commit_recover.h"
#include "fs/commit_upload.h"
#include "fs/commit_verdict.h"

enum { ROUNDS_MAX = 20 };

enum next { NEXT_ROUND, NEXT_OVER };

enum err commit_attempt_new(struct commit_work *work, struct commit_batch *batch,
                            struct commit_item *const *items, size_t n,
                            struct commit_attempt **out)
{
    struct commit_attempt *attempt = calloc(1, sizeof(*attempt));
    if (attempt == NULL) {
        return ERR_NO_MEMORY;
    }
    attempt->work = work;
    attempt->batch = batch;
    attempt->items = items;
    attempt->n = n;
    commit_id_new(attempt->id);
    *out = attempt;
    return ERR_NONE;
}

void commit_attempt_free(struct commit_attempt *attempt)
{
    hub_commit_body_free(attempt->body);
    free(attempt->description);
    free(attempt);
}

static enum next over(struct commit_attempt *attempt, enum commit_outcome outcome,
                      enum err err)
{
    bool is_stopped = err == ERR_CANCELLED && commit_is_stopping(attempt->work);
    attempt->outcome = is_stopped ? COMMIT_ATTEMPT_STOPPED : outcome;
    attempt->err = err;
    return NEXT_OVER;
}

// How an error that is about the Hub, and not about a commit that may have been made, ends it.
static enum next fail(struct commit_attempt *attempt, enum err err)
{
    return over(attempt, COMMIT_ATTEMPT_LATER, err);
}

// ---------------------------------------------------------------------------- before it goes

static size_t count_open(const struct commit_attempt *attempt)
{
    size_t n = 0;
    for (size_t i = 0; i < attempt->n; i++) {
        n += attempt->items[i]->fate == COMMIT_FATE_OPEN;
    }
    return n;
}

static enum err get_ready(struct commit_attempt *attempt)
{
    struct commit_work *work = attempt->work;
    struct snapshot_view view;
    snapshot_current(work->mount->snapshot, &view);
    attempt->parent = view.commit;
    enum err err = commit_check(work, attempt->items, attempt->n, &attempt->parent,
                                attempt->asks_all, &attempt->why);
    if (err == ERR_NONE) {
        commit_hold_back(work, attempt->batch);
        err = commit_check_above(work, attempt->items, attempt->n, &attempt->parent,
                                 &attempt->why);
    }
    if (err == ERR_NONE) {
        commit_hold_back(work, attempt->batch); // for what has failed since
        err = commit_body_of(attempt);
    }
    return err;
}

static enum err note_in_journal(struct commit_attempt *attempt)
{
    struct commit_work *work = attempt->work;
    CRASH_POINT("commit.batch_row");
    enum err err =
        commit_journal_put(work, attempt->id, &attempt->parent, attempt->description,
                           attempt->items, attempt->n, &attempt->why);
    CRASH_POINT("commit.batch_row_stored");
    if (err != ERR_NONE) {
        return err;
    }
    attempt->has_row = true;
    for (size_t i = 0; i < attempt->n; i++) {
        if (attempt->items[i]->fate == COMMIT_FATE_OPEN) {
            commit_own_note_sent(&work->own, attempt->items[i]->item->path,
                                 commit_item_ours(attempt->items[i]));
        }
    }
    return ERR_NONE;
}

// It is sure that it was not made, and never will be.
static void forget(struct commit_attempt *attempt)
{
    if (!attempt->has_row) {
        return;
    }
    commit_journal_drop(attempt->work, attempt->id);
    attempt->has_row = false;
    for (size_t i = 0; i < attempt->n; i++) {
        if (attempt->items[i]->fate == COMMIT_FATE_OPEN) {
            commit_own_take_back(&attempt->work->own, attempt->items[i]->item->path,
                                 commit_item_ours(attempt->items[i]));
        }
    }
}

// ----------------------------------------------------------------------------- after it went

static enum next made(struct commit_attempt *attempt, const struct oid *commit)
{
    struct commit_work *work = attempt->work;
    const struct commit_landing landing = {.parent = attempt->parent,
                                           .commit = *commit,
                                           .is_made = true,
                                           .batch = attempt->id};
    char hex[OID_HEX_SIZE];
    oid_to_hex(commit, hex);
    log_info("fs", "made a commit commit=%s files=%zu title=\"%s\"", hex,
             count_open(attempt), attempt->title);
    work->message_was_used = work->message != NULL;
    // Whatever names an older parent can't come to be any more. Before the landing: one that was left
    // after it would make the next mount show that parent, without what has landed.
    commit_recover_close(work);
    commit_journal_drop_kept(work, commit);
    CRASH_POINT("commit.older_rows_dropped");
    if (commit_land(work, attempt->items, attempt->n, &landing) == COMMIT_END_STOPPED) {
        return over(attempt, COMMIT_ATTEMPT_STOPPED, ERR_CANCELLED);
    }
    return over(attempt, COMMIT_ATTEMPT_MADE, ERR_NONE);
}

struct look {
    struct head head;
    struct hub_found_commit found;
};

// Asks until it is known where the branch stands, and whether our commit is in it. ERR_CANCELLED;
// ERR_NOT_FOUND, ERR_ACCESS: there is no branch for us any more.
static enum err look(struct commit_attempt *attempt, struct look *out)
{
    struct commit_work *work = attempt->work;
    char needle[COMMIT_TRAILER_SIZE];
    commit_trailer(attempt->id, needle);
    commit_report_doing(work->report, COMMIT_SENDING, 0);
    for (unsigned n_failed = 1;; n_failed++) {
        *out = (struct look){.found = {.found = false}};
        enum err err = commit_ask_head(work, &attempt->why, &out->head);
        if (err == ERR_NONE && !oid_equal(&out->head.ref.sha, &attempt->parent)) {
            err = commit_ask_found(work, &attempt->parent, needle, &attempt->why,
                                   &out->found);
        }
        if (err == ERR_NONE || err == ERR_NOT_FOUND || err == ERR_ACCESS) {
            return err;
        }
        if (!commit_hold_still(work, err, &attempt->why, n_failed)) {
            return ERR_CANCELLED;
        }
    }
}

static enum next move_base(struct commit_attempt *attempt, const struct head *head)
{
    if (commit_recover_is_open(attempt->work)) {
        // What the branch has by now may be ours: that is looked into before the next turn.
        commit_journal_drop(attempt->work, attempt->id);
        attempt->has_row = false;
        return fail(attempt, ERR_BUSY);
    }
    for (unsigned n_failed = 1;; n_failed++) {
        enum err err = commit_base_move(attempt->work, head, &attempt->why);
        if (err == ERR_NONE) {
            log_info("fs", "somebody else has committed: what was saved follows theirs");
            commit_journal_drop(attempt->work,
                                attempt->id); // its parent is the head no more
            attempt->has_row = false;
            return NEXT_ROUND;
        }
        if (!commit_hold_still(attempt->work, err, &attempt->why, n_failed)) {
            return over(attempt, COMMIT_ATTEMPT_STOPPED, ERR_CANCELLED);
        }
    }
}

// Whether it has to be sent again, unchanged.
static bool has_to_be_repeated(struct commit_attempt *attempt, bool was_resent,
                               enum next *out_next)
{
    struct look found;
    enum err because = attempt->err;
    enum err err = look(attempt, &found);
    if (err != ERR_NONE) {
        // Whether it was made stays open.
        commit_journal_keep(attempt->work, attempt->id, &attempt->parent);
        *out_next = over(attempt, COMMIT_ATTEMPT_REFUSED, err);
        return false;
    }
    bool is_parent = oid_equal(&found.head.ref.sha, &attempt->parent);
    switch (commit_judge_head(is_parent, found.found.found, was_resent)) {
    case COMMIT_SEND_AGAIN:
        return true;
    case COMMIT_HAS_LANDED:
        *out_next = made(attempt, &found.found.oid);
        return false;
    case COMMIT_LOOK_LATER:
        commit_journal_keep(attempt->work, attempt->id, &attempt->parent);
        *out_next = fail(attempt, err_is_retriable(because) ? because : ERR_BUSY);
        return false;
    case COMMIT_REBASE:
        break;
    }
    *out_next = move_base(attempt, &found.head);
    return false;
}

static enum next upload_again(struct commit_attempt *attempt)
{
    if (attempt->has_uploaded_again) {
        return over(attempt, COMMIT_ATTEMPT_TOO_MUCH, ERR_USAGE);
    }
    attempt->has_uploaded_again = true;
    enum err err = commit_upload(attempt->work, attempt->batch, true, &attempt->why);
    return err != ERR_NONE ? fail(attempt, err) : NEXT_ROUND;
}

// What to do about a clear no.
static enum next act(struct commit_attempt *attempt, enum commit_reply verdict)
{
    switch (verdict) {
    case COMMIT_LACKS_CONTENT:
        return upload_again(attempt);
    case COMMIT_IS_TOO_MUCH:
        return over(attempt, COMMIT_ATTEMPT_TOO_MUCH,
                    attempt->err == ERR_TOO_LARGE ? ERR_FILE_TOO_LARGE : ERR_USAGE);
    case COMMIT_IS_REFUSED:
        if (attempt->err == ERR_NOT_FOUND && !attempt->asks_all) {
            // Perhaps what was to be deleted, by somebody who was first.
            struct look found;
            attempt->asks_all = true;
            bool is_moved = look(attempt, &found) == ERR_NONE &&
                            !oid_equal(&found.head.ref.sha, &attempt->parent);
            return is_moved ? move_base(attempt, &found.head) : NEXT_ROUND;
        }
        return over(attempt, COMMIT_ATTEMPT_REFUSED, attempt->err);
    default:
        return fail(attempt, attempt->err);
    }
}

static enum next send_body(struct commit_attempt *attempt)
{
    struct commit_work *work = attempt->work;
    enum next next = NEXT_OVER;
    for (bool was_resent = false;; was_resent = true) {
        struct hub_committed reply;
        commit_report_doing(work->report, COMMIT_SENDING, 0);
        CRASH_POINT("commit.post");
        attempt->why = (struct why){""};
        attempt->err = commit_ask_commit(work, attempt->body, &attempt->why, &reply);
        if (attempt->err == ERR_CANCELLED && commit_is_stopping(work)) {
            return over(attempt, COMMIT_ATTEMPT_STOPPED, ERR_CANCELLED);
        }
        enum commit_reply verdict = commit_judge_reply(attempt->err, &reply);
        // A clear no to a second sending says nothing about the first.
        bool is_unknown =
            verdict == COMMIT_IS_UNKNOWN || (was_resent && verdict != COMMIT_IS_MADE);
        if (is_unknown) {
            if (has_to_be_repeated(attempt, was_resent, &next)) {
                continue;
            }
            return next;
        }
        if (verdict == COMMIT_IS_MADE) {
            return made(attempt, &reply.oid);
        }
        forget(attempt);
        return act(attempt, verdict);
    }
}

// While it is on its way nobody else moves the mount.
static enum next send_alone(struct commit_attempt *attempt)
{
    overlay_hold(attempt->work->overlay);
    enum next next = send_body(attempt);
    commit_base_let_go(attempt->work);
    return next;
}

static enum next take_round(struct commit_attempt *attempt)
{
    enum err err = get_ready(attempt);
    if (err == ERR_NONE && count_open(attempt) == 0) {
        forget(attempt); // nothing is left that it could bring
        return over(attempt, COMMIT_ATTEMPT_MADE, ERR_NONE);
    }
    if (err == ERR_NONE) {
        err = note_in_journal(attempt);
    }
    return err != ERR_NONE ? fail(attempt, err) : send_alone(attempt);
}

void commit_attempt_run(struct commit_attempt *attempt)
{
    for (int i = 0; i < ROUNDS_MAX; i++) {
        if (take_round(attempt) == NEXT_OVER) {
            return;
        }
    }
    (void)why_set(&attempt->why, ERR_BUSY,
                  "somebody else commits to the branch again and again");
    (void)fail(attempt, ERR_BUSY);
}
