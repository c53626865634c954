// SPDX-License-Identifier: Apache-2.0
// The way of what was saved, from this side (the journal has the same machine in journal.c):
//
//   SEALED --taken--> UPLOADING --all content is up--> COMMITTING --in the branch--> COMMITTED
//      ^                  |                                 |
//      |<--- later -------+---------------------------------+---> CONFLICT, FAILED: until somebody
//                                                                 changes the file or says so
//
//  1. Only what is sealed is taken: its bytes and names are durable.
//  2. Every item that is taken is landed, returned or told to be in conflict; nothing is dropped.
//     Where the mount ends first, the journal still has it.
//  3. A commit always names its parent, and (parent, id, paths, generations) is durable before it
//     is sent.
//  4. After a lost reply, a 412 or a crash the branch is looked at before anything else is sent:
//     a commit is made once.
//  5. Nobody else's change is overwritten: what stands at a path is what the item was made of, or
//     our own doing, or else it is a conflict.
//  6. Rows and staging files go only when the mount shows a commit that has them.
//
// A turn is: take, prepare, send, until nothing is left. Between turns the thread waits for time,
// for more, or for somebody who asks.
#include "fs/committer_inside.h"

#include "fs/commit_recover.h"

enum { OPENING_MS = 20, COUNT_EACH_MS = 100, COUNT_SHARE = 20 };

// ------------------------------------------------------------------------------ who waits

static void on_settled(void *ctx, const struct overlay_item *item, enum err err,
                       const struct why *why)
{
    struct committer *committer = ctx;
    struct commit_wait *late = NULL;
    lock_acquire(&committer->lock);
    struct commit_wait *list = commit_waits_settle(&committer->current, item, err, why);
    if (err == ERR_NONE) { // who has come meanwhile has what they want, too
        late = commit_waits_settle(&committer->waits, item, err, why);
    }
    lock_release(&committer->lock);
    commit_waits_call(list, ERR_NONE, NULL);
    commit_waits_call(late, ERR_NONE, NULL);
}

static void on_troubled(void *ctx, enum err err, const struct why *why)
{
    struct committer *committer = ctx;
    lock_acquire(&committer->lock);
    struct commit_wait *list = commit_waits_take(&committer->current);
    struct commit_wait *late = commit_waits_take(&committer->waits);
    lock_release(&committer->lock);
    commit_waits_call(list, err, why);
    commit_waits_call(late, err, why);
}

// ------------------------------------------------------------------------------- the thread

// Counting takes as long as much waits, so in a burst it is not done for each file.
static void count_waiting(struct committer *committer)
{
    int64_t begun_ms = clock_now_ms();
    overlay_waiting(committer->work.overlay, &committer->waiting);
    int64_t took_ms = clock_now_ms() - begun_ms;
    committer->count_again_ms = begun_ms + COUNT_EACH_MS + (COUNT_SHARE - 1) * took_ms;
    committer->has_more = false;
}

// Nothing is tried before, unless somebody asks.
static int64_t held_until_ms(const struct committer *committer)
{
    return committer->paused_ms > committer->nothing_ms ? committer->paused_ms
                                                        : committer->nothing_ms;
}

static int64_t commits_due_ms(const struct committer *committer, bool is_asked)
{
    const struct overlay_waiting *waiting = &committer->waiting;
    const struct commit_load load = {
        .n = waiting->n_waiting,
        .small_bytes = waiting->small_bytes,
        .first_ms = waiting->first_ms,
        .last_ms = waiting->last_ms,
        .is_asked = is_asked,
        .paused_ms = held_until_ms(committer),
    };
    return commit_due_ms(&committer->policy, &load);
}

bool committer_is_due(struct committer *committer)
{
    count_waiting(committer);
    return clock_now_ms() >= commits_due_ms(committer, false);
}

static int64_t next_turn_ms(struct committer *committer, bool is_asked)
{
    int64_t now_ms = clock_now_ms();
    if (committer->waiting.n_waiting == 0 || now_ms >= committer->count_again_ms ||
        now_ms >= commits_due_ms(committer, is_asked)) {
        count_waiting(committer);
    }
    int64_t due_ms = commits_due_ms(committer, is_asked);
    bool begins = !committer->is_begun && committer_has_left_overs(committer);
    int64_t begins_ms = begins                             ? committer->paused_ms
                        : committer_looks_again(committer) ? held_until_ms(committer)
                                                           : DEADLINE_NONE;
    return begins_ms < due_ms ? begins_ms : due_ms;
}

static void tell_waiting(struct committer *committer, int64_t due_ms)
{
    enum commit_doing doing = due_ms == DEADLINE_NONE          ? COMMIT_IDLE
                              : committer->paused_ms >= due_ms ? COMMIT_PAUSED
                                                               : COMMIT_WAITING;
    commit_report_doing(&committer->report, doing, due_ms);
}

static void sleep_until(struct committer *committer, int64_t due_ms)
    REQUIRES(committer->lock)
{
    committer->wakes_ms = due_ms;
    if (due_ms == DEADLINE_NONE) {
        condition_wait(&committer->changed, &committer->lock);
    } else {
        (void)condition_wait_until(&committer->changed, &committer->lock, due_ms);
    }
    committer->wakes_ms = 0; // is awake
}

// Waits for the next turn; false = the end. The overlay's lock is never taken under ours.
static bool await_turn(struct committer *committer)
{
    committer->waiting.n_waiting = 0; // to be counted
    for (;;) {
        lock_acquire(&committer->lock);
        bool is_asked = committer->waits.first != NULL;
        if (committer->is_kicked) {
            committer->nothing_ms = 0;
            committer->has_more = true;
        }
        committer->is_kicked = false;
        lock_release(&committer->lock);
        int64_t due_ms = next_turn_ms(committer, is_asked);
        bool is_due = clock_now_ms() >= due_ms;
        tell_waiting(committer, due_ms);
        if (committer->has_more && committer->count_again_ms < due_ms) {
            due_ms = committer->count_again_ms;
        }
        lock_acquire(&committer->lock);
        bool goes_on = !committer->stop_wanted;
        if (goes_on && is_due) {
            commit_waits_join(&committer->current, commit_waits_take(&committer->waits));
        } else if (goes_on && !committer->is_kicked) {
            sleep_until(committer, due_ms);
        }
        lock_release(&committer->lock);
        if (!goes_on || is_due) {
            return goes_on;
        }
    }
}

// The parts of the mount that are opened after the committer are there when it serves.
static bool await_mount(struct committer *committer)
{
    bool is_open = false;
    bool goes_on = true;
    while (goes_on && !is_open) {
        is_open = mount_is_serving(committer->work.mount);
        lock_acquire(&committer->lock);
        is_open = is_open || committer->is_draining;
        goes_on = !committer->stop_wanted;
        if (goes_on && !is_open) {
            (void)condition_wait_until(&committer->changed, &committer->lock,
                                       clock_now_ms() + OPENING_MS);
        }
        lock_release(&committer->lock);
    }
    return goes_on;
}

static void *run(void *ctx)
{
    struct committer *committer = ctx;
    bool goes_on = await_mount(committer);
    while (goes_on && await_turn(committer)) {
        committer_take_turn(committer);
    }
    lock_acquire(&committer->lock);
    committer->is_over = true;
    lock_release(&committer->lock);
    on_troubled(committer, ERR_CANCELLED, NULL);
    return NULL;
}

static enum err prepare(struct committer *committer,
                        const struct committer_config *config, struct why *why)
{
    struct commit_work *work = &committer->work;
    committer->policy =
        (struct commit_policy){config->mode, config->quiet_ms, config->max_delay_ms};
    work->as_pull = config->as_pull;
    if (config->branch != NULL) {
        committer->new_branch = strdup(config->branch);
        if (committer->new_branch == NULL) {
            return ERR_NO_MEMORY;
        }
        work->new_branch = committer->new_branch;
    }
    snprintf(work->revision, sizeof(work->revision), "%s",
             work->mount->options->address.revision);
    commit_report_target(&committer->report, work->revision, 0);
    enum err err = commit_recover_load(work, why);
    if (err == ERR_NONE) {
        commit_recover_hold(work);
        lock_acquire(&committer->lock);
        committer->message = STEAL_POINTER(work->message);
        lock_release(&committer->lock);
    }
    return err;
}

// In a burst of small files waking the thread for each would cost as much as what it does.
static void on_sealed(void *ctx)
{
    struct committer *committer = ctx;
    lock_acquire(&committer->lock);
    committer->is_kicked = true;
    if (committer->wakes_ms > clock_now_ms() + COUNT_EACH_MS) {
        condition_broadcast(&committer->changed);
    }
    lock_release(&committer->lock);
}

enum err committer_open(struct mount *mount, struct overlay *overlay,
                        struct journal *journal, const struct committer_config *config,
                        struct why *why, struct committer **out)
{
    struct committer *committer = calloc(1, sizeof(*committer));
    if (committer == NULL) {
        return ERR_NO_MEMORY;
    }
    commit_work_init(&committer->work);
    commit_report_init(&committer->report);
    lock_init(&committer->lock);
    condition_init(&committer->changed);
    committer->work.mount = mount;
    committer->work.overlay = overlay;
    committer->work.journal = journal;
    committer->work.report = &committer->report;
    committer->work.listener =
        (struct commit_listener){on_settled, on_troubled, committer};
    enum err err = prepare(committer, config, why);
    if (err == ERR_NONE &&
        pthread_create(&committer->thread, NULL, run, committer) != 0) {
        err = ERR_SYSTEM;
    }
    if (err != ERR_NONE) {
        committer_free(committer);
        return err;
    }
    pthread_setname_np(committer->thread, "committer");
    overlay_on_sealed(overlay, on_sealed, committer);
    *out = committer;
    return ERR_NONE;
}
