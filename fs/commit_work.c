// SPDX-License-Identifier: Apache-2.0
// The committer's own state, and how it keeps still.
#include "fs/commit_work.h"

#include "fs/commit_recover.h"

struct hub_call commit_call(void)
{
    return (struct hub_call){.class = HUB_DEMAND, .reason = "commit"};
}

struct hub_target commit_target(const struct commit_work *work)
{
    return (struct hub_target){
        .repo = work->mount->repo,
        .revision = work->revision[0] != '\0' ? work->revision : DEFAULT_BRANCH,
    };
}

void commit_work_init(struct commit_work *work)
{
    *work = (struct commit_work){.mount = NULL};
    lock_init(&work->lock);
    condition_init(&work->stopping);
    wait_owner_init(&work->owner);
}

void commit_work_release(struct commit_work *work)
{
    commit_recover_release(work);
    commit_own_release(&work->own);
    for (size_t i = 0; i < work->n_unsettled; i++) {
        free(work->unsettled[i].id);
    }
    free(work->unsettled);
    free(work->pull_key);
    free(work->message);
    wait_owner_release(&work->owner);
    condition_destroy(&work->stopping);
    lock_destroy(&work->lock);
}

void commit_work_stop(struct commit_work *work)
{
    lock_acquire(&work->lock);
    work->is_stopping = true;
    condition_broadcast(&work->stopping);
    lock_release(&work->lock);
    wait_owner_cancel(&work->owner);
}

bool commit_is_stopping(struct commit_work *work)
{
    lock_acquire(&work->lock);
    bool is_stopping = work->is_stopping;
    lock_release(&work->lock);
    return is_stopping;
}

int64_t commit_quota_ms(struct commit_work *work)
{
    struct hub_stats stats;
    hub_stats(work->mount->hub, &stats);
    return stats.quota_left == 0 ? stats.quota_reset_s * 1000 : work->told_ms;
}

enum commit_end commit_pause(struct commit_work *work, enum err err,
                             const struct why *why)
{
    if (err == ERR_CANCELLED && commit_is_stopping(work)) {
        return COMMIT_END_STOPPED;
    }
    work->err = err;
    work->why = (struct why){""};
    snprintf(work->why.text, sizeof(work->why.text), "%s", why_text(why, err));
    return COMMIT_END_PAUSE;
}

bool commit_hold_still(struct commit_work *work, enum err err, const struct why *why,
                       unsigned n_failed)
{
    if (err == ERR_CANCELLED && commit_is_stopping(work)) {
        return false;
    }
    int64_t at_ms =
        clock_now_ms() + commit_pause_ms(err, n_failed, commit_quota_ms(work));
    commit_report_trouble(work->report, err, why);
    commit_report_doing(work->report, COMMIT_PAUSED, at_ms);
    work->listener.troubled(work->listener.ctx, err, why);
    lock_acquire(&work->lock);
    while (!work->is_stopping && clock_now_ms() < at_ms) {
        (void)condition_wait_until(&work->stopping, &work->lock, at_ms);
    }
    bool goes_on = !work->is_stopping;
    lock_release(&work->lock);
    return goes_on;
}
