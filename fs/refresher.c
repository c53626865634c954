// SPDX-License-Identifier: Apache-2.0
// Moving a mount to another commit.
//
// The order is everything, for the kernel blocks a notification about a name while an
// operation on its directory is parked, and blocks every other lookup there meanwhile:
//
//  1. list the new root to its end, and the old one, so that nothing on the root can park;
//  2. publish: from here on LOOKUP and READDIR of the root answer from the new commit;
//  3. forget each root name that differs (the kernel asks again and gets the new node);
//  4. forget the root's own listing and attributes: a name that is merely new was never
//     known to the kernel, and only this makes it appear.
//
// Steps 3 and 4 happen on this thread with no lock held. Nothing below the root is touched:
// a changed directory or file is another inode, and who holds the old one keeps it. Others
// who have something to tell the kernel (git_modes.c) do it here too: refresher_run().
//
// Lock: `lock` guards the schedule and the status.
#include "fs/refresher.h"

#include "fs/head.h"
#include "fs/mount_parts.h"
#include "fs/root_diff.h"

#include <utlist.h>

enum {
    JITTER_PERCENT = 10,
};

struct kick {
    mount_done_fn done;
    void *ctx;
    struct kick *next;
};

struct errand {
    refresher_fn run;
    void *ctx;
    struct errand *next;
};

struct refresher {
    struct mount *mount;
    pthread_t thread;
    struct wait_owner owner;
    struct condition changed;
    struct lock lock;
    bool stop_wanted GUARDED_BY(lock);
    bool is_kicked GUARDED_BY(lock);
    bool is_over GUARDED_BY(lock); // the thread looks at nothing any more
    struct kick *kicks GUARDED_BY(lock);
    struct errand *errands GUARDED_BY(lock);
    int64_t checked_s GUARDED_BY(lock);
    enum err err GUARDED_BY(lock); // of the last time, with `error`
    struct why error GUARDED_BY(lock);
    struct repo_id repo GUARDED_BY(lock); // as the Hub called it the last time
};

// -------------------------------------------------------------------------------- moving

static enum err complete(struct refresher *refresher, uint64_t dir_ino,
                         const struct hub_call *call, struct why *why)
{
    struct wait *wait = NULL;
    enum err err = wait_begin(&refresher->owner, &wait);
    if (err != ERR_NONE) {
        return err;
    }
    namespace_complete(refresher->mount->namespace, dir_ino, call, wait_done,
                       wait_ref(wait));
    err = wait_end(&refresher->owner, wait, why);
    wait_unref(wait);
    return err;
}

static void forget_name(void *ctx, const char *name)
{
    session_forget_name(ctx, INO_ROOT, name);
}

// `from` is what was shown when the head was asked for.
static enum err move_to(struct refresher *refresher, const struct head *head,
                        const struct snapshot_view *from, const struct hub_call *call,
                        struct why *why, enum overlay_shown *out_shown)
{
    struct mount *mount = refresher->mount;
    struct snapshot_view new;
    enum err err = head_view(mount, &refresher->owner, call, head, why, &new);
    if (err == ERR_NONE) {
        err = complete(refresher, new.root, call, why);
    }
    if (err == ERR_NONE) {
        err = complete(refresher, from->root, call, why);
    }
    if (err != ERR_NONE) {
        return err;
    }
    if (mount->overlay != NULL) {
        *out_shown = overlay_show(mount->overlay, &from->commit, &new);
    } else {
        snapshot_publish(mount->snapshot, &new);
    }
    if (*out_shown != OVERLAY_SHOWN) {
        return ERR_NONE;
    }
    char hex[OID_HEX_SIZE];
    oid_to_hex(&new.commit, hex);
    log_info("fs", "the mount moved to a new commit commit=%s", hex);
    if (new.root == from->root || mount->overlay != NULL) {
        return ERR_NONE; // SUBDIR is the same folder in both; names of a writable mount don't last
    }
    err = root_diff(mount->tree, from->root, new.root, forget_name, mount->session);
    session_forget_listing(mount->session, INO_ROOT);
    return err;
}

// The mount goes on under the name that it has: the Hub leads on from there.
static void note_name(struct refresher *refresher, const struct repo_id *repo)
{
    char name[REPO_NAME_SIZE + 16];
    lock_acquire(&refresher->lock);
    bool is_news = !repo_id_equal(&refresher->repo, repo);
    refresher->repo = *repo;
    lock_release(&refresher->lock);
    if (is_news) {
        repo_id_format(repo, name, sizeof(name));
        log_info("fs", "the repository is called %s now", name);
    }
}

static enum err refresh_once(struct refresher *refresher, enum hub_class class,
                             struct why *why, enum overlay_shown *out_shown)
{
    struct mount *mount = refresher->mount;
    struct hub_call call = {.class = class, .reason = "poll"};
    struct head head;
    struct snapshot_view view;
    snapshot_current(mount->snapshot, &view);
    *out_shown = OVERLAY_SHOWN;
    enum err err = head_ask(mount, &refresher->owner, &call, why, &head);
    if (err == ERR_NONE) {
        note_name(refresher, &head.repo);
    }
    if (err != ERR_NONE || oid_equal(&head.ref.sha, &view.commit)) {
        return err;
    }
    return move_to(refresher, &head, &view, &call, why, out_shown);
}

// What was asked before the committer moved the mount is asked again.
static enum err refresh(struct refresher *refresher, enum hub_class class,
                        struct why *why, bool *out_is_put_off)
{
    enum overlay_shown shown = OVERLAY_IS_ELSEWHERE;
    enum err err = ERR_NONE;
    while (err == ERR_NONE && shown == OVERLAY_IS_ELSEWHERE) {
        err = refresh_once(refresher, class, why, &shown);
    }
    *out_is_put_off = err == ERR_NONE && shown == OVERLAY_SHOWN_LATER;
    return err;
}

// ---------------------------------------------------------------------------- the thread

// `n_refused`: how often in a row the Hub's rate limit has refused the question. Not every 429 says
// for how long, and one that says longer than a request may take is lost with it.
static int64_t next_poll_ms(const struct refresher *refresher, unsigned n_refused)
{
    int64_t poll_ms = refresher->mount->options->poll_ms;
    if (poll_ms <= 0 || refresher->mount->is_commit) {
        return DEADLINE_NONE;
    }
    poll_ms = heads_backoff_ms(poll_ms, n_refused);
    int64_t spread = poll_ms * JITTER_PERCENT / 100;
    return clock_now_ms() + poll_ms - spread +
           (int64_t)random_below((uint64_t)(2 * spread + 1));
}

// What is to be done in a turn.
struct turn {
    struct kick *kicks;     // who waits for the head
    struct errand *errands; // what else is to be done on this thread
    bool is_kicked;
    bool is_due; // the time to poll has come
};

// Waits for the next turn; false = the end.
static bool await_turn(struct refresher *refresher, int64_t at_ms, struct turn *out)
{
    lock_acquire(&refresher->lock);
    while (!refresher->stop_wanted && !refresher->is_kicked &&
           refresher->errands == NULL && clock_now_ms() < at_ms) {
        if (at_ms == DEADLINE_NONE) {
            condition_wait(&refresher->changed, &refresher->lock);
        } else {
            (void)condition_wait_until(&refresher->changed, &refresher->lock, at_ms);
        }
    }
    bool goes_on = !refresher->stop_wanted;
    *out = (struct turn){.kicks = refresher->kicks,
                         .errands = refresher->errands,
                         .is_kicked = refresher->is_kicked,
                         .is_due = clock_now_ms() >= at_ms};
    refresher->is_over = !goes_on;
    refresher->is_kicked = false;
    refresher->kicks = NULL;
    refresher->errands = NULL;
    lock_release(&refresher->lock);
    return goes_on;
}

static void note_result(struct refresher *refresher, enum err err, const struct why *why)
{
    lock_acquire(&refresher->lock);
    bool is_news = err != refresher->err;
    refresher->err = err;
    refresher->error = (struct why){""};
    if (err == ERR_NONE) {
        refresher->checked_s = clock_wall_s();
    } else {
        snprintf(refresher->error.text, sizeof(refresher->error.text), "%s",
                 why_text(why, err));
    }
    lock_release(&refresher->lock);
    if (err != ERR_NONE && err != ERR_CANCELLED && is_news) {
        log_warn("fs", "the head of the branch could not be followed: %s",
                 why_text(why, err));
    }
}

static void answer_kicks(struct kick *kicks, enum err err, const struct why *why)
{
    while (kicks != NULL) {
        struct kick *kick = kicks;
        kicks = kick->next;
        kick->done(kick->ctx, err, why);
        free(kick);
    }
}

// Those who wait go on waiting: the committer says when the mount may move.
static void put_off(struct refresher *refresher, struct kick *kicks)
{
    lock_acquire(&refresher->lock);
    LL_CONCAT(refresher->kicks, kicks);
    lock_release(&refresher->lock);
}

static void run_errands(struct errand *errands, bool may_tell)
{
    while (errands != NULL) {
        struct errand *errand = errands;
        errands = errand->next;
        errand->run(errand->ctx, may_tell);
        free(errand);
    }
}

// Asks for the head and moves there. A commit stays where it is. Offline, only a person who
// asks is told so.
static enum err take_turn(struct refresher *refresher, const struct turn *turn,
                          struct why *why, bool *out_is_put_off)
{
    struct mount *mount = refresher->mount;
    if (mount->is_commit || (!turn->is_kicked && hub_is_offline(mount->hub))) {
        return ERR_NONE;
    }
    enum err err = refresh(refresher, turn->kicks != NULL ? HUB_DEMAND : HUB_PREFETCH,
                           why, out_is_put_off);
    note_result(refresher, err, why);
    return err;
}

static void *run(void *ctx)
{
    struct refresher *refresher = ctx;
    struct turn turn;
    unsigned n_refused = 0;
    int64_t at_ms = next_poll_ms(refresher, n_refused);
    while (await_turn(refresher, at_ms, &turn)) {
        run_errands(turn.errands, true);
        if (turn.is_kicked || turn.is_due) {
            struct why why = {""};
            bool is_put_off = false;
            enum err err = take_turn(refresher, &turn, &why, &is_put_off);
            if (is_put_off) {
                put_off(refresher, turn.kicks);
            } else {
                answer_kicks(turn.kicks, err, &why);
            }
            n_refused = err == ERR_QUOTA ? n_refused + 1 : 0;
            at_ms = next_poll_ms(refresher, n_refused);
        }
    }
    run_errands(turn.errands, false);
    answer_kicks(turn.kicks, ERR_CANCELLED, NULL);
    return NULL;
}

enum err refresher_open(struct mount *mount, int64_t checked_s, struct refresher **out)
{
    struct refresher *refresher = calloc(1, sizeof(*refresher));
    if (refresher == NULL) {
        return ERR_NO_MEMORY;
    }
    refresher->mount = mount;
    lock_init(&refresher->lock);
    condition_init(&refresher->changed);
    wait_owner_init(&refresher->owner);
    lock_acquire(&refresher->lock);
    refresher->checked_s = checked_s;
    refresher->repo = mount->repo;
    lock_release(&refresher->lock);
    if (pthread_create(&refresher->thread, NULL, run, refresher) != 0) {
        wait_owner_release(&refresher->owner);
        condition_destroy(&refresher->changed);
        lock_destroy(&refresher->lock);
        free(refresher);
        return ERR_SYSTEM;
    }
    pthread_setname_np(refresher->thread, "refresher");
    *out = refresher;
    return ERR_NONE;
}

void refresher_stop(struct refresher *refresher)
{
    if (refresher == NULL) {
        return;
    }
    lock_acquire(&refresher->lock);
    refresher->stop_wanted = true;
    condition_broadcast(&refresher->changed);
    lock_release(&refresher->lock);
    wait_owner_cancel(&refresher->owner);
    pthread_join(refresher->thread, NULL);
}

void refresher_free(struct refresher *refresher)
{
    if (refresher == NULL) {
        return;
    }
    wait_owner_release(&refresher->owner);
    condition_destroy(&refresher->changed);
    lock_destroy(&refresher->lock);
    free(refresher);
}

void refresher_kick(struct refresher *refresher, mount_done_fn done, void *ctx)
{
    struct kick *kick = done != NULL ? calloc(1, sizeof(*kick)) : NULL;
    if (done != NULL && kick == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    lock_acquire(&refresher->lock);
    bool is_over = refresher->is_over;
    refresher->is_kicked = true;
    if (kick != NULL) {
        *kick = (struct kick){.done = done, .ctx = ctx};
    }
    if (kick != NULL && !is_over) {
        LL_PREPEND(refresher->kicks, kick);
    }
    condition_broadcast(&refresher->changed);
    lock_release(&refresher->lock);
    if (is_over) {
        answer_kicks(kick, ERR_CANCELLED, NULL);
    }
}

enum err refresher_run(struct refresher *refresher, refresher_fn run_fn, void *ctx)
{
    struct errand *errand = calloc(1, sizeof(*errand));
    if (errand == NULL) {
        return ERR_NO_MEMORY;
    }
    *errand = (struct errand){.run = run_fn, .ctx = ctx};
    lock_acquire(&refresher->lock);
    bool is_over = refresher->is_over;
    if (!is_over) {
        LL_PREPEND(refresher->errands, errand);
    }
    condition_broadcast(&refresher->changed);
    lock_release(&refresher->lock);
    if (is_over) {
        run_errands(errand, false);
    }
    return ERR_NONE;
}

void refresher_status(struct refresher *refresher, int64_t *out_checked_s,
                      struct why *out_error, struct repo_id *out_repo)
{
    lock_acquire(&refresher->lock);
    *out_repo = refresher->repo;
    *out_checked_s = refresher->checked_s;
    *out_error = refresher->error;
    lock_release(&refresher->lock);
}
